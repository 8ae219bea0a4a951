#include "lake/names.h"

#include <charconv>

namespace tidemark::lake {
namespace {

std::string InMetadata(std::string_view location, std::string name) {
  return std::string(location) + "/metadata/" + std::move(name);
}

constexpr std::string_view kParquetEnd = ".parquet";
constexpr std::string_view kPromotionsMark = "-p";
constexpr std::size_t kPromotionsDigitsMax = 9;

// Where "-p3.parquet" begins; nothing: the name has none.
std::optional<std::size_t> FindPromotions(std::string_view name) {
  if (!name.ends_with(kParquetEnd)) return std::nullopt;
  const std::string_view stem = name.substr(0, name.size() - kParquetEnd.size());
  const std::size_t last = stem.find_last_not_of("0123456789");
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view digits = stem.substr(last + 1);
  if (digits.empty() || digits.size() > kPromotionsDigitsMax || digits.front() == '0' ||
      !stem.substr(0, last + 1).ends_with(kPromotionsMark)) {
    return std::nullopt;
  }
  return last + 1 - kPromotionsMark.size();
}

}  // namespace

Uuid AttemptId(const Uuid& write, std::uint32_t attempt) {
  Uuid id = write;
  const std::uint32_t shift = attempt - 1;
  id.bytes[14] = static_cast<std::uint8_t>(id.bytes[14] ^ (shift >> 8));
  id.bytes[15] = static_cast<std::uint8_t>(id.bytes[15] ^ shift);
  return id;
}

bool IsNameOf(std::string_view name, const Uuid& write) {
  const std::string id = write.ToString();
  return name.find(std::string_view(id).substr(0, kCommonIdChars)) != std::string_view::npos;
}

std::string MetadataKey(std::string_view location, std::int64_t version, const Uuid& id,
                        bool gzip) {
  std::string digits = std::to_string(version);
  if (digits.size() < 5) digits.insert(0, 5 - digits.size(), '0');
  return InMetadata(location,
                    digits + "-" + id.ToString() + (gzip ? ".gz.metadata.json" : ".metadata.json"));
}

std::string ManifestKey(std::string_view location, const Uuid& write, std::uint32_t number) {
  return InMetadata(location, write.ToString() + "-m" + std::to_string(number) + ".avro");
}

std::string ManifestListKey(std::string_view location, SnapshotId snapshot, std::uint32_t attempt,
                            const Uuid& id) {
  return InMetadata(location, "snap-" + to_string(snapshot) + "-" + std::to_string(attempt) + "-" +
                                  id.ToString() + ".avro");
}

std::optional<std::int64_t> VersionOf(std::string_view key) {
  if (!key.ends_with(".metadata.json")) return std::nullopt;
  const std::string_view name = key.substr(key.rfind('/') + 1);
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc() || end == name.data() + name.size() || *end != '-' || version < 0) {
    return std::nullopt;
  }
  return version;
}

std::string WithPromotions(std::string_view data_file, std::uint32_t promotions) {
  if (data_file.ends_with(kParquetEnd)) data_file.remove_suffix(kParquetEnd.size());
  std::string name(data_file);
  return name.append(kPromotionsMark).append(std::to_string(promotions)).append(kParquetEnd);
}

std::uint32_t PromotionsOf(std::string_view data_file) {
  const auto mark = FindPromotions(data_file);
  if (!mark) return 0;
  std::uint32_t number = 0;
  const std::string_view digits = data_file.substr(*mark + kPromotionsMark.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string_view WithoutPromotions(std::string_view data_file) {
  const auto mark = FindPromotions(data_file);
  return mark ? data_file.substr(0, *mark) : data_file;
}

}  // namespace tidemark::lake
