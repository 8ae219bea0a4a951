#include "iceberg/fsck_metadata.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "iceberg/schema.h"

namespace tidemark::iceberg {
namespace {

using lake::Snapshot;
using lake::TableMetadata;

// Clocks of writers may differ by as much.
constexpr std::int64_t kClockDriftMs = 60'000;

std::string Named(SnapshotId id) { return "snapshot " + to_string(id); }

class Checks {
 public:
  Checks(const TableMetadata& metadata, const JsonValue& json, const TellProblem& tell)
      : metadata_(metadata), json_(json), tell_(tell) {}

  void Run() {
    Snapshots();
    Refs();
    SnapshotLog();
    MetadataLog();
    Schemas();
    Specs();
    SortOrders();
    RowIds();
  }

 private:
  void Snapshots() {
    std::set<SnapshotId> ids;
    std::set<std::int64_t> numbers;
    for (const auto& snapshot : metadata_.snapshots) {
      const std::string name = Named(snapshot->id);
      if (!ids.insert(snapshot->id).second) tell_("duplicate", name + " is there twice");
      if (snapshot->manifest_list.empty() && metadata_.format_version > 1) {
        tell_("reference", name + " has no manifest list");
      }
      if (snapshot->schema_id && metadata_.FindSchema(*snapshot->schema_id) == nullptr) {
        tell_("reference", name + " is of schema " + std::to_string(*snapshot->schema_id) +
                               ", which is not there");
      }
      if (metadata_.format_version > 1) Number(*snapshot, &numbers);
    }
  }

  void Number(const Snapshot& snapshot, std::set<std::int64_t>* numbers) {
    const std::int64_t number = snapshot.sequence_number;
    const std::string name = Named(snapshot.id) + " has sequence number " + std::to_string(number);
    if (number > metadata_.last_sequence_number) {
      tell_("sequence-number",
            name + ", the table's last is " + std::to_string(metadata_.last_sequence_number));
    }
    // Snapshots from before an upgrade have 0.
    if (number > 0 && !numbers->insert(number).second) {
      tell_("sequence-number", name + ", as has another");
    }
    const Snapshot* parent = snapshot.parent ? metadata_.FindSnapshot(*snapshot.parent) : nullptr;
    if (parent != nullptr && number > 0 && parent->sequence_number >= number) {
      tell_("sequence-number", name + ", its parent " + std::to_string(parent->sequence_number));
    }
  }

  void Refs() {
    for (const auto& [name, ref] : metadata_.refs) {
      if (metadata_.FindSnapshot(ref.snapshot) == nullptr) {
        tell_("reference", "ref " + name + " is of " + Named(ref.snapshot) + ", which is gone");
      }
      if (name == "main" && metadata_.current_snapshot_id != ref.snapshot) {
        tell_("reference",
              "branch main is at " + Named(ref.snapshot) + ", which is not the current snapshot");
      }
    }
  }

  void SnapshotLog() {
    const auto& log = metadata_.snapshot_log;
    for (std::size_t i = 0; i < log.size(); ++i) {
      if (metadata_.FindSnapshot(log[i].snapshot) == nullptr) {
        tell_("snapshot-log", "the log names " + Named(log[i].snapshot) + ", which is gone");
      }
      if (i > 0 && log[i].timestamp_ms + kClockDriftMs < log[i - 1].timestamp_ms) {
        tell_("snapshot-log", "the log goes back in time at " + Named(log[i].snapshot));
      }
    }
    if (!log.empty() && metadata_.current_snapshot_id &&
        log.back().snapshot != *metadata_.current_snapshot_id) {
      tell_("snapshot-log", "the log ends with another snapshot than the current one");
    }
  }

  void MetadataLog() {
    const auto& log = metadata_.metadata_log;
    for (std::size_t i = 1; i < log.size(); ++i) {
      if (log[i].timestamp_ms + kClockDriftMs >= log[i - 1].timestamp_ms) continue;
      tell_("snapshot-log", "the metadata log goes back in time at " + log[i].metadata_file);
    }
  }

