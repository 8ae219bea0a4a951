#include "engine/deletion_vector.h"

#include <bit>
#include <string>
#include <vector>

#include <zlib.h>

#include "base/bytes.h"

namespace tidemark::engine {
namespace {

constexpr std::string_view kMagic("\xD1\xD3\x39\x64", 4);
constexpr std::size_t kFrameBytes = 8;  // Length before, checksum behind.

// Of a 32-bit bitmap (RoaringFormatSpec).
constexpr std::uint32_t kCookieRuns = 12347;
constexpr std::uint32_t kCookie = 12346;
constexpr std::uint32_t kContainersMax = 1U << 16;
constexpr std::uint32_t kOffsetsFrom = 4;  // Containers; with runs, fewer have no offsets.
constexpr std::uint32_t kArrayMax = 4096;  // Values; more are a bitset.
constexpr std::size_t kBitsetWords = 1024;

tl::unexpected<Error> Wrong(std::string_view what) {
  return Fail(Code::kCorruption, "a deletion vector with " + std::string(what));
}

std::uint32_t BigEndian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

struct Container {
  std::uint64_t base = 0;  // Of its 65,536 places.
  std::uint32_t count = 0;
  bool is_runs = false;
};

class Decoder {
 public:
  using Visit = std::function<Status(std::uint64_t place)>;
  Decoder(std::string_view bytes, const Visit& visit) : in_(bytes), visit_(visit) {}

  Status Run() {
    std::uint64_t bitmaps = 0;
    if (!in_.Fixed(&bitmaps)) return Wrong("a short bitmap");
    std::int64_t last_key = -1;
    for (std::uint64_t i = 0; i < bitmaps; ++i) {
      std::uint32_t key = 0;
      if (!in_.Fixed(&key)) return Wrong("a short bitmap");
      if (std::int64_t{key} <= last_key) return Wrong("keys that do not grow");
      last_key = key;
      TM_TRY(Bitmap(std::uint64_t{key} << 32));
    }
    if (in_.remaining() > 0) return Wrong("bytes behind its bitmap");
    return {};
  }
  std::uint64_t count() const { return count_; }

 private:
  Status Bitmap(std::uint64_t base) {
    TM_ASSIGN(const std::vector<Container> containers, Containers(base));
    for (const Container& container : containers) {
      if (container.is_runs) {
        TM_TRY(Runs(container));
      } else if (container.count <= kArrayMax) {
        TM_TRY(Array(container));
      } else {
        TM_TRY(Bitset(container));
      }
    }
    return {};
  }

  Result<std::vector<Container>> Containers(std::uint64_t base) {
    std::uint32_t cookie = 0;
    if (!in_.Fixed(&cookie)) return Wrong("a short bitmap");
    std::uint32_t count = 0;
    std::string_view run_bits;
    const bool has_runs = (cookie & 0xFFFF) == kCookieRuns;
    if (has_runs) {
      count = (cookie >> 16) + 1;
      if (!in_.Bytes((count + 7) / 8, &run_bits)) return Wrong("a short bitmap");
    } else if (cookie != kCookie || !in_.Fixed(&count) || count > kContainersMax) {
      return Wrong("a bad header of its bitmap");
    }
    if (in_.remaining() / 4 < count) return Wrong("a short bitmap");
    std::vector<Container> containers(count);
    std::int32_t last_key = -1;
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint16_t key = 0;
      std::uint16_t less_one = 0;
      if (!in_.Fixed(&key) || !in_.Fixed(&less_one)) return Wrong("a short bitmap");
      if (std::int32_t{key} <= last_key) return Wrong("containers out of order");
      last_key = key;
      containers[i].base = base + (std::uint64_t{key} << 16);
      containers[i].count = std::uint32_t{less_one} + 1;
      containers[i].is_runs =
          has_runs && (static_cast<std::uint8_t>(run_bits[i / 8]) >> (i % 8) & 1) != 0;
    }
    // For those who skip containers.
    std::string_view offsets;
    const bool has_offsets = !has_runs || count >= kOffsetsFrom;
    if (has_offsets && !in_.Bytes(std::size_t{count} * 4, &offsets)) return Wrong("a short bitmap");
    return containers;
  }

