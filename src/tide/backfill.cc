// The backfill: gives the rows that were settled before a promotion its columns. The data files
// that have such rows are written again, one after the other, and one commit puts the new ones in
// their place: until then nothing has changed, and a crash leaves only files that the next start
// clears.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/copied_rows.h"
#include "engine/promoted_rows.h"
#include "lake/names.h"
#include "lake/snapshot_files.h"
#include "tide/flush.h"

namespace tidemark::tide {
namespace {

using event::TableSchema;

// Whether a row of the file may lack a promoted column: its record named none, and no backfill has
// written the file since. No settled row's record names a column whose first row is not known.
bool LacksColumns(const lake::LiveFile& file, const TableSchema& columns, LogOffset settled) {
  // Rows that never were in the log have what their writers gave them.
  if (!file.offset_first) return false;
  const std::uint32_t has = file.ours ? lake::PromotionsOf(file.key) : 0;
  return std::ranges::any_of(columns.promoted, [&](const event::Promotion& one) {
    return one.number > has && *file.offset_first < one.since.value_or(settled);
  });
}

// The columns once all rows below `settled` have those that are promoted. Of a column it is known
// that no row lacks it if the first that has it by its own record lies no higher: only the rows
// before that one lacked it. What no record names yet a record without it may still precede.
std::shared_ptr<const TableSchema> Filled(const TableSchema& columns, const hot::SegmentList& hot,
                                          LogOffset settled) {
  auto filled = std::make_shared<TableSchema>(columns);
  for (event::Promotion& one : filled->promoted) {
    if (one.since.value_or(hot.FirstWith(one.number)) <= settled) one.since = LogOffset(0);
  }
  return filled;
}

}  // namespace

Status Flusher::PlanBackfill(Project& project) {
  TM_CHECK(!backfill_);
  TM_ASSIGN(const bool finished, FinishPending(project));
  if (!finished) return Fail(Code::kUnavailable, "a flush was overtaken; ask again");
  TM_ASSIGN(const auto head, HeadOf(project));
  const Uuid id = NewId();
  Backfill plan;
  plan.project = &project;
  plan.head = head;
  plan.inflight = {id,     head->table, catalog::CommitKind::kCompact, parts_.clock->WallNow(),
                   epoch_, {}};
  const TableSchema& columns = *head->columns;
  head->files->ForEach([&](const lake::LiveFile& file) {
    if (!LacksColumns(file, columns, head->visible())) return;
    if (!file.ours || file.deletes || !file.partition) {
      ++plan.report.files_left;
      return;
    }
    const auto number = static_cast<std::uint32_t>(plan.files.size());
    const std::string path = lake::DataFilePath({file.spec_id, *file.partition}, id, number);
    plan.inflight.keys.push_back(head->location + "/" +
                                 lake::WithPromotions(path, columns.promotions));
    plan.files.push_back(file);
  });
  plan.started = parts_.clock->Now();
  if (!plan.files.empty() && head->metadata->format_version >= 3) {
    TM_ASSIGN(plan.lineage, lake::ReadLineage(*parts_.store, *head->metadata));
  }
  if (!plan.files.empty()) TM_TRY(Announce(plan.inflight));
  backfill_ = std::move(plan);
  return {};
}

Result<lake::NewFile> Flusher::RewriteFile(const lake::LiveFile& file, const std::string& key) {
  const auto& columns = backfill_->head->columns;
  const auto& fixed = backfill_->project->schema();
  auto copied = std::make_shared<engine::CopiedRows>(fixed);
  const std::string path = parts_.store->NativePath(file.key);
  // Rows that have ids keep them.
  const auto known = backfill_->lineage.find(file.key);
  std::optional<engine::RowLineage> lineage;
  if (known != backfill_->lineage.end()) lineage.emplace(known->second);
  const auto read_by = lineage ? engine::WithLineageColumns(*fixed) : fixed;
  TM_TRY(parts_.reader->Read(path, read_by, [&](const event::RowSource& rows) {
    copied->Add(rows);
    if (lineage) lineage->Add(rows);
    return Status();
  }));
  if (copied->row_count() != file.rows) {
    return Fail(Code::kCorruption, file.key + " has " + std::to_string(copied->row_count()) +
                                       " rows, its manifest says " + std::to_string(file.rows));
  }
  auto rows = engine::WithPromoted(std::move(copied), columns,
                                   std::vector<LogOffset>(columns->promoted.size(), LogOffset(0)));
  if (lineage) rows = engine::RowLineage::Put(std::move(rows), *std::move(lineage));
  const lake::Partition partition{file.spec_id, *file.partition};
  const engine::DataCodec codec = lake::DataCodecOf(*backfill_->head->metadata);
  TM_ASSIGN(auto files, WriteFiles({{partition, rows, false}}, columns->kept, codec, {key}));
  return std::move(files.front());
}

Result<bool> Flusher::StepBackfill() {
  Backfill& plan = *backfill_;
  // A new owner has looked for leftovers: nothing may be written after that.
  TM_ASSIGN(const Epoch current, parts_.catalog->CurrentEpoch(log_id_));
  if (current != epoch_) {
    return Fail(Code::kConflict, kFenced);
  }
  if (plan.written.size() < plan.files.size()) {
    const std::size_t at = plan.written.size();
    TM_ASSIGN(auto file, RewriteFile(plan.files[at], plan.inflight.keys[at]));
    plan.report.rows += file.metrics.rows;
    plan.written.push_back(std::move(file));
    return false;
  }
  if (plan.files.empty()) return true;
  TM_ASSIGN(const bool finished, FinishPending(*plan.project));
  TM_ASSIGN(const auto head, HeadOf(*plan.project));
  const TableSchema& columns = *head->columns;
  const bool same = columns.promotions == plan.head->columns->promotions &&
                    columns.columns.size() == plan.head->columns->columns.size();
  if (!finished || !same) {
    return Fail(Code::kUnavailable, "the table has changed meanwhile; ask again");
  }
  return CommitBackfill(*head);
}

Result<bool> Flusher::CommitBackfill(const lake::TableHead& head) {
  Backfill& plan = *backfill_;
  lake::AppendRequest request;
  request.flush_id = plan.inflight.id;
  request.snapshot_id = lake::SnapshotIdOf(plan.inflight.id);
  request.log_id = log_id_;
  request.epoch = epoch_;
  request.begin = request.end = head.visible();
  request.watermark = kTimeMax;
  for (const lake::NewFile& file : plan.written) {
    request.watermark = std::min(request.watermark, file.metrics.time_min.value_or(kTimeMax));
    plan.report.files += 1;
  }
  request.files = std::move(plan.written);
  if (plan.report.files_left == 0) {
    const auto cut = plan.project->cut();
    request.columns = Filled(*head.columns, *cut->hot, plan.head->visible());
  }
  request.last_column_id = head.metadata->last_column_id;
  request.schema_id = head.metadata->current_schema_id;
  for (const lake::LiveFile& file : plan.files) request.replaced.push_back(file.key);
  request.replaced_sequence = plan.head->metadata->last_sequence_number;
  const LogOffset begin = request.begin;
  auto append = lake::Append::Prepare(parts_.store, head, std::move(request));
  if (!append && append.error().code() == Code::kConflict) {
    return Fail(Code::kUnavailable, "a file was changed by another engine meanwhile; ask again");
  }
  if (!append) return Fail(std::move(append).error());
  At(FlushStep::kManifests);
  Project& project = *plan.project;
  Pending& pending = pending_
                         .emplace(project.name(), Pending{.inflight = std::move(plan.inflight),
                                                          .append = *std::move(append),
                                                          .attempts = {},
                                                          .begin = begin,
                                                          .end = begin,
                                                          .started = plan.started,
                                                          .written = parts_.clock->Now()})
                         .first->second;
  const BackfillReport report = plan.report;
  backfill_.reset();  // Its files are the commit's now.
  TM_ASSIGN(const bool done, Commit(project, &pending));
  pending_.erase(project.name());
  if (!done) return Fail(Code::kUnavailable, "the table has changed meanwhile; ask again");
  backfilled_ = report;
  return true;
}

void Flusher::GiveUpBackfill() {
  if (backfill_ && !backfill_->files.empty()) {
    Abandon(backfill_->project, std::move(backfill_->inflight));
  }
  backfill_.reset();
}

Result<std::optional<BackfillReport>> Flusher::BackfillStep(Project& project) {
  if (!backfill_) TM_TRY(PlanBackfill(project));
  const auto done = StepBackfill();
  if (!done) {
    GiveUpBackfill();
    return Fail(done.error());
  }
  if (!*done) return std::nullopt;
  const BackfillReport report = backfill_ ? backfill_->report : backfilled_;
  backfill_.reset();
  return report;
}

}  // namespace tidemark::tide
