#include "ops/verify.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/json_writer.h"
#include "hot/selection.h"
#include "hot/table.h"
#include "lake/file_metrics.h"

namespace tidemark::ops {
namespace {

struct OffsetRange {
  LogOffset begin;
  LogOffset end;
};

// The rows of a lake as its files hold them, less what delete files take away.
class LakeCount {
 public:
  // `forgotten`: offsets of which no ledger tells, in their order.
  LakeCount(LogOffset settled, std::vector<OffsetRange> forgotten, std::size_t offset_column)
      : offset_column_(offset_column),
        seen_(static_cast<std::size_t>(settled.value)),
        forgotten_(std::move(forgotten)) {}

  void BeginFile(std::shared_ptr<const engine::DeletedRows> deleted) {
    deleted_ = std::move(deleted);
    file_rows_ = 0;
  }
  // The next rows of the file.
  void Add(const event::RowSource& source) {
    for (std::size_t chunk = 0; chunk < source.chunk_count(); ++chunk) AddChunk(source, chunk);
  }

  std::uint64_t file_rows() const { return file_rows_; }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t foreign_rows() const { return rows_ - settled_rows_ - unproven_rows_; }
  std::uint64_t settled_rows() const { return settled_rows_; }
  std::uint64_t unproven_rows() const { return unproven_rows_; }
  const Hash128& hash() const { return hash_; }
  std::uint64_t doubled() const { return doubled_; }
  std::uint64_t beyond() const { return beyond_; }

 private:
  void AddChunk(const event::RowSource& source, std::size_t chunk) {
    const std::size_t count = source.ChunkRows(chunk);
    const event::ColumnView offsets = source.Read(chunk, offset_column_, &scratch_);
    std::vector<event::RowRef> settled;
    for (std::size_t i = 0; i < count; ++i) {
      if (deleted_ && deleted_->Has(file_rows_ + i)) continue;
      ++rows_;
      if (offsets.kind != event::ColumnView::Kind::kFixed || !offsets.IsValid(i)) continue;
      const std::int64_t offset = static_cast<const std::int64_t*>(offsets.fixed)[i];
      Note(offset);
      if (IsForgotten(LogOffset(offset))) {
        ++unproven_rows_;
        continue;
      }
      settled.push_back({static_cast<std::uint32_t>(chunk), static_cast<std::uint32_t>(i)});
    }
    file_rows_ += count;
    settled_rows_ += settled.size();
    if (settled.empty()) return;
    // Borrowed for this call.
    const std::shared_ptr<const event::RowSource> rows(std::shared_ptr<void>(), &source);
    const bool all = settled.size() == count && source.chunk_count() == 1;
    hash_ += all ? lake::MeasureRows(source).rows_hash
                 : lake::MeasureRows(*hot::Select(rows, std::move(settled))).rows_hash;
  }
  void Note(std::int64_t offset) {
    if (offset < 0 || static_cast<std::size_t>(offset) >= seen_.size()) {
      ++beyond_;
      return;
    }
    if (seen_[static_cast<std::size_t>(offset)]) ++doubled_;
    seen_[static_cast<std::size_t>(offset)] = true;
  }

  bool IsForgotten(LogOffset offset) const {
    const auto range = std::ranges::upper_bound(forgotten_, offset, {}, &OffsetRange::end);
    return range != forgotten_.end() && range->begin <= offset;
  }