  // Field ids at any depth.
  static void AddIds(const JsonValue& type, std::vector<std::int64_t>* ids) {
    if (!type.is_object()) return;
    for (const std::string_view key : {"element-id", "key-id", "value-id"}) {
      if (type.Find(key) != nullptr) ids->push_back(IntOr(type, key, -1));
    }
    for (const JsonValue& field : MemberOf(type, "fields").items()) {
      ids->push_back(IntOr(field, "id", -1));
      AddIds(MemberOf(field, "type"), ids);
    }
    for (const std::string_view key : {"element", "key", "value"}) AddIds(MemberOf(type, key), ids);
  }

  void Schemas() {
    std::set<std::int64_t> schemas;
    for (const JsonValue& schema : MemberOf(json_, "schemas").items()) {
      const std::string name = "schema " + std::to_string(IntOr(schema, "schema-id", 0));
      if (!schemas.insert(IntOr(schema, "schema-id", 0)).second) {
        tell_("duplicate", name + " is there twice");
      }
      std::vector<std::int64_t> ids;
      AddIds(schema, &ids);
      std::ranges::sort(ids);
      if (std::ranges::adjacent_find(ids) != ids.end()) {
        tell_("schema", name + " has two fields with one id");
      }
      if (!ids.empty() && ids.back() > metadata_.last_column_id) {
        tell_("schema", name + " has field id " + std::to_string(ids.back()) +
                            ", the table's last is " + std::to_string(metadata_.last_column_id));
      }
      fields_.insert(ids.begin(), ids.end());
    }
    // Of version 1.
    std::vector<std::int64_t> ids;
    AddIds(MemberOf(json_, "schema"), &ids);
    fields_.insert(ids.begin(), ids.end());
  }

  void Specs() {
    std::set<std::int32_t> specs;
    for (const lake::PartitionSpec& spec : metadata_.specs) {
      const std::string name = "partition spec " + std::to_string(spec.spec_id);
      if (!specs.insert(spec.spec_id).second) tell_("duplicate", name + " is there twice");
      for (const lake::PartitionField& field : spec.fields) {
        const bool is_void = field.transform == lake::Transform::kVoid;
        if (field.source_id >= 0 && !is_void && !fields_.contains(field.source_id)) {
          tell_("partition", name + " is made of column " + std::to_string(field.source_id) +
                                 ", which no schema has");
        }
        if (field.field_id > metadata_.last_partition_id && metadata_.format_version > 1) {
          tell_("partition", name + " has field id " + std::to_string(field.field_id) +
                                 ", the table's last is " +
                                 std::to_string(metadata_.last_partition_id));
        }
      }
    }
  }

  void SortOrders() {
    const auto orders = JsonValue::Parse(metadata_.sort_orders_json);
    if (!orders) return tell_("reference", "the sort orders cannot be read");
    const bool there = std::ranges::any_of(orders->items(), [&](const JsonValue& order) {
      return IntOr(order, "order-id", -1) == metadata_.default_sort_order_id;
    });
    if (!there && metadata_.default_sort_order_id != 0) {
      tell_("reference", "the default sort order is not there");
    }
  }

  // v3: every commit takes its row ids behind those of the commits before.
  void RowIds() {
    if (metadata_.format_version < 3) return;
    const std::int64_t next = IntOr(json_, "next-row-id", -1);
    if (next < 0) return tell_("row-id", "no next-row-id");
    for (const auto& snapshot : metadata_.snapshots) {
      // One from before the upgrade has none.
      if (!snapshot->first_row_id) continue;
      if (!snapshot->added_rows) {
        tell_("row-id", Named(snapshot->id) + " has a first-row-id and no added-rows");
      } else if (*snapshot->first_row_id + *snapshot->added_rows > next) {
        tell_("row-id", Named(snapshot->id) + " takes row ids up to " +
                            std::to_string(*snapshot->first_row_id + *snapshot->added_rows) +
                            ", the table's next is " + std::to_string(next));
      }
    }
  }

  const TableMetadata& metadata_;
  const JsonValue& json_;
  const TellProblem& tell_;
  std::set<std::int64_t> fields_;  // Ids of all schemas.
};

}  // namespace

void CheckMetadata(const TableMetadata& metadata, const JsonValue& json, const TellProblem& tell) {
  Checks(metadata, json, tell).Run();
}

}  // namespace tidemark::iceberg
