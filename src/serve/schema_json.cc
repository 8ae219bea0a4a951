#include "serve/schema_json.h"

namespace tidemark::serve {
namespace {

void WriteCounts(const meta::SchemaInForce& in_force, Detail detail, JsonWriter* json) {
  const schema::RuleCounts& counts = *in_force.counts;
  json->Key("counts").BeginObject().Field("checked", counts.checked());
  json->Field("observed", counts.observed()).Field("quarantined", counts.quarantined());
  json->Field("undecided", counts.undecided()).EndObject();
  if (detail == Detail::kBrief) return;
  json->Key("rules").BeginArray();
  counts.ForEach([&](const schema::BrokenRule& rule, std::uint64_t count) {
    json->BeginObject().Field("rule", in_force.version->validator->RuleName(rule));
    json->Field("events", count).EndObject();
  });
  if (counts.others() > 0) {
    json->BeginObject().Field("rule", "(others)").Field("events", counts.others()).EndObject();
  }
  json->EndArray();
}

}  // namespace

void WriteSubject(const meta::ProjectSchemas& schemas, const meta::SchemaSubject& subject,
                  Detail detail, JsonWriter* json) {
  const auto newest = subject.newest();
  json->BeginObject().Field("subject", subject.name).Key("event_types").BeginArray();
  for (const std::string& type : subject.event_types) json->String(type);
  json->EndArray().Field("mode", meta::SchemaModeName(subject.mode));
  json->Field("compatibility",
              schema::CompatibilityName(subject.compatibility.value_or(schemas.compatibility)));
  json->Field("builtin", subject.builtin);
  json->Key("version");
  newest == nullptr ? json->Null() : json->Int(newest->version);
  const auto in_force = schemas.in_force.find(subject.name);
  if (in_force != schemas.in_force.end()) WriteCounts(in_force->second, detail, json);
  if (detail == Detail::kFull && newest != nullptr) json->Key("schema").Raw(newest->text);
  json->EndObject();
}

void WriteVersion(const meta::SchemaVersion& version, Detail detail, JsonWriter* json) {
  json->BeginObject().Field("subject", version.subject).Field("version", version.version);
  json->Field("id", version.id);
  if (version.version > 0) {
    json->Field("created_at", FormatTime(version.created));
    json->Field("updated_at", FormatTime(version.updated));
  }
  if (!version.references.empty()) json->Key("references").Raw(version.references);
  if (detail == Detail::kFull) json->Key("schema").Raw(version.text);
  json->EndObject();
}

void WriteFindings(schema::Judgement judgement, const std::vector<schema::Finding>& findings,
                   JsonWriter* json) {
  json->BeginArray();
  if (judgement == schema::Judgement::kUndecided) {
    json->BeginObject().Field("keyword", "steps");
    json->Field("message", "the schema cannot judge this in reasonable time").EndObject();
  }
  for (const schema::Finding& finding : findings) {
    json->BeginObject().Field("instance_path", finding.instance_path);
    json->Field("keyword", finding.keyword).Field("schema_path", finding.schema_path);
    json->Field("message", finding.message).EndObject();
  }
  json->EndArray();
}

}  // namespace tidemark::serve
