// `tidemark table rollback|tag|branch|alter`: commits over the REST catalog, as any engine makes
// them: built on the state that was loaded, refused if another one has won.
#pragma once

#include "app/catalog_client.h"
#include "app/commands.h"

namespace tidemark::app {

// `metadata`: the table's, as it was loaded. Returns the exit code.
int ChangeTable(CatalogClient* client, const JsonValue& metadata, const TableOptions& options);

}  // namespace tidemark::app
