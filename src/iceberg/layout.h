// Partition specs and sort orders as JSON (Iceberg table spec, "Partitioning", "Sorting",
// appendix C): checked against a schema, with the ids that the table gives them. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>

#include "iceberg/schema.h"

namespace tidemark::iceberg {

inline constexpr std::int32_t kFirstPartitionId = 1'000;

// `{"spec-id":0,"fields":[]}` and `{"order-id":0,"fields":[]}`.
JsonValue Unpartitioned();
JsonValue Unsorted();

struct BoundSpec {
  JsonValue spec;  // Without a spec id.
  std::int32_t last_partition_id = 0;
};
// Fields without an id get one above `last_partition_id`. 400 if a source is missing or of the
// wrong kind, a transform is not known, or a name is taken.
Outcome<BoundSpec> BindSpec(const JsonValue& sent, const FieldIndex& fields,
                            std::int32_t last_partition_id);
// Fields have the same sources, transforms and names.
bool SameSpec(const JsonValue& a, const JsonValue& b);

// Without an order id. 400 as above.
Outcome<JsonValue> BindSortOrder(const JsonValue& sent, const FieldIndex& fields);
bool SameSortOrder(const JsonValue& a, const JsonValue& b);

// Source ids of a spec's or order's fields by `new_ids`; forgets partition field ids, so that they
// are given anew. For tables whose field ids were assigned again.
JsonValue RenameSources(const JsonValue& layout,
                        const std::map<std::int32_t, std::int32_t>& new_ids);

}  // namespace tidemark::iceberg
