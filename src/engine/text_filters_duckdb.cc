#include "engine/text_filters_duckdb.h"

#include <utility>

#include <sys/stat.h>

#include "duckdb/storage/object_cache.hpp"
#include "engine/text_filter.h"

namespace tidemark::engine {
namespace {

// What tells a file from another that had its name.
struct FileVersion {
  std::int64_t bytes = -1;
  std::int64_t changed_nanos = 0;

  static FileVersion Of(const std::string& native_path) {
    struct stat info{};
    if (::stat(native_path.c_str(), &info) != 0) return {};
    return {info.st_size, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  }
  bool operator==(const FileVersion&) const = default;
};

class KeptFilter final : public duckdb::ObjectCacheEntry {
 public:
  KeptFilter(FileVersion version, TextFilter filter)
      : version_(version), filter_(std::make_shared<const TextFilter>(std::move(filter))) {}

  static std::string ObjectType() { return "tm_text_filter"; }
  std::string GetObjectType() override { return ObjectType(); }
  duckdb::optional_idx GetEstimatedCacheMemory() const override {
    constexpr std::uint64_t kBesideBlocks = 512;  // Key, entry and lists.
    return kBesideBlocks + filter_->bytes();
  }

  const FileVersion& version() const { return version_; }
  const std::shared_ptr<const TextFilter>& filter() const { return filter_; }

 private:
  const FileVersion version_;
  const std::shared_ptr<const TextFilter> filter_;
};

}  // namespace

std::shared_ptr<const TextFilter> TextFilterOf(duckdb::ClientContext& context,
                                               const std::string& native_path,
                                               std::int32_t field_id) {
  duckdb::ObjectCache& cache = duckdb::ObjectCache::GetObjectCache(context);
  const FileVersion version = FileVersion::Of(native_path);
  const std::string key = native_path + "#" + std::to_string(field_id);
  auto kept = cache.GetWithTypePrefix<KeptFilter>(key);
  if (kept == nullptr || kept->version() != version) {
    kept = duckdb::make_shared_ptr<KeptFilter>(version, TextFilter::Read(native_path, field_id));
    cache.PutWithTypePrefix<KeptFilter>(key, kept);
  }
  return kept->filter();
}

}  // namespace tidemark::engine
