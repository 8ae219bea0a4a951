#include "lake/puffin.h"

#include <utility>

#include "base/bytes.h"
#include "base/json_reader.h"
#include "lake/deflate.h"

namespace tidemark::lake {
namespace {

constexpr std::string_view kPuffinMagic = "PFA1";
constexpr std::size_t kPuffinTailBytes = 12;  // Size, flags, magic.

tl::unexpected<Error> BadPuffin(std::string_view what) {
  return Fail(Code::kCorruption, "Puffin file with " + std::string(what));
}

std::map<std::string, std::string> TextsOf(const JsonValue* object) {
  std::map<std::string, std::string> texts;
  if (object == nullptr) return texts;
  for (const auto& [key, value] : object->members()) texts[key] = value.text();
  return texts;
}

Result<PuffinBlob> ParseBlob(const JsonValue& json, std::size_t end) {
  PuffinBlob blob;
  const auto type = json.StringAt("type");
  const auto offset = json.IntAt("offset");
  const auto length = json.IntAt("length");
  if (!type || !offset || !length) return BadPuffin("a blob without type, offset or length");
  const bool within =
      *offset >= static_cast<std::int64_t>(kPuffinMagic.size()) && *length >= 0 &&
      static_cast<std::uint64_t>(*offset) <= end &&
      static_cast<std::uint64_t>(*length) <= end - static_cast<std::size_t>(*offset);
  if (!within) return BadPuffin("a blob outside the file");
  blob.type = *type;
  blob.offset = static_cast<std::uint64_t>(*offset);
  blob.length = static_cast<std::uint64_t>(*length);
  blob.snapshot = json.IntAt("snapshot-id").value_or(-1);
  blob.sequence_number = json.IntAt("sequence-number").value_or(-1);
  if (const JsonValue* fields = json.Find("fields")) {
    for (const JsonValue& id : fields->items()) {
      blob.fields.push_back(static_cast<std::int32_t>(id.Int().value_or(-1)));
    }
  }
  if (const JsonValue* codec = json.Find("compression-codec")) blob.codec = codec->text();
  blob.properties = TextsOf(json.Find("properties"));
  return blob;
}

}  // namespace

bool IsPuffin(std::string_view bytes) { return bytes.starts_with(kPuffinMagic); }

Result<Puffin> ParsePuffin(std::string_view file) {
  const std::size_t least = 2 * kPuffinMagic.size() + kPuffinTailBytes;
  if (file.size() < least || !IsPuffin(file) || !file.ends_with(kPuffinMagic)) {
    return BadPuffin("other first or last bytes than PFA1");
  }
  ByteReader tail(file.substr(file.size() - kPuffinTailBytes));
  std::int32_t size = 0;
  std::uint32_t flags = 0;
  static_cast<void>(tail.Fixed(&size) && tail.Fixed(&flags));
  if (size < 0 || static_cast<std::size_t>(size) > file.size() - least) {
    return BadPuffin("a footer that is larger than it");
  }
  const std::size_t payload = file.size() - kPuffinTailBytes - static_cast<std::size_t>(size);
  const std::size_t footer = payload - kPuffinMagic.size();
  if (file.substr(footer, kPuffinMagic.size()) != kPuffinMagic) {
    return BadPuffin("a footer that does not begin with PFA1");
  }
  if ((flags & 1) != 0) return Fail(Code::kUnimplemented, "Puffin file with a compressed footer");
  if (flags != 0) return BadPuffin("unknown flags");
  const auto json = JsonValue::Parse(file.substr(payload, static_cast<std::size_t>(size)));
  const JsonValue* blobs = json ? json->Find("blobs") : nullptr;
  if (blobs == nullptr || !blobs->is_array()) return BadPuffin("a footer that is not its JSON");
  Puffin puffin;
  for (const JsonValue& blob : blobs->items()) {
    TM_ASSIGN(puffin.blobs.emplace_back(), ParseBlob(blob, footer));
  }
  puffin.properties = TextsOf(json->Find("properties"));
  return puffin;
}

Result<std::string> BlobOf(std::string_view file, const PuffinBlob& blob) {
  const std::string_view bytes = file.substr(blob.offset, blob.length);
  if (blob.codec.empty()) return std::string(bytes);
  if (blob.codec == "zstd") return Unzstd(bytes, kBlobBytesMax);
  return Fail(Code::kUnimplemented, "Puffin blob with codec " + blob.codec);
}

}  // namespace tidemark::lake
