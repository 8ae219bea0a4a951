#include "lake/live_files.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "lake/bounds.h"
#include "lake/partition.h"

namespace tidemark::lake {

namespace {

using event::Column;

std::optional<std::int64_t> IntBound(const std::string* bound) {
  return bound == nullptr ? std::nullopt : IntFromBound(*bound);
}

template <class T>
std::optional<T> As(std::optional<std::int64_t> value) {
  if (!value.has_value()) return std::nullopt;
  return T(*value);
}

std::optional<std::int64_t> CountOf(const FieldCounts& counts, std::int32_t field_id) {
  for (const auto& [id, count] : counts) {
    if (id == field_id) return count;
  }
  return std::nullopt;
}

std::optional<std::string_view> ViewOf(const std::string* bound) {
  return bound == nullptr ? std::nullopt : std::optional<std::string_view>(*bound);
}

std::shared_ptr<const std::vector<std::int32_t>> AddedColumns(const DataFile& file) {
  std::vector<std::int32_t> ids;
  for (const auto& [id, count] : file.value_counts) {
    if (id > event::kColumns.back().field_id) ids.push_back(id);
  }
  if (ids.empty()) return nullptr;
  std::sort(ids.begin(), ids.end());
  return std::make_shared<const std::vector<std::int32_t>>(std::move(ids));
}

}  // namespace

std::shared_ptr<const engine::ColumnBounds> ColumnBoundsOf(const DataFile& file) {
  std::vector<std::int32_t> ids;
  for (const auto* bounds : {&file.lower_bounds, &file.upper_bounds}) {
    for (const auto& [id, bound] : *bounds) ids.push_back(id);
  }
  for (const auto& [id, nulls] : file.null_counts) {
    if (nulls >= file.rows) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  auto bounds = std::make_shared<engine::ColumnBounds>();
  for (const std::int32_t id : ids) {
    const auto nulls = CountOf(file.null_counts, id);
    engine::ColumnBound bound;
    bound.may_be_null = nulls != 0;
    bound.may_have_value = !nulls || *nulls < file.rows;
    bound.may_be_nan = CountOf(file.nan_counts, id) != 0;
    bound.lower = ViewOf(file.Lower(id));
    bound.upper = ViewOf(file.Upper(id));
    bounds->Add(id, bound);
  }
  return bounds->empty() ? nullptr : bounds;
}

LiveFile LiveFileOf(const ManifestEntry& entry, std::int32_t spec_id,
                    const env::ObjectStore& store) {
  const DataFile& file = entry.file;
  LiveFile live;
  auto key = store.KeyOf(file.path);
  live.in_store = key.has_value();
  live.key = live.in_store ? *std::move(key) : file.path;
  live.parquet = file.format == "PARQUET" || file.format == "parquet";
  live.spec_id = spec_id;
  if (file.partition.size() == 1) live.partition = file.partition.front();
  live.rows = static_cast<std::uint64_t>(file.rows);
  live.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, file.bytes));
  live.sequence_number = entry.sequence_number.value_or(0);
  live.first_row_id = file.first_row_id;
  const auto lower = [&](Column column) { return IntBound(file.Lower(Info(column).field_id)); };
  const auto upper = [&](Column column) { return IntBound(file.Upper(Info(column).field_id)); };
  live.time_min = As<TimeMicros>(lower(Column::kTimestamp));
  live.time_max = As<TimeMicros>(upper(Column::kTimestamp));
  live.received_min = As<TimeMicros>(lower(Column::kReceivedAt));
  live.received_max = As<TimeMicros>(upper(Column::kReceivedAt));
  live.offset_first = As<LogOffset>(lower(Column::kLogOffset));
  live.offset_last = As<LogOffset>(upper(Column::kLogOffset));
  live.bounds = ColumnBoundsOf(file);
  live.ours = live.in_store && IsDataFilePath(live.key);
  if (live.ours) live.added = AddedColumns(file);
  return live;
}

std::shared_ptr<const std::vector<engine::FileConstant>> ConstantsOf(const DataFile& file,
                                                                     const PartitionSpec& spec) {
  std::vector<engine::FileConstant> constants;
  for (std::size_t i = 0; i < file.partition_values.size(); ++i) {
    const std::int32_t id = i < file.partition_fields.size() ? file.partition_fields[i] : -1;
    for (std::size_t k = 0; k < spec.fields.size(); ++k) {
      const PartitionField& field = spec.fields[k];
      if (field.transform != Transform::kIdentity) continue;
      if (id == field.field_id || (id < 0 && i == k)) {
        constants.push_back({field.source_id, file.partition_values[i]});
      }
    }
  }
  if (constants.empty()) return nullptr;
  return std::make_shared<const std::vector<engine::FileConstant>>(std::move(constants));
}

event::TimeRange TimesOf(const LiveFile& file, const TableMetadata& metadata) {
  event::TimeRange times{file.time_min.value_or(kTimeMin), file.time_max.value_or(kTimeMax)};
  if (file.time_min && file.time_max) return times;
  const PartitionSpec* spec = metadata.FindSpec(file.spec_id);
  if (!file.partition || spec == nullptr || spec->fields.size() != 1 || file.spec_id < 0 ||
      file.spec_id >= kSpecCount ||
      spec->fields[0].source_id != Info(Column::kTimestamp).field_id ||
      spec->fields[0].transform != SpecTransform(file.spec_id)) {
    return times;
  }
  const TimeBounds bounds = BoundsOf({file.spec_id, *file.partition});
  if (!file.time_min) times.min = bounds.first;
  if (!file.time_max) times.max = bounds.last;
  return times;
}

LiveFiles::LiveFiles(std::vector<LiveFile> files) { Append(std::move(files)); }

void LiveFiles::Append(std::vector<LiveFile> files) {
  if (files.empty()) return;
  std::shared_ptr<Chunk> open;
  if (!chunks_.empty() && chunks_.back()->size() < kChunkFiles) {
    open = std::make_shared<Chunk>(*chunks_.back());  // The last chunk alone is copied.
    chunks_.pop_back();
  }
  for (LiveFile& file : files) {
    if (open == nullptr) open = std::make_shared<Chunk>();
    ++count_;
    rows_ += file.rows;
    bytes_ += file.bytes;
    open->push_back(std::move(file));
    if (open->size() == kChunkFiles) chunks_.push_back(std::exchange(open, nullptr));
  }
  if (open != nullptr) chunks_.push_back(std::move(open));
}

std::shared_ptr<const LiveFiles> LiveFiles::With(std::vector<LiveFile> added) const {
  auto next = std::make_shared<LiveFiles>(*this);
  next->Append(std::move(added));
  return next;
}

std::shared_ptr<const LiveFiles> LiveFiles::Replace(const std::vector<std::string>& keys,
                                                    std::vector<LiveFile> added) const {
  const std::unordered_set<std::string> gone(keys.begin(), keys.end());
  std::vector<LiveFile> files;
  files.reserve(count_ + added.size());
  ForEach([&](const LiveFile& file) {
    if (!gone.contains(file.key)) files.push_back(file);
  });
  std::ranges::move(added, std::back_inserter(files));
  return std::make_shared<const LiveFiles>(std::move(files));
}

void LiveFiles::ForEach(const std::function<void(const LiveFile&)>& visit) const {
  for (const auto& chunk : chunks_) {
    for (const LiveFile& file : *chunk) visit(file);
  }
}

}  // namespace tidemark::lake
