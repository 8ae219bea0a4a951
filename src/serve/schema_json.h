// What the registry tells of subjects, versions and findings, as JSON. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json_writer.h"
#include "meta/schemas.h"
#include "schema/validator.h"

namespace tidemark::serve {

// In full: with the schema itself and, of a subject, how often which rule was broken.
enum class Detail : std::uint8_t { kBrief, kFull };

// One object each.
void WriteSubject(const meta::ProjectSchemas& schemas, const meta::SchemaSubject& subject,
                  Detail detail, JsonWriter* json);
void WriteVersion(const meta::SchemaVersion& version, Detail detail, JsonWriter* json);
// An array of `{"instance_path","keyword","schema_path","message"}`.
void WriteFindings(schema::Judgement judgement, const std::vector<schema::Finding>& findings,
                   JsonWriter* json);

}  // namespace tidemark::serve
