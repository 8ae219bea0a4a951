#include "fuzz/documents.h"

#include <algorithm>

#include "base/check.h"
#include "base/json_reader.h"
#include "fuzz/seeds.h"
#include "iceberg/commit_request.h"
#include "iceberg/table_document.h"
#include "iceberg/view_document.h"

namespace tidemark::fuzz {
namespace {

constexpr std::int64_t kNowMs = 1'700'000'000'000;

void CheckProblem(const iceberg::Problem& problem) {
  TM_CHECK(problem.status >= 400 && problem.status < 500);
  TM_CHECK(!problem.message.empty());
}

// The second line, if it is an object.
JsonValue RequestOf(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  auto request = JsonValue::Parse(bytes.substr(std::min(line + 1, bytes.size())));
  return request && request->is_object() ? *std::move(request) : JsonValue::Object();
}

}  // namespace

// Whatever is committed to a table: it is refused, or what is written can be read again.
void RunTableDocument(std::string_view bytes) {
  auto table = iceberg::TableDocument::Parse(bytes.substr(0, bytes.find('\n')));
  if (!table) return CheckProblem(table.error());
  TM_CHECK(iceberg::TableDocument::Parse(table->ToJson()).has_value());
  static_cast<void>(table->ToJsonOfRefs());
  const auto applied = iceberg::ApplyRequest(RequestOf(bytes), kNowMs, &*table);
  if (!applied) return CheckProblem(applied.error());
  const auto finished = table->Finish(kNowMs);
  if (!finished) return CheckProblem(finished.error());
  static_cast<void>(table->PushMetadataLog("file:///t/metadata/v1.metadata.json", kNowMs));
  TM_CHECK(iceberg::TableDocument::Parse(table->ToJson()).has_value());
}

// The same of a view.
void RunViewDocument(std::string_view bytes) {
  auto view = iceberg::ViewDocument::Parse(bytes.substr(0, bytes.find('\n')));
  if (!view) return CheckProblem(view.error());
  const JsonValue request = RequestOf(bytes);
  const auto requirements = iceberg::ListAt(request, "requirements");
  const auto updates = iceberg::ListAt(request, "updates");
  if (!requirements || !updates) return;
  for (const JsonValue& requirement : **requirements) {
    const auto met = view->Check(requirement);
    if (!met) return CheckProblem(met.error());
  }
  for (const JsonValue& update : **updates) {
    const auto applied = view->Apply(update, kNowMs);
    if (!applied) return CheckProblem(applied.error());
  }
  const auto finished = view->Finish();
  if (!finished) return CheckProblem(finished.error());
  TM_CHECK(iceberg::ViewDocument::Parse(view->ToJson()).has_value());
}

std::vector<std::string> TableDocumentSeeds() {
  const std::string table = MetadataSeeds().front();
  std::vector<std::string> seeds;
  const std::vector<std::string> commits = CommitSeeds();
  for (const std::size_t i : {0UL, 1UL, 3UL}) seeds.push_back(table + "\n" + commits[i]);
  seeds.push_back(
      R"({"format-version":1,"location":"file:///t","last-updated-ms":1,"last-column-id":1,)"
      R"("schema":{"type":"struct","fields":[{"id":1,"name":"x","required":true,"type":"long"}]},)"
      R"("partition-spec":[{"name":"x","transform":"bucket[4]","source-id":1,"field-id":1000}],)"
      R"("snapshots":[{"snapshot-id":3,"timestamp-ms":1,"manifests":["file:///t/m.avro"]}],)"
      R"("current-snapshot-id":3})"
      "\n"
      R"({"requirements":[{"type":"assert-current-schema-id","current-schema-id":0}],"updates":[)"
      R"({"action":"add-sort-order","sort-order":{"order-id":1,"fields":[{"source-id":1,)"
      R"("transform":"identity","direction":"asc","null-order":"nulls-first"}]}},)"
      R"({"action":"set-default-sort-order","sort-order-id":-1},)"
      R"({"action":"upgrade-format-version","format-version":2}]})");
  return seeds;
}

std::vector<std::string> ViewDocumentSeeds() {
  const std::string schema = R"({"type":"struct","schema-id":0,"fields":[)"
                             R"({"id":1,"name":"x","required":false,"type":"int"}]})";
  const std::string version =
      R"({"version-id":1,"schema-id":0,"timestamp-ms":5,"summary":{},"default-namespace":["a"],)"
      R"("representations":[{"type":"sql","sql":"select 1","dialect":"spark"}]})";
  const std::string view =
      R"({"view-uuid":"0b8ad9a2-2d0f-4f38-8c45-6e3d1c8f4a10","format-version":1,)"
      R"("location":"file:///w/v","current-version-id":1,"schemas":[)" +
      schema + R"(],"versions":[)" + version +
      R"(],"version-log":[{"timestamp-ms":5,"version-id":1}],"properties":{"a":"b"}})";
  const std::string other =
      R"({"version-id":7,"schema-id":-1,"timestamp-ms":6,"summary":{},"default-namespace":[],)"
      R"("representations":[{"type":"sql","sql":"select 2","dialect":"spark"},)"
      R"({"type":"sql","sql":"select 3","dialect":"trino"}]})";
  return {
      view + "\n" +
          R"({"requirements":[{"type":"assert-view-uuid","uuid":)"
          R"("0b8ad9a2-2d0f-4f38-8c45-6e3d1c8f4a10"}],"updates":[)"
          R"({"action":"add-schema","schema":)" +
          schema + R"(},{"action":"add-view-version","view-version":)" + other +
          R"(},{"action":"set-current-view-version","view-version-id":-1}]})",
      view + "\n" +
          R"({"updates":[{"action":"set-properties","updates":{"version.history.num-entries":"1",)"
          R"("replace.drop-dialect.allowed":"true"}},{"action":"remove-properties",)"
          R"("removals":["a"]},)"
          R"({"action":"set-location","location":"file:///w/x"},{"action":"add-view-version",)"
          R"("view-version":)" +
          version + "}]}"};
}

}  // namespace tidemark::fuzz
