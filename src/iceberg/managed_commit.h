// A commit of another engine to a table that the server feeds: requirements, updates, guardian,
// admission; then offsets are inherited. A snapshot that others make stands for the same offsets of
// the log as the head under it, and says so in its summary, so that what is hot and what is settled
// stays what it was, whoever commits.
//
// Everything is durable on the store when Prepare returns; the pointer is not moved. Any thread.
#pragma once

#include <functional>
#include <string>

#include "base/json_reader.h"
#include "catalog/catalog.h"
#include "env/object_store.h"
#include "iceberg/locations.h"
#include "iceberg/manifest_cache.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

struct ManagedParts {
  env::ObjectStore* store = nullptr;  // The warehouse.
  const Resolver* locations = nullptr;
  ManifestCache* manifests = nullptr;
  lake::KnownParts* known_parts = nullptr;  // May be null.
  std::function<Uuid()> new_id;
  Epoch epoch;  // Of the process that feeds the table.
  TimeMicros now;
  TimeMicros readers_until;  // When files that the commit drops from history may be deleted.
};

struct ManagedCommit {
  bool changed = false;
  std::string metadata;         // JSON, after the commit.
  catalog::TableChange change;  // Of a commit that changed something.
};

// `request`: a CommitTableRequest. 400, 403, 409 as the rules say.
Outcome<ManagedCommit> PrepareManaged(const ManagedParts& parts, const catalog::TableRecord& record,
                                      const JsonValue& request);

}  // namespace tidemark::iceberg