  Status Array(const Container& container) {
    std::int32_t last = -1;
    for (std::uint32_t i = 0; i < container.count; ++i) {
      std::uint16_t value = 0;
      if (!in_.Fixed(&value)) return Wrong("a short bitmap");
      if (std::int32_t{value} <= last) return Wrong("places out of order");
      last = value;
      TM_TRY(Add(container.base + value));
    }
    return {};
  }

  Status Bitset(const Container& container) {
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < kBitsetWords; ++i) {
      std::uint64_t word = 0;
      if (!in_.Fixed(&word)) return Wrong("a short bitmap");
      found += static_cast<std::uint32_t>(std::popcount(word));
      for (; word != 0; word &= word - 1) {
        TM_TRY(Add(container.base + i * 64 + static_cast<std::uint64_t>(std::countr_zero(word))));
      }
    }
    if (found != container.count) return Wrong("a count that is not its places'");
    return {};
  }

  Status Runs(const Container& container) {
    std::uint16_t runs = 0;
    if (!in_.Fixed(&runs)) return Wrong("a short bitmap");
    std::int64_t last = -1;
    std::uint32_t found = 0;
    for (std::uint16_t i = 0; i < runs; ++i) {
      std::uint16_t first = 0;
      std::uint16_t more = 0;
      if (!in_.Fixed(&first) || !in_.Fixed(&more)) return Wrong("a short bitmap");
      const std::int64_t end = std::int64_t{first} + more;
      if (first <= last || end > 0xFFFF) return Wrong("runs out of order");
      last = end;
      for (std::int64_t value = first; value <= end; ++value) {
        TM_TRY(Add(container.base + static_cast<std::uint64_t>(value)));
      }
      found += std::uint32_t{more} + 1;
    }
    if (found != container.count) return Wrong("a count that is not its runs'");
    return {};
  }

  Status Add(std::uint64_t place) {
    ++count_;
    return visit_(place);
  }

  ByteReader in_;
  const Visit& visit_;
  std::uint64_t count_ = 0;
};

}  // namespace

Result<std::uint64_t> VisitVector(std::string_view blob,
                                  const std::function<Status(std::uint64_t place)>& visit) {
  if (blob.size() < kFrameBytes + kMagic.size()) return Wrong("too few bytes");
  const std::string_view body = blob.substr(4, blob.size() - kFrameBytes);
  if (BigEndian(blob.substr(0, 4)) != body.size()) return Wrong("a length that is not its own");
  if (!body.starts_with(kMagic)) return Wrong("other first bytes than D1 D3 39 64");
  const auto* bytes = reinterpret_cast<const Bytef*>(body.data());
  const auto sum = static_cast<std::uint32_t>(::crc32_z(0, bytes, body.size()));
  if (BigEndian(blob.substr(blob.size() - 4)) != sum) return Wrong("a checksum that does not hold");
  Decoder decoder(body.substr(kMagic.size()), visit);
  TM_TRY(decoder.Run());
  return decoder.count();
}

Status AddVector(std::string_view blob, std::uint64_t cardinality, DeletedRows* rows) {
  TM_ASSIGN(const std::uint64_t count, VisitVector(blob, [rows](std::uint64_t place) -> Status {
              // Ends a vector that would go on for ever too: no file has so many rows.
              if (place < rows->rows() && rows->Add(static_cast<std::int64_t>(place))) return {};
              return Wrong("a place beyond the file's rows");
            }));
  if (count == cardinality) return {};
  return Wrong(std::to_string(count) + " places where its manifest says " +
               std::to_string(cardinality));
}

}  // namespace tidemark::engine
