// What the registry tells of subjects, versions and findings, as JSON. Pure; any thread.
#pragma once

#include <vector>

#include "base/json_writer.h"
#include "meta/schemas.h"
#include "schema/validator.h"

namespace tidemark::serve {

// One object; with `rules` also how often which rule was broken.
void WriteSubject(const meta::ProjectSchemas& schemas, const meta::SchemaSubject& subject,
                  bool rules, JsonWriter* json);
void WriteVersion(const meta::SchemaVersion& version, bool schema, JsonWriter* json);
// An array of `{"instance_path","keyword","schema_path","message"}`.
void WriteFindings(schema::Judgement judgement, const std::vector<schema::Finding>& findings,
                   JsonWriter* json);

}  // namespace tidemark::serve