  const std::size_t offset_column_;
  std::vector<bool> seen_;  // By offset.
  const std::vector<OffsetRange> forgotten_;
  event::ColumnScratch scratch_;
  std::shared_ptr<const engine::DeletedRows> deleted_;
  std::uint64_t file_rows_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t settled_rows_ = 0;
  std::uint64_t unproven_rows_ = 0;
  std::uint64_t doubled_ = 0;
  std::uint64_t beyond_ = 0;
  Hash128 hash_;
};

// Which commit of others has taken rows of the server's away, in words; empty: none.
std::string ChangedBy(const lake::TableHead& head, const std::vector<catalog::LedgerRow>& ledger) {
  const auto since = [](SnapshotId snapshot) {
    return "another engine deleted rows in snapshot " + to_string(snapshot);
  };
  bool has_rows = false;  // That somebody could have deleted.
  for (const catalog::LedgerRow& row : ledger) {
    if (row.kind == catalog::CommitKind::kExternal && !row.dropped.empty()) {
      return since(row.snapshot);
    }
    if (row.kind == catalog::CommitKind::kForgotten && has_rows) {
      return "another engine may have deleted rows before commit " +
             std::to_string(row.sequence + 1) +
             ": the catalog was rebuilt after the snapshots before it had expired";
    }
    has_rows = has_rows || row.rows > 0;
  }
  // A branch that became main has no row in the ledger.
  const lake::Snapshot* at = head.metadata->current();
  for (std::size_t i = 0; at != nullptr && i < head.metadata->snapshots.size(); ++i) {
    const std::string_view dropped = at->Summary(lake::kSummaryDropped);
    if (at->Summary(lake::kSummaryKind) == KindName(catalog::CommitKind::kExternal) &&
        !dropped.empty() && dropped != "{}") {
      return since(at->id);
    }
    at = at->parent ? head.metadata->FindSnapshot(*at->parent) : nullptr;
  }
  if (head.floor == LogOffset(0)) return "";
  return "main was rolled back: events below offset " + to_string(head.floor) +
         " that its head lacks are gone";
}

// The ledger's ranges are dense from 0. Returns those of which it knows no more than that.
std::vector<OffsetRange> SumLedger(const std::vector<catalog::LedgerRow>& ledger, LogOffset settled,
                                   ProjectProof* proof, Hash128* hash) {
  std::vector<OffsetRange> forgotten;
  LogOffset at;
  for (const catalog::LedgerRow& row : ledger) {
    if (row.end > settled) break;                              // Committed after the cut was taken.
    if (row.kind == catalog::CommitKind::kExternal) continue;  // Its rows are of no offset.
    if (row.begin != at) {
      proof->problems.push_back("the ledger jumps from offset " + to_string(at) + " to " +
                                to_string(row.begin));
    }
    at = row.end;
    if (row.kind == catalog::CommitKind::kForgotten) {
      if (row.begin < row.end) forgotten.push_back({row.begin, row.end});
      continue;
    }
    std::uint64_t dropped = 0;
    for (const auto& [reason, rows] : row.dropped) dropped += rows.rows;
    if (row.rows + dropped != static_cast<std::uint64_t>(row.end - row.begin)) {
      proof->problems.push_back("commit " + row.commit_id.ToString() +
                                " does not account for every offset of its range");
    }
    proof->ledger_rows += row.rows;
    proof->dropped_rows += dropped;
    *hash += row.rows_hash;
  }
  if (at != settled) {
    proof->problems.push_back("the ledger ends at offset " + to_string(at) +
                              ", the lake's head at " + to_string(settled));
  }
  return forgotten;
}

void ReadLake(const tide::Core& core, const lake::TableHead& head, engine::DataFileReader* reader,
              engine::DeleteFiles* deletes, LakeCount* count, ProjectProof* proof) {
  head.files->ForEach([&](const lake::LiveFile& file) {
    ++proof->files;
    const std::string path = core.NativePath(file);
    std::shared_ptr<const engine::DeletedRows> deleted;
    if (file.deletes) {
      auto read = deletes->Of({{path, file.rows, core.DeletesOf(file)}});
      if (!read) {
        proof->problems.push_back(read.error().message());
        return;
      }
      deleted = std::move(read->front());
    }
    count->BeginFile(std::move(deleted));
    const Status read = reader->Read(path, head.columns, [&](const event::RowSource& source) {
      count->Add(source);
      return Status();
    });
    if (!read) proof->problems.push_back(file.key + ": " + read.error().message());
    if (count->file_rows() != file.rows) {
      proof->problems.push_back(file.key + " has " + std::to_string(count->file_rows()) +
                                " rows, its manifest says " + std::to_string(file.rows));
    }
  });
}

// The lake's side: its rows are those of the ledger, but for what others erased.
Status VerifyLake(const tide::Core& core, const tide::Cut& cut, catalog::Catalog* catalog,
                  engine::DataFileReader* reader, engine::DeleteFiles* deletes,
                  ProjectProof* proof) {
  if (!cut.lake) return {};
  TM_ASSIGN(const auto ledger, catalog->Ledger(cut.lake->table));
  Hash128 expected;
  auto forgotten = SumLedger(ledger, cut.settled(), proof, &expected);
  LakeCount count(cut.settled(), std::move(forgotten), cut.lake->columns->log_offset);
  ReadLake(core, *cut.lake, reader, deletes, &count, proof);
  proof->lake_rows = count.rows();
  proof->foreign_rows = count.foreign_rows();
  proof->unproven_rows = count.unproven_rows();
  if (count.doubled() > 0 || count.beyond() > 0) {
    proof->problems.push_back(std::to_string(count.doubled()) + " offsets are in the lake twice, " +
                              std::to_string(count.beyond()) + " are not settled");
  }
  const std::uint64_t settled = count.settled_rows();
  if (settled == proof->ledger_rows && count.hash() == expected) return {};
  proof->changed = ChangedBy(*cut.lake, ledger);
  // What others changed no hash can tell; what they left must not be more than there was.
  if (!proof->changed.empty() && settled <= proof->ledger_rows) {
    proof->erased_rows = proof->ledger_rows - settled;
    return {};
  }
  if (settled != proof->ledger_rows) {
    proof->problems.push_back("the lake has " + std::to_string(settled) +
                              " settled rows, the ledger " + std::to_string(proof->ledger_rows));
  }
  if (count.hash() != expected) {
    proof->problems.push_back("the settled rows' hash is " + count.hash().ToString() +
                              ", the ledger's " + expected.ToString());
  }
  return {};
}

// Hot's side: the log above the tidemark, decoded again, is what hot memory shows.
Status VerifyHot(const tide::Core& core, const tide::Cut& cut, const tide::Project& project,
                 MemoryBudget* budget, ProjectProof* proof) {
  const auto rows = cut.HotRows();
  const lake::FileMetrics shown = lake::MeasureRows(*rows);
  proof->hot_rows = shown.rows;
  if (shown.rows != cut.hot_count()) {
    proof->problems.push_back("hot memory does not have every row of the cut");
  }
  Hash128 hash;
  LogOffset at = cut.settled();
  TM_TRY(core.log().Read(project.name(), cut.settled(), [&](const wal::Frame& frame) -> Status {
    if (frame.first_offset >= cut.end()) return {};
    if (frame.first_offset > at) {
      proof->problems.push_back("the log jumps to offset " + to_string(frame.first_offset));
    }
    // Decoded by the same code as live: the same columns, in a table of its own.
    hot::Table table(project.project(), {.begin = {}, .schema = project.schema()}, budget);
    TM_ASSIGN(auto batch, event::BatchReader::Open(frame.payload));
    const std::uint64_t reserved = hot::ReserveEstimate(frame.payload.size(), frame.count);
    budget->ReserveAlways(reserved);
    TM_TRY(table.Append(batch, frame.first_offset, reserved));
    const auto again = table.Publish()->View(std::max(frame.first_offset, cut.settled()),
                                             std::min(frame.end_offset(), cut.end()));
    const lake::FileMetrics metrics = lake::MeasureRows(*again);
    proof->log_rows += metrics.rows;
    hash += metrics.rows_hash;
    at = frame.end_offset();
    return {};
  }));
  if (proof->log_rows != proof->hot_rows || hash != shown.rows_hash) {
    proof->problems.push_back(
        "hot memory and the log above the tidemark differ: " + std::to_string(proof->hot_rows) +
        " rows shown, " + std::to_string(proof->log_rows) + " in the log");
  }
  return {};
}

}  // namespace

Result<std::vector<ProjectProof>> Verify(const tide::Core& core, catalog::Catalog* catalog,
                                         engine::DataFileReader* reader,
                                         engine::DeleteFiles* deletes, MemoryBudget* budget,
                                         std::string_view only) {
  std::vector<ProjectProof> proofs;
  const auto projects = core.AllProjects();
  for (const auto& [name, project] : *projects) {
    if (!only.empty() && project->project() != only) continue;
    const auto cut = project->cut();
    ProjectProof proof;
    proof.project = project->project();
    proof.table = project->table();
    proof.settled = cut->settled();
    proof.end = cut->end();
    TM_TRY(VerifyLake(core, *cut, catalog, reader, deletes, &proof));
    TM_TRY(VerifyHot(core, *cut, *project, budget, &proof));
    proofs.push_back(std::move(proof));
  }
  return proofs;
}

std::string ProofJson(const std::vector<ProjectProof>& proofs) {
  const bool ok = std::all_of(proofs.begin(), proofs.end(),
                              [](const ProjectProof& proof) { return proof.problems.empty(); });
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("ok", ok).Key("projects").BeginArray();
  for (const ProjectProof& proof : proofs) {
    json.BeginObject().Field("project", proof.project).Field("table", proof.table);
    json.Field("settled", proof.settled.value);
    json.Field("end", proof.end.value).Field("ledger_rows", proof.ledger_rows);
    json.Field("dropped_rows", proof.dropped_rows).Field("lake_rows", proof.lake_rows);
    json.Field("foreign_rows", proof.foreign_rows).Field("unproven_rows", proof.unproven_rows);
    json.Field("erased_rows", proof.erased_rows);
    json.Field("changed_by_others", std::string_view(proof.changed));
    json.Field("hot_rows", proof.hot_rows);
    json.Field("log_rows", proof.log_rows).Field("files", proof.files);
    json.Key("problems").BeginArray();
    for (const std::string& problem : proof.problems) json.String(problem);
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return text + "\n";
}

}  // namespace tidemark::ops
