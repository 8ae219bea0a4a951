// The registry as a table for SQL: `event_schemas` with id, project_id, event_type, schema_version,
// schema_definition, created_at and updated_at; a row for each version that is not deleted. The
// event type is the subject; built-in ones have version 0 and no times. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/query.h"
#include "meta/schemas.h"

namespace tidemark::app {

// Empty if the text of the statement does not mention it: then nothing is spent on it.
std::vector<engine::NamedRelation> SchemaRelations(const meta::ProjectSchemas& schemas,
                                                   std::string_view project, std::string_view sql);

}  // namespace tidemark::app
