// What manifests say, in memory: a file under a manifest's name never changes, so one that was read
// for one commit or plan needs no reading for the next. What is kept of an entry is what a plan and
// an admission ask of files that were there before; the metrics of its columns are packed.
//
// Bounded by bytes; those that were not asked for longest go first. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/published.h"
#include "base/result.h"
#include "base/units.h"
#include "engine/column_bounds.h"
#include "iceberg/locations.h"
#include "lake/manifest.h"

namespace tidemark::iceberg {

struct ManifestContent {
  // With status, numbers, path, format, partition_key, rows, bytes, split offsets, sort order and
  // what delete files say of themselves; of bounds those of log_offset and of deleted paths alone.
  std::vector<lake::ManifestEntry> entries;
  // Of each entry; null: nothing is known.
  std::vector<std::shared_ptr<const engine::ColumnBounds>> bounds;
  std::uint64_t bytes = 0;  // In memory, about.
};
using SharedManifest = std::shared_ptr<const ManifestContent>;

// As above, of entries that were read whole.
SharedManifest Pack(std::vector<lake::ManifestEntry> entries);

class ManifestCache {
 public:
  // Some 40,000 files of an events table.
  static constexpr std::uint64_t kBytesMax = 64_MiB;

  explicit ManifestCache(std::uint64_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

  // Each manifest, from memory or from its store, in their order. kCorruption names what is
  // missing or damaged; kInvalidArgument: it lies outside all locations; kPermissionDenied: where
  // the asker may not read.
  Result<std::vector<SharedManifest>> Read(const Resolver& locations,
                                           const std::vector<lake::ManifestFile>& manifests);

  std::uint64_t bytes() const;
  std::size_t count() const { return kept_.Load()->size(); }

 private:
  struct Kept {
    SharedManifest content;
    std::shared_ptr<std::atomic<std::uint64_t>> used;  // Time of the last use, by clock_.
  };
  // By name and by what the list says that its entries inherit.
  using Map = std::map<std::string, Kept>;

  static std::string KeyOf(const lake::ManifestFile& manifest);
  void Keep(std::vector<std::pair<std::string, SharedManifest>> fresh);

  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> clock_{0};
  Published<Map> kept_{std::make_shared<const Map>()};
};

// The entries of a manifest list, and of a manifest, whole: not from memory.
Result<std::vector<lake::ManifestFile>> ReadManifestList(const Resolver& locations,
                                                         const std::string& uri);
Result<std::vector<lake::ManifestEntry>> ReadManifestWhole(const Resolver& locations,
                                                           const lake::ManifestFile& manifest,
                                                           lake::avro::SchemaCache* schemas);

}  // namespace tidemark::iceberg
