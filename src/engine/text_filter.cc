#include "engine/text_filter.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/block_filter.h"
#include "base/hash.h"
#include "engine/thrift_reader.h"

namespace tidemark::engine {
namespace {

using Type = ThriftReader::Type;

constexpr std::string_view kMagic = "PAR1";
constexpr std::int64_t kByteArray = 6;
// Most footers are smaller, and come with the file's last bytes.
constexpr std::uint64_t kTailBytes = 64U << 10;

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat info{};
    if (fd_ >= 0 && ::fstat(fd_, &info) == 0) size_ = static_cast<std::uint64_t>(info.st_size);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  std::uint64_t size() const { return size_; }
  // Nothing: they are not all there.
  std::optional<std::string> Read(std::uint64_t offset, std::uint64_t bytes) const {
    if (offset > size_ || bytes > size_ - offset) return std::nullopt;
    std::string read(bytes, '\0');
    for (std::uint64_t done = 0; done < bytes;) {
      const ssize_t n =
          ::pread(fd_, read.data() + done, bytes - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      done += static_cast<std::uint64_t>(n);
    }
    return read;
  }

 private:
  const int fd_;
  std::uint64_t size_ = 0;
};

// Empty: there is none.
std::string FooterOf(const File& file) {
  constexpr std::uint64_t kEndBytes = sizeof(std::uint32_t) + kMagic.size();
  if (file.size() < kMagic.size() + kEndBytes) return {};
  const std::uint64_t tail_bytes = std::min(file.size(), kTailBytes);
  const auto tail = file.Read(file.size() - tail_bytes, tail_bytes);
  if (!tail || !tail->ends_with(kMagic)) return {};
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, tail->data() + tail->size() - kEndBytes, sizeof bytes);
  if (bytes > kFooterBytesMax || bytes > file.size() - kEndBytes) return {};
  if (bytes <= tail->size() - kEndBytes) {
    return tail->substr(tail->size() - kEndBytes - bytes, bytes);
  }
  return file.Read(file.size() - kEndBytes - bytes, bytes).value_or("");
}

// Finds the column among the leaves of a file's schema, which are its column chunks in order.
class LeafFinder {
 public:
  explicit LeafFinder(std::int64_t field_id) : field_id_(field_id) {}

  bool ReadElement(ThriftReader* reader) {
    std::int64_t type = -1;
    std::int64_t children = 0;
    std::int64_t id = -1;
    const bool read = reader->Struct([&](std::int64_t field, Type kind) {
      if (field == 1) return reader->Int(&type);
      if (field == 5) return reader->Int(&children);
      if (field == 9) return reader->Int(&id);
      return reader->Skip(kind);
    });
    if (!read || children > 0) return read;
    if (id == field_id_ && type == kByteArray) place_ = leaves_;
    ++leaves_;
    return true;
  }
  // -1: no column of texts has the id.
  std::int64_t place() const { return place_; }

 private:
  const std::int64_t field_id_;
  std::int64_t leaves_ = 0;
  std::int64_t place_ = -1;
};

bool ReadChunk(ThriftReader* reader, FilterPlace* place) {
  return reader->Struct([&](std::int64_t field, Type kind) {
    if (field != 3 || kind != Type::kStruct) return reader->Skip(kind);
    return reader->Struct([&](std::int64_t of_column, Type kind_of) {
      if (of_column == 14) return reader->Int(&place->offset);
      if (of_column == 15) return reader->Int(&place->bytes);
      return reader->Skip(kind_of);
    });
  });
}

// The filter of the `wanted`th column chunk of one row group.
bool ReadGroup(ThriftReader* reader, std::int64_t wanted, FilterPlace* place) {
  return reader->Struct([&](std::int64_t field, Type kind) {
    if (field != 1 || kind != Type::kList) return reader->Skip(kind);
    std::int64_t column = 0;
    return reader->List([&](Type element) {
      if (column++ != wanted) return reader->Skip(element);
      return ReadChunk(reader, place);
    });
  });
}

// Whether a choice of the header is the one that there is.
bool IsFirst(ThriftReader* reader) {
  bool first = false;
  return reader->Struct([&](std::int64_t field, Type kind) {
    first = field == 1;
    return reader->Skip(kind);
  }) && first;
}

// The blocks behind the header, if they are split blocks of XXH64, not compressed.
std::string BlocksOf(std::string_view filter) {
  ThriftReader reader(filter);
  std::int64_t bytes = -1;
  const bool understood = reader.Struct([&](std::int64_t field, Type kind) {
    if (field == 1) return reader.Int(&bytes);
    if (field >= 2 && field <= 4 && kind == Type::kStruct) return IsFirst(&reader);
    return reader.Skip(kind);
  });
  const bool whole = understood && bytes > 0 &&
                     static_cast<std::uint64_t>(bytes) == reader.remaining() &&
                     static_cast<std::uint64_t>(bytes) % kFilterBlockBytes == 0;
  return whole ? std::string(filter.substr(filter.size() - reader.remaining())) : std::string();
}

}  // namespace

std::vector<FilterPlace> FilterPlacesOf(std::string_view footer, std::int32_t field_id) {
  ThriftReader reader(footer);
  LeafFinder leaves(field_id);
  std::vector<FilterPlace> places;
  const bool read = reader.Struct([&](std::int64_t field, Type kind) {
    if (field == 2 && kind == Type::kList) {
      return reader.List([&](Type) { return leaves.ReadElement(&reader); });
    }
    if (field != 4 || kind != Type::kList || leaves.place() < 0) return reader.Skip(kind);
    return reader.List(
        [&](Type) { return ReadGroup(&reader, leaves.place(), &places.emplace_back()); });
  });
  const auto is_missing = [](const FilterPlace& place) {
    return place.offset <= 0 || place.bytes <= 0;
  };
  if (!read || std::any_of(places.begin(), places.end(), is_missing)) return {};
  return places;
}

TextFilter TextFilter::Read(const std::string& native_path, std::int32_t field_id) {
  const File file(native_path);
  const std::vector<FilterPlace> places = FilterPlacesOf(FooterOf(file), field_id);
  TextFilter filter;
  std::uint64_t sum = 0;
  for (const FilterPlace& place : places) {
    const auto offset = static_cast<std::uint64_t>(place.offset);
    const auto bytes = static_cast<std::uint64_t>(place.bytes);
    if (bytes > kTextFilterBytesMax - sum) return {};
    sum += bytes;
    const auto read = file.Read(offset, bytes);
    std::string blocks = read ? BlocksOf(*read) : std::string();
    if (blocks.empty()) return {};
    filter.groups_.push_back(std::move(blocks));
  }
  return filter;
}

bool TextFilter::MayHave(std::string_view text) const {
  if (groups_.empty()) return true;
  const std::uint64_t hash = HashXxh64(text);
  return std::any_of(groups_.begin(), groups_.end(), [hash](const std::string& blocks) {
    const std::uint64_t block = FilterBlockOf(hash, blocks.size() / kFilterBlockBytes);
    return FilterBlockMayHave(blocks.data() + block * kFilterBlockBytes,
                              static_cast<std::uint32_t>(hash));
  });
}

std::uint64_t TextFilter::bytes() const {
  std::uint64_t sum = 0;
  for (const std::string& blocks : groups_) sum += blocks.size();
  return sum;
}

}  // namespace tidemark::engine
