// The data files of a table's head, in memory: what a query prunes and reads without touching a
// metadata file. Immutable; the next head's shares all but the last chunk with it. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "engine/column_bounds.h"
#include "engine/deleted_rows.h"
#include "engine/relation.h"
#include "env/object_store.h"
#include "event/row_source.h"
#include "event/schema.h"
#include "lake/manifest.h"

namespace tidemark::lake {

// A delete file that takes rows of a data file away.
struct LiveDelete {
  std::string key;  // As LiveFile's.
  bool in_store = true;
  std::vector<std::int32_t> equality_ids;  // None: positions, or a vector.
  std::optional<engine::VectorPlace> vector = {};
  friend bool operator==(const LiveDelete&, const LiveDelete&) = default;
};

struct LiveFile {
  std::string key;  // In the store; a file that another engine put elsewhere has its URI here.
  bool in_store = true;
  bool parquet = true;  // Else in a format that we do not read.
  std::int32_t spec_id = 0;
  std::optional<std::int32_t> partition;  // The value of the spec's one field.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::int64_t sequence_number = 0;
  std::optional<std::int64_t> first_row_id;  // v3, as the manifests had it that it was read from.
  // Inclusive; nothing: unknown, may be any.
  std::optional<TimeMicros> time_min, time_max;          // timestamp
  std::optional<TimeMicros> received_min, received_max;  // received_at
  std::optional<LogOffset> offset_first, offset_last;    // log_offset; nothing: foreign rows.
  std::shared_ptr<const engine::ColumnBounds> bounds;    // Null: nothing is known.
  // Field ids of the added columns that the file has, if it is one that we wrote: of the kept paths
  // among them it has every value. By number; may be null: none.
  std::shared_ptr<const std::vector<std::int32_t>> added;
  bool ours = false;  // Written by a flush: nobody else names files so.
  // Of columns that are partitioned by their own values. Null: none, as in our own tables.
  std::shared_ptr<const std::vector<engine::FileConstant>> constants;
  // By key; null: every row counts.
  std::shared_ptr<const std::vector<LiveDelete>> deletes;
};

// What the file's metrics say of its columns: of those with bounds, or without any value. Null:
// nothing.
std::shared_ptr<const engine::ColumnBounds> ColumnBoundsOf(const DataFile& file);

// What is kept of a live entry of a manifest. `store` tells its own files from others.
LiveFile LiveFileOf(const ManifestEntry& entry, std::int32_t spec_id,
                    const env::ObjectStore& store);

// What the partition says of columns that it is made of as they are: files may lack these (Iceberg
// table spec, "Column Projection"). Null: none.
std::shared_ptr<const std::vector<engine::FileConstant>> ConstantsOf(const DataFile& file,
                                                                     const PartitionSpec& spec);

// The times of its rows: by its bounds; else by its partition, if `metadata` has it as one of the
// specs that we give tables. Never narrower than the rows.
event::TimeRange TimesOf(const LiveFile& file, const TableMetadata& metadata);

class LiveFiles {
 public:
  static constexpr std::size_t kChunkFiles = 256;

  // No file.
  LiveFiles() = default;
  explicit LiveFiles(std::vector<LiveFile> files);
  // The same files and `added`.
  std::shared_ptr<const LiveFiles> With(std::vector<LiveFile> added) const;
  // Without those of `keys`, with `added`: a compaction.
  std::shared_ptr<const LiveFiles> Replace(const std::vector<std::string>& keys,
                                           std::vector<LiveFile> added) const;

  std::size_t count() const { return count_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t bytes() const { return bytes_; }
  void ForEach(const std::function<void(const LiveFile&)>& visit) const;

 private:
  using Chunk = std::vector<LiveFile>;
  void Append(std::vector<LiveFile> files);

  std::vector<std::shared_ptr<const Chunk>> chunks_;
  std::size_t count_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace tidemark::lake
