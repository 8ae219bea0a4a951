#include "app/schema_relation.h"

#include <algorithm>
#include <memory>

#include "base/time.h"
#include "engine/sql_quote.h"

namespace tidemark::app {
namespace {

constexpr std::string_view kName = "event_schemas";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool Mentions(std::string_view sql) {
  return std::search(sql.begin(), sql.end(), kName.begin(), kName.end(),
                     [](char a, char b) { return Lower(a) == b; }) != sql.end();
}

std::string TimeLiteral(const meta::SchemaVersion& version, TimeMicros time) {
  return version.version == 0 ? "NULL" : engine::QuotedText(FormatTime(time));
}

}  // namespace

std::vector<engine::NamedRelation> SchemaRelations(const meta::ProjectSchemas& schemas,
                                                   std::string_view project, std::string_view sql) {
  if (!Mentions(sql)) return {};
  // The first row gives the types, and is left out.
  std::string rows = "(0,'','',0,'',NULL,NULL,false)";
  for (const auto& [name, subject] : schemas.subjects) {
    for (const auto& version : subject->versions) {
      if (version->deleted) continue;
      rows += ",(" + std::to_string(version->id) + "," + engine::QuotedText(project) + "," +
              engine::QuotedText(name) + "," + std::to_string(version->version) + "," +
              engine::QuotedText(version->text) + "," + TimeLiteral(*version, version->created) +
              "," + TimeLiteral(*version, version->updated) + ",true)";
    }
  }
  auto relation = std::make_shared<engine::Relation>();
  relation->statement =
      "SELECT id::BIGINT AS id, project_id, event_type, schema_version::INTEGER AS schema_version,"
      " schema_definition, created_at::TIMESTAMPTZ AS created_at,"
      " updated_at::TIMESTAMPTZ AS updated_at FROM (VALUES " +
      rows +
      ") AS v(id, project_id, event_type, schema_version, schema_definition, created_at,"
      " updated_at, real) WHERE real";
  return {{{std::string(kName)}, std::move(relation)}};
}

}  // namespace tidemark::app
