#include "ops/table_proof.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "engine/sql_quote.h"
#include "query/plain_relation.h"

namespace tidemark::ops {
namespace {

using engine::Relation;

constexpr std::size_t kAnswerBytes = 1 << 20;

// The one row of a statement over `relation`, named t.
Result<std::vector<std::uint64_t>> CountsOf(engine::Instance* engine,
                                            std::shared_ptr<const Relation> relation,
                                            const std::string& select_list) {
  engine::QueryRequest request;
  request.sql = "SELECT " + select_list + " FROM t";
  request.relations.push_back({{"t"}, std::move(relation)});
  TM_ASSIGN(const auto stream, engine->Query(std::move(request)));
  std::string row;
  while (true) {
    TM_ASSIGN(const bool more, stream->Next(engine::RowFormat::kNdjson, &row, kAnswerBytes));
    if (!more) break;
  }
  TM_ASSIGN(const JsonValue json, JsonValue::Parse(row));
  std::vector<std::uint64_t> counts;
  for (const auto& [name, value] : json.members()) {
    counts.push_back(static_cast<std::uint64_t>(value.Int().value_or(0)));
  }
  return counts;
}

class Proof {
 public:
  Proof(const query::CatalogTable& table, engine::Instance* engine, TableProof* proof)
      : table_(table), engine_(engine), proof_(*proof) {}

  Status Run(const std::shared_ptr<const Relation>& relation, const lake::Snapshot& snapshot) {
    lake::TableMetadata at = *table_.metadata;
    at.current_snapshot_id = snapshot.id;
    TM_TRY(lake::VisitFiles(*table_.store, at,
                            [&](const lake::ManifestEntry& entry, std::int32_t /*spec*/) {
                              if (entry.file.content != lake::FileContent::kData) return;
                              const auto key = table_.store->KeyOf(entry.file.path);
                              if (key) manifest_[table_.store->NativePath(*key)] = entry.file;
                            }));
    ChooseColumns(*relation);
    for (const engine::LakeFile& file : *relation->files) OneFile(*relation, file);
    return {};
  }

  void Tell(std::string problem) {
    ++proof_.problem_count;
    if (proof_.problems.size() < kProofProblemsMax) proof_.problems.push_back(std::move(problem));
  }

 private:
  void ChooseColumns(const Relation& relation) {
    select_list_ = "count(*)";
    for (const engine::FileColumn& column : relation.file_columns) {
      if (!column.children.empty()) continue;
      columns_.push_back(column.field_id);
      select_list_ += ", count(" + engine::QuotedName(column.name) + ")";
    }
  }

  // Every column is read, so that no count comes from the file's own footer.
  void OneFile(const Relation& relation, const engine::LakeFile& file) {
    ++proof_.files;
    Relation alone = relation;
    engine::LakeFile whole = file;
    whole.deleted = nullptr;
    alone.files =
        std::make_shared<const std::vector<engine::LakeFile>>(std::vector{std::move(whole)});
    const auto counts =
        CountsOf(engine_, std::make_shared<const Relation>(std::move(alone)), select_list_);
    if (!counts) return Tell(file.native_path + ": " + counts.error().message());
    if (counts->size() != columns_.size() + 1) return Tell(file.native_path + ": no answer");
    proof_.records += counts->front();
    if (file.deleted) proof_.deleted_rows += file.deleted->count();
    if (counts->front() != file.rows) {
      Tell(file.native_path + " has " + std::to_string(counts->front()) +
           " rows, its manifest says " + std::to_string(file.rows));
    }
    CompareNulls(file, *counts);
  }

  void CompareNulls(const engine::LakeFile& file, const std::vector<std::uint64_t>& counts) {
    const auto said = manifest_.find(file.native_path);
    if (said == manifest_.end()) return;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      for (const auto& [id, nulls] : said->second.null_counts) {
        if (id != columns_[i] || nulls < 0) continue;
        const std::uint64_t found = counts.front() - counts[i + 1];
        if (found == static_cast<std::uint64_t>(nulls)) continue;
        Tell(file.native_path + " has " + std::to_string(found) + " nulls in column " +
             std::to_string(id) + ", its manifest says " + std::to_string(nulls));
      }
    }
  }

  const query::CatalogTable& table_;
  engine::Instance* const engine_;
  TableProof& proof_;
  std::map<std::string, lake::DataFile> manifest_;  // By native path.
  std::vector<std::int32_t> columns_;               // Field ids of those that are counted.
  std::string select_list_;
};

}  // namespace

Result<TableProof> ProveTable(const query::CatalogTable& table, const lake::Snapshot* snapshot,
                              engine::Instance* engine, engine::DeleteFiles* deletes) {
  TableProof proof;
  const bool is_head = snapshot == table.metadata->current();
  const auto columns = is_head ? query::ColumnsAt::kNow : query::ColumnsAt::kSnapshot;
  TM_ASSIGN(const auto relation, query::PlainRelation(table, snapshot, {columns}, deletes));
  if (snapshot == nullptr) return proof;
  proof.snapshot = snapshot->id.value;
  Proof work(table, engine, &proof);
  if (relation->files) TM_TRY(work.Run(relation, *snapshot));
  const auto counted = CountsOf(engine, relation, "count(*)");
  if (!counted) {
    work.Tell("SQL cannot count the rows: " + counted.error().message());
    return proof;
  }
  proof.rows = counted->front();
  if (proof.rows + proof.deleted_rows != proof.records) {
    work.Tell("SQL counts " + std::to_string(proof.rows) + " rows, the files have " +
              std::to_string(proof.records) + ", of which " + std::to_string(proof.deleted_rows) +
              " are deleted");
  }
  return proof;
}

std::string TableProofJson(const TableProof& proof) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("ok", proof.problem_count == 0).Key("snapshot-id");
  proof.snapshot < 0 ? json.Null() : json.Int(proof.snapshot);
  json.Field("files", proof.files).Field("records", proof.records);
  json.Field("deleted-rows", proof.deleted_rows).Field("rows", proof.rows);
  json.Field("errors", proof.problem_count).Key("problems").BeginArray();
  for (const std::string& problem : proof.problems) json.String(problem);
  json.EndArray().EndObject();
  return text + "\n";
}

}  // namespace tidemark::ops
