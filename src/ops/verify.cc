#include "ops/verify.h"

#include <algorithm>

#include "base/json_writer.h"
#include "hot/table.h"
#include "lake/file_metrics.h"

namespace tidemark::ops {
namespace {

// The lake's side: the ledger's ranges are dense from 0, and its rows are those of the files.
Status VerifyLake(const tide::Core& core, const tide::Cut& cut, catalog::Catalog* catalog,
                  engine::DataFileReader* reader, ProjectProof* proof) {
  if (!cut.lake) return {};
  TM_ASSIGN(const auto ledger, catalog->Ledger(cut.lake->table));
  Hash128 expected;
  LogOffset at;
  for (const catalog::LedgerRow& row : ledger) {
    if (row.end > cut.settled()) break;  // Committed after the cut was taken.
    if (row.begin != at) {
      proof->problems.push_back("the ledger jumps from offset " + to_string(at) + " to " +
                                to_string(row.begin));
    }
    at = row.end;
    std::uint64_t dropped = 0;
    for (const auto& [reason, rows] : row.dropped) dropped += rows.rows;
    if (row.rows + dropped != static_cast<std::uint64_t>(row.end - row.begin)) {
      proof->problems.push_back("commit " + row.commit_id.ToString() +
                                " does not account for every offset of its range");
    }
    proof->ledger_rows += row.rows;
    proof->dropped_rows += dropped;
    expected += row.rows_hash;
  }
  if (at != cut.settled()) {
    proof->problems.push_back("the ledger ends at offset " + to_string(at) +
                              ", the lake's head at " + to_string(cut.settled()));
  }
  Hash128 found;
  cut.lake->files->ForEach([&](const lake::LiveFile& file) {
    ++proof->files;
    const std::string path = file.in_store ? core.NativePath(file.key) : file.key;
    std::uint64_t rows = 0;
    const Status read =
        reader->Read(path, cut.lake->columns, [&](const event::RowSource& source) -> Status {
          const lake::FileMetrics metrics = lake::MeasureRows(source);
          rows += metrics.rows;
          if (file.offset_first) found += metrics.rows_hash;
          return {};
        });
    if (!read) proof->problems.push_back(file.key + ": " + read.error().message());
    if (rows != file.rows) {
      proof->problems.push_back(file.key + " has " + std::to_string(rows) +
                                " rows, its manifest says " + std::to_string(file.rows));
    }
    proof->lake_rows += rows;
    if (!file.offset_first) proof->foreign_rows += rows;
  });
  if (proof->lake_rows - proof->foreign_rows != proof->ledger_rows) {
    proof->problems.push_back("the lake has " +
                              std::to_string(proof->lake_rows - proof->foreign_rows) +
                              " settled rows, the ledger " + std::to_string(proof->ledger_rows));
  }
  if (found != expected) {
    proof->problems.push_back("the settled rows' hash is " + found.ToString() + ", the ledger's " +
                              expected.ToString());
  }
  return {};
}

// Hot's side: the log above the tidemark, decoded again, is what hot memory shows.
Status VerifyHot(const tide::Core& core, const tide::Cut& cut, const std::string& project,
                 MemoryBudget* budget, ProjectProof* proof) {
  const auto rows = cut.HotRows();
  const lake::FileMetrics shown = lake::MeasureRows(*rows);
  proof->hot_rows = shown.rows;
  if (shown.rows != cut.hot_count()) {
    proof->problems.push_back("hot memory does not have every row of the cut");
  }
  Hash128 hash;
  LogOffset at = cut.settled();
  TM_TRY(core.log().Read(project, cut.settled(), [&](const wal::Frame& frame) -> Status {
    if (frame.first_offset >= cut.end()) return {};
    if (frame.first_offset > at) {
      proof->problems.push_back("the log jumps to offset " + to_string(frame.first_offset));
    }
    // Decoded by the same code as live: the same columns, in a table of its own.
    hot::Table table(project, {}, budget);
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
                                         engine::DataFileReader* reader, MemoryBudget* budget) {
  std::vector<ProjectProof> proofs;
  const auto projects = core.AllProjects();
  for (const auto& [name, project] : *projects) {
    const auto cut = project->cut();
    ProjectProof proof;
    proof.project = name;
    proof.settled = cut->settled();
    proof.end = cut->end();
    TM_TRY(VerifyLake(core, *cut, catalog, reader, &proof));
    TM_TRY(VerifyHot(core, *cut, name, budget, &proof));
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
    json.BeginObject().Field("project", proof.project).Field("settled", proof.settled.value);
    json.Field("end", proof.end.value).Field("ledger_rows", proof.ledger_rows);
    json.Field("dropped_rows", proof.dropped_rows).Field("lake_rows", proof.lake_rows);
    json.Field("foreign_rows", proof.foreign_rows).Field("hot_rows", proof.hot_rows);
    json.Field("log_rows", proof.log_rows).Field("files", proof.files);
    json.Key("problems").BeginArray();
    for (const std::string& problem : proof.problems) json.String(problem);
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
  return text + "\n";
}

}  // namespace tidemark::ops
