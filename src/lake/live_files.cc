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

bool IsAllNull(const DataFile& file, std::int32_t field_id) {
  for (const auto& [id, nulls] : file.null_counts) {
    if (id == field_id) return nulls >= file.rows;
  }
  return false;
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

LiveFile LiveFileOf(const ManifestEntry& entry, std::int32_t spec_id,
                    const env::ObjectStore& store) {
  const DataFile& file = entry.file;
  LiveFile live;
  auto key = store.KeyOf(file.path);
  live.in_store = key.has_value();
  live.key = live.in_store ? *std::move(key) : file.path;
  live.spec_id = spec_id;
  if (file.partition.size() == 1) live.partition = file.partition.front();
  live.rows = static_cast<std::uint64_t>(file.rows);
  live.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, file.bytes));
  live.sequence_number = entry.sequence_number.value_or(0);
  const auto lower = [&](Column column) { return IntBound(file.Lower(Info(column).field_id)); };
  const auto upper = [&](Column column) { return IntBound(file.Upper(Info(column).field_id)); };
  live.time_min = As<TimeMicros>(lower(Column::kTimestamp));
  live.time_max = As<TimeMicros>(upper(Column::kTimestamp));
  live.received_min = As<TimeMicros>(lower(Column::kReceivedAt));
  live.received_max = As<TimeMicros>(upper(Column::kReceivedAt));
  live.offset_first = As<LogOffset>(lower(Column::kLogOffset));
  live.offset_last = As<LogOffset>(upper(Column::kLogOffset));
  for (std::size_t i = 0; i < kPruningColumns.size(); ++i) {
    const std::int32_t id = Info(kPruningColumns[i]).field_id;
    if (const std::string* bound = file.Lower(id)) live.text[i].lower = *bound;
    if (const std::string* bound = file.Upper(id)) live.text[i].upper = *bound;
    live.text[i].all_null = IsAllNull(file, id);
  }
  if (live.in_store && IsDataFilePath(live.key)) live.added = AddedColumns(file);
  return live;
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
