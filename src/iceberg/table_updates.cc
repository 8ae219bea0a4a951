// Updates of schema, layout, location and properties. Those of snapshots: snapshot_updates.cc.
#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "iceberg/layout.h"
#include "iceberg/schema.h"
#include "iceberg/table_document.h"

namespace tidemark::iceberg {
namespace {

constexpr std::int64_t kLastAdded = -1;

// A required member of an update that is an object.
Outcome<const JsonValue*> ObjectAt(const JsonValue& update, std::string_view name) {
  const JsonValue* value = update.Find(name);
  if (value != nullptr && value->is_object()) return value;
  return BadRequest("Cannot parse update: " + std::string(name) + " must be an object");
}

// -1 stands for what this commit added last.
Outcome<std::int64_t> Resolve(const JsonValue& update, std::string_view name,
                              std::optional<std::int64_t> last_added) {
  ICE_ASSIGN(const std::int64_t id, update.IntAt(name));
  if (id != kLastAdded) return id;
  if (last_added) return *last_added;
  return NotValid("Cannot set last added " + std::string(name) + ": nothing has been added");
}

std::int64_t HighestId(const JsonValue& list, std::string_view name) {
  std::int64_t highest = -1;
  for (const JsonValue& item : list.items()) highest = std::max(highest, IntOr(item, name, -1));
  return highest;
}

// The ids of a list that an update removes.
Outcome<std::set<std::int64_t>> IdsAt(const JsonValue& update, std::string_view name) {
  const JsonValue* list = update.Find(name);
  if (list == nullptr || !list->is_array()) {
    return BadRequest("Cannot parse update: " + std::string(name) + " must be an array");
  }
  std::set<std::int64_t> ids;
  for (const JsonValue& id : list->items()) {
    if (!id.Int()) return BadRequest("Cannot parse update: " + std::string(name) + " has no ids");
    ids.insert(*id.Int());
  }
  return ids;
}

}  // namespace

struct TableUpdates {
  using Apply = Done (TableDocument::*)(const JsonValue&);
  struct Row {
    std::string_view action;
    Apply apply;
  };
  static constexpr std::array kRows = {
      Row{"assign-uuid", &TableDocument::AssignUuid},
      Row{"upgrade-format-version", &TableDocument::UpgradeFormat},
      Row{"add-schema", &TableDocument::AddSchema},
      Row{"set-current-schema", &TableDocument::SetCurrentSchema},
      Row{"add-spec", &TableDocument::AddSpec},
      Row{"set-default-spec", &TableDocument::SetDefaultSpec},
      Row{"add-sort-order", &TableDocument::AddSortOrder},
      Row{"set-default-sort-order", &TableDocument::SetDefaultSortOrder},
      Row{"add-snapshot", &TableDocument::AddSnapshot},
      Row{"set-snapshot-ref", &TableDocument::SetRef},
      Row{"remove-snapshot-ref", &TableDocument::RemoveRef},
      Row{"remove-snapshots", &TableDocument::RemoveSnapshots},
      Row{"set-location", &TableDocument::SetLocation},
      Row{"set-properties", &TableDocument::SetProperties},
      Row{"remove-properties", &TableDocument::RemoveProperties},
      Row{"set-statistics", &TableDocument::SetStatistics},
      Row{"remove-statistics", &TableDocument::RemoveStatistics},
      Row{"set-partition-statistics", &TableDocument::SetPartitionStatistics},
      Row{"remove-partition-statistics", &TableDocument::RemovePartitionStatistics},
      Row{"remove-partition-specs", &TableDocument::RemoveSpecs},
      Row{"remove-schemas", &TableDocument::RemoveSchemas},
      Row{"add-encryption-key", &TableDocument::AddEncryptionKey},
      Row{"remove-encryption-key", &TableDocument::RemoveEncryptionKey},
  };
};

Done TableDocument::Apply(const JsonValue& update, std::int64_t now_ms) {
  now_ms_ = now_ms;
  const std::string action = TextOr(update, "action");
  for (const TableUpdates::Row& row : TableUpdates::kRows) {
    if (row.action == action) return (this->*row.apply)(update);
  }
  return BadRequest("Unknown metadata update: " + (action.empty() ? update.ToJson() : action));
}

Done TableDocument::AssignUuid(const JsonValue& update) {
  ICE_ASSIGN(const std::string text, update.StringAt("uuid"));
  const auto wanted = Uuid::Parse(text);
  if (!wanted) return BadRequest("Cannot parse UUID: " + text);
  if (wanted == uuid()) return {};
  if (uuid()) return NotValid("Cannot reassign UUID: the table has " + uuid()->ToString());
  json_.Set("table-uuid", wanted->ToString());
  changed_ = true;
  return {};
}

Done TableDocument::UpgradeFormat(const JsonValue& update) {
  ICE_ASSIGN(const std::int64_t version, update.IntAt("format-version"));
  return Upgrade(version);
}

Done TableDocument::Upgrade(std::int64_t version) {
  if (version > kFormatVersionMax || version < kFormatVersionMin) {
    return NotValid("Cannot upgrade table to unsupported format version: v" +
                    std::to_string(version) + " (supported: v3)");
  }
  // Before its first schema the table is only being made.
  const bool blank = json_.Find("schemas")->items().empty();
  if (version < format_version() && !blank) {
    return NotValid("Cannot downgrade v" + std::to_string(format_version()) + " table to v" +
                    std::to_string(version));
  }
  if (version == format_version()) return {};
  json_.Set("format-version", version);
  if (version >= 3 && json_.Find("next-row-id") == nullptr) json_.Set("next-row-id", 0);
  changed_ = true;
  return {};
}

Done TableDocument::AddSchema(const JsonValue& update) {
  ICE_ASSIGN(const JsonValue* sent, ObjectAt(update, "schema"));
  ICE_ASSIGN(JsonValue schema, NormalSchema(*sent));
  ICE_TRY(CheckFormatVersion(schema, format_version()));
  const FieldIndex fields = IndexFields(schema);
  // Not every client asserts the last id that it saw: an id that is in use keeps its meaning.
  for (const JsonValue& old : json_.Find("schemas")->items()) {
    if (json_.Find("current-schema-id") == nullptr ||
        IntOr(old, "schema-id", -1) != IntOr(json_, "current-schema-id", -2)) {
      continue;
    }
    ICE_TRY(CheckEvolution(IndexFields(old), fields, format_version()));
  }
  const std::int64_t last =
      std::max<std::int64_t>({IntOr(json_, "last-column-id", 0), IntOr(update, "last-column-id", 0),
                              HighestFieldId(fields)});
  if (last > IntOr(json_, "last-column-id", 0)) {
    json_.Set("last-column-id", last);
    changed_ = true;
  }
  JsonValue* schemas = json_.Find("schemas");
  for (const JsonValue& old : schemas->items()) {
    auto normal = NormalSchema(old);  // As another engine wrote it.
    if (!normal || !SameSchema(*normal, schema)) continue;
    last_schema_ = IntOr(old, "schema-id", 0);
    return {};
  }
  last_schema_ = HighestId(*schemas, "schema-id") + 1;
  schema.Set("schema-id", *last_schema_);
  schemas->Append(std::move(schema));
  changed_ = true;
  return {};
}

Done TableDocument::SetCurrentSchema(const JsonValue& update) {
  ICE_ASSIGN(const std::int64_t id, Resolve(update, "schema-id", last_schema_));
  if (FindById("schemas", "schema-id", id) == nullptr) {
    return NotValid("Cannot set current schema to unknown schema: " + std::to_string(id));
  }
  if (IntOr(json_, "current-schema-id", -1) == id) return {};
  json_.Set("current-schema-id", id);
  changed_ = true;
  return {};
}

const JsonValue* TableDocument::SchemaToBind() {
  if (const JsonValue* current = CurrentSchema()) return current;
  return FindById("schemas", "schema-id", last_schema_.value_or(-1));
}

Done TableDocument::AddSpec(const JsonValue& update) {
  ICE_ASSIGN(const JsonValue* sent, ObjectAt(update, "spec"));
  const JsonValue* schema = SchemaToBind();
  if (schema == nullptr) return NotValid("Cannot add a partition spec before a schema");
  ICE_ASSIGN(BoundSpec bound,
             BindSpec(*sent, IndexFields(*schema),
                      static_cast<std::int32_t>(IntOr(json_, "last-partition-id", 999))));
  JsonValue* specs = json_.Find("partition-specs");
  for (const JsonValue& old : specs->items()) {
    if (!SameSpec(old, bound.spec)) continue;
    last_spec_ = IntOr(old, "spec-id", 0);
    return {};
  }
  last_spec_ = HighestId(*specs, "spec-id") + 1;
  JsonValue spec = JsonValue::Object();
  spec.Set("spec-id", *last_spec_).Set("fields", *bound.spec.Find("fields"));
  specs->Append(std::move(spec));
  json_.Set("last-partition-id", std::int64_t{bound.last_partition_id});
  changed_ = true;
  return {};
}

Done TableDocument::SetDefaultSpec(const JsonValue& update) {
  ICE_ASSIGN(const std::int64_t id, Resolve(update, "spec-id", last_spec_));
  if (FindById("partition-specs", "spec-id", id) == nullptr) {
    return NotValid("Cannot set default partition spec to unknown spec: " + std::to_string(id));
  }
  if (IntOr(json_, "default-spec-id", -1) == id) return {};
  json_.Set("default-spec-id", id);
  changed_ = true;
  return {};
}

Done TableDocument::AddSortOrder(const JsonValue& update) {
  ICE_ASSIGN(const JsonValue* sent, ObjectAt(update, "sort-order"));
  const JsonValue* schema = SchemaToBind();
  if (schema == nullptr) return NotValid("Cannot add a sort order before a schema");
  ICE_ASSIGN(const JsonValue bound, BindSortOrder(*sent, IndexFields(*schema)));
  JsonValue* orders = json_.Find("sort-orders");
  for (const JsonValue& old : orders->items()) {
    if (!SameSortOrder(old, bound)) continue;
    last_order_ = IntOr(old, "order-id", 0);
    return {};
  }
  const bool unsorted = bound.Find("fields")->items().empty();
  last_order_ = unsorted ? 0 : std::max<std::int64_t>(HighestId(*orders, "order-id") + 1, 1);
  JsonValue order = JsonValue::Object();
  order.Set("order-id", *last_order_).Set("fields", *bound.Find("fields"));
  orders->Append(std::move(order));
  changed_ = true;
  return {};
}

Done TableDocument::SetDefaultSortOrder(const JsonValue& update) {
  // Early clients call it `sort-order-id`, as the specification does; some wrote `order-id`.
  const std::string_view name =
      update.Find("sort-order-id") == nullptr ? "order-id" : "sort-order-id";
  ICE_ASSIGN(const std::int64_t id, Resolve(update, name, last_order_));
  if (FindById("sort-orders", "order-id", id) == nullptr) {
    return NotValid("Cannot set default sort order to unknown sort order: " + std::to_string(id));
  }
  if (IntOr(json_, "default-sort-order-id", -1) == id) return {};
  json_.Set("default-sort-order-id", id);
  changed_ = true;
  return {};
}

Done TableDocument::SetLocation(const JsonValue& update) {
  ICE_ASSIGN(std::string where, update.StringAt("location"));
  while (where.size() > 1 && where.back() == '/') where.pop_back();
  if (where == location()) return {};
  json_.Set("location", where);
  changed_ = true;
  return {};
}

Done TableDocument::SetProperties(const JsonValue& update) {
  const JsonValue* updates = update.Find("updates");
  if (updates == nullptr) updates = update.Find("updated");  // Its name before 1.0.
  if (updates == nullptr || !updates->is_object()) {
    return BadRequest("Cannot parse set-properties: updates must be an object");
  }
  std::vector<JsonValue::Member> properties;
  for (const auto& [key, value] : updates->members()) {
    if (!value.is_string()) return BadRequest("Cannot parse string property: " + key);
    if (key == "format-version") {  // Reserved: an upgrade in disguise.
      const auto number = JsonValue::Parse(value.text());
      ICE_TRY(Upgrade(number ? number->Int().value_or(0) : 0));
      continue;
    }
    properties.emplace_back(key, value);
  }
  changed_ |= json_.Find("properties")->SetAll(properties);
  return {};
}

Done TableDocument::RemoveProperties(const JsonValue& update) {
  const JsonValue* removals = update.Find("removals");
  if (removals == nullptr) removals = update.Find("removed");  // Its name before 1.0.
  if (removals == nullptr || !removals->is_array()) {
    return BadRequest("Cannot parse remove-properties: removals must be an array");
  }
  std::set<std::string_view> keys;
  for (const JsonValue& key : removals->items()) keys.insert(key.text());
  changed_ |= json_.Find("properties")->RemoveAll(keys);
  return {};
}

Done TableDocument::RemoveSpecs(const JsonValue& update) {
  ICE_ASSIGN(const auto ids, IdsAt(update, "spec-ids"));
  if (ids.contains(IntOr(json_, "default-spec-id", -1))) {
    return NotValid("Cannot remove the default partition spec");
  }
  changed_ |= std::erase_if(json_.Find("partition-specs")->items(), [&ids](const JsonValue& spec) {
                return ids.contains(IntOr(spec, "spec-id", -1));
              }) > 0;
  return {};
}

Done TableDocument::RemoveSchemas(const JsonValue& update) {
  ICE_ASSIGN(const auto ids, IdsAt(update, "schema-ids"));
  if (ids.contains(IntOr(json_, "current-schema-id", -1))) {
    return NotValid("Cannot remove the current schema");
  }
  changed_ |= std::erase_if(json_.Find("schemas")->items(), [&ids](const JsonValue& schema) {
                return ids.contains(IntOr(schema, "schema-id", -1));
              }) > 0;
  return {};
}

Done TableDocument::AddEncryptionKey(const JsonValue& update) {
  ICE_ASSIGN(const JsonValue* key, ObjectAt(update, "encryption-key"));
  ICE_ASSIGN(const std::string id, key->StringAt("key-id"));
  auto& keys = List("encryption-keys")->items();
  if (std::ranges::any_of(keys, [&](const auto& one) { return TextOr(one, "key-id") == id; })) {
    return {};
  }
  keys.push_back(*key);
  changed_ = true;
  return {};
}

Done TableDocument::RemoveEncryptionKey(const JsonValue& update) {
  ICE_ASSIGN(const std::string id, update.StringAt("key-id"));
  changed_ |= std::erase_if(List("encryption-keys")->items(), [&id](const JsonValue& key) {
                return TextOr(key, "key-id") == id;
              }) > 0;
  return {};
}

// Snapshots in snapshot_updates.cc need it too.
Done TableDocument::DropStatistics(std::string_view list, const JsonValue& update) {
  ICE_ASSIGN(const std::int64_t id, update.IntAt("snapshot-id"));
  if (json_.Find(list) == nullptr) return {};
  changed_ |= std::erase_if(List(list)->items(), [id](const JsonValue& one) {
                return IntOr(one, "snapshot-id", -1) == id;
              }) > 0;
  return {};
}

Done TableDocument::PutStatistics(std::string_view list, const JsonValue* statistics) {
  if (statistics == nullptr || !statistics->is_object()) {
    return BadRequest("Cannot parse update: " + std::string(list) + " must be an object");
  }
  ICE_ASSIGN(const std::int64_t id, statistics->IntAt("snapshot-id"));
  ICE_TRY(statistics->StringAt("statistics-path"));
  std::erase_if(List(list)->items(),
                [id](const JsonValue& one) { return IntOr(one, "snapshot-id", -1) == id; });
  List(list)->Append(*statistics);
  changed_ = true;
  return {};
}

Done TableDocument::SetStatistics(const JsonValue& update) {
  return PutStatistics("statistics", update.Find("statistics"));
}
Done TableDocument::RemoveStatistics(const JsonValue& update) {
  return DropStatistics("statistics", update);
}
Done TableDocument::SetPartitionStatistics(const JsonValue& update) {
  return PutStatistics("partition-statistics", update.Find("partition-statistics"));
}
Done TableDocument::RemovePartitionStatistics(const JsonValue& update) {
  return DropStatistics("partition-statistics", update);
}

}  // namespace tidemark::iceberg
