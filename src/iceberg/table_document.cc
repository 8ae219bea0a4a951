#include "iceberg/table_document.h"

#include <algorithm>
#include <array>
#include <utility>

#include "iceberg/layout.h"
#include "iceberg/schema.h"
#include "lake/deflate.h"

namespace tidemark::iceberg {
namespace {

constexpr int kGzipLevel = 1;  // Fast: the text repeats itself, and it is written with each commit.
constexpr std::int64_t kLastPartitionIdOfNone = 999;
constexpr std::array<std::string_view, 6> kLists = {"schemas",   "partition-specs", "sort-orders",
                                                    "snapshots", "snapshot-log",    "metadata-log"};

std::string FormatVersionText(const JsonValue& properties) {
  return TextOr(properties, "format-version");
}

Outcome<int> FormatVersionOf(const JsonValue& properties) {
  const std::string text = FormatVersionText(properties);
  if (text.empty()) return kFormatVersionDefault;
  if (text.size() == 1 && text[0] >= '0' + kFormatVersionMin &&
      text[0] <= '0' + kFormatVersionMax) {
    return text[0] - '0';
  }
  return NotValid("Unsupported format version: v" + text + " (1 to 3 are known)");
}

// null, absent: empty. Values must be strings.
Outcome<JsonValue> NormalProperties(const JsonValue& sent) {
  if (sent.is_null()) return JsonValue::Object();
  if (!sent.is_object()) return BadRequest("Cannot parse properties: it must be an object");
  for (const auto& [key, value] : sent.members()) {
    if (!value.is_string()) return BadRequest("Cannot parse string property: " + key);
  }
  return sent;
}

// Ids are 32 bits wide (table spec, "Table Metadata Fields"): with another one no reader opens the
// table, and the next one would not be a number.
bool IsIdOrNone(const JsonValue& json, std::string_view name) {
  return std::in_range<std::int32_t>(IntOr(json, name, 0));
}

Done CheckIds(const JsonValue& json) {
  const auto check = [](const JsonValue& holder, std::string_view name) -> Done {
    if (IsIdOrNone(holder, name)) return {};
    return NotValid("Invalid table metadata: " + std::string(name) + " " +
                    std::to_string(IntOr(holder, name, 0)) + " is beyond 32 bits");
  };
  for (const std::string_view name :
       {"last-column-id", "last-partition-id", "current-schema-id", "default-spec-id"}) {
    ICE_TRY(check(json, name));
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNumbered = {
      {{"schemas", "schema-id"}, {"partition-specs", "spec-id"}, {"sort-orders", "order-id"}}};
  for (const auto& [list, name] : kNumbered) {
    for (const JsonValue& one : MemberOf(json, list).items()) ICE_TRY(check(one, name));
  }
  for (const JsonValue& spec : MemberOf(json, "partition-specs").items()) {
    for (const JsonValue& field : MemberOf(spec, "fields").items()) {
      ICE_TRY(check(field, "field-id"));
    }
  }
  return {};
}

JsonValue OneItem(JsonValue item) {
  JsonValue list = JsonValue::Array();
  list.Append(std::move(item));
  return list;
}

// What must be an array, object or number wherever it is used without looking again.
Done CheckShape(const JsonValue& json) {
  for (const std::string_view name : kLists) {
    const JsonValue* list = json.Find(name);
    if (list == nullptr) continue;
    const bool objects =
        list->is_array() &&
        std::ranges::all_of(list->items(), [](const auto& one) { return one.is_object(); });
    if (!objects) return BadRequest("Cannot parse table metadata: " + std::string(name));
  }
  for (const std::string_view name : {"partition-specs", "sort-orders"}) {
    for (const JsonValue& one : MemberOf(json, name).items()) {
      if (MemberOf(one, "fields").is_array()) continue;
      return BadRequest("Cannot parse table metadata: " + std::string(name) + " without fields");
    }
  }
  for (const std::string_view name : {"properties", "refs"}) {
    const JsonValue* object = json.Find(name);
    if (object != nullptr && !object->is_object()) {
      return BadRequest("Cannot parse table metadata: " + std::string(name));
    }
  }
  return {};
}

}  // namespace

Outcome<TableDocument> TableDocument::Parse(std::string_view bytes) {
  std::string inflated;
  if (bytes.starts_with("\x1f\x8b")) {
    auto plain = lake::Inflate(bytes, lake::DeflateForm::kGzip, kDocumentBytesMax);
    if (!plain) return BadRequest("Cannot read table metadata: " + plain.error().message());
    inflated = *std::move(plain);
    bytes = inflated;
  }
  auto json = JsonValue::Parse(bytes);
  if (!json || !json->is_object()) return BadRequest("Cannot read table metadata: it is no JSON");
  TableDocument document(*std::move(json));
  ICE_TRY(document.Normalize());
  return document;
}

Done TableDocument::Normalize() {
  const std::int64_t version = IntOr(json_, "format-version", 0);
  if (version < kFormatVersionMin || version > kFormatVersionMax) {
    return BadRequest("Cannot read unsupported version " + std::to_string(version));
  }
  for (const std::string_view name : {"snapshots", "snapshot-log", "metadata-log"}) {
    const JsonValue* list = json_.Find(name);
    if (list == nullptr || list->is_null()) json_.Set(name, JsonValue::Array());
  }
  for (const std::string_view name : {"properties", "refs"}) {
    const JsonValue* object = json_.Find(name);
    if (object == nullptr || object->is_null()) json_.Set(name, JsonValue::Object());
  }
  if (version > 1) {
    for (const std::string_view name : {"sort-orders", "last-partition-id"}) {
      if (json_.Find(name) != nullptr) continue;
      return BadRequest("Cannot parse table metadata: missing " + std::string(name));
    }
  }
  if (json_.Find("sort-orders") == nullptr) {
    json_.Set("sort-orders", OneItem(Unsorted())).Set("default-sort-order-id", 0);
  }
  if (version == 1) ICE_TRY(NormalizeV1());
  ICE_TRY(CheckShape(json_));
  const std::int64_t current = IntOr(json_, "current-snapshot-id", -1);
  if (current == -1) {
    json_.Remove("current-snapshot-id");
  } else if (json_.Find("refs")->Find("main") == nullptr) {
    JsonValue main = JsonValue::Object();
    main.Set("snapshot-id", current).Set("type", "branch");
    json_.Find("refs")->Set("main", std::move(main));
  }
  for (const std::string_view name :
       {"last-column-id", "last-updated-ms", "current-schema-id", "default-spec-id"}) {
    ICE_TRY(json_.IntAt(name));
  }
  for (const std::string_view name : {"schemas", "partition-specs"}) {
    if (json_.Find(name) == nullptr) {
      return BadRequest("Cannot parse table metadata: missing " + std::string(name));
    }
  }
  for (const JsonValue& schema : json_.Find("schemas")->items()) {
    if (TextOr(schema, "type") == "struct") continue;
    return BadRequest("Cannot parse table metadata: a schema whose type is not struct");
  }
  ICE_TRY(json_.StringAt("location"));
  return CheckComplete();
}

// Version 1 names one schema and one spec; writers since have the lists too.
Done TableDocument::NormalizeV1() {
  if (json_.Find("schemas") == nullptr) {
    const JsonValue* schema = json_.Find("schema");
    if (schema == nullptr) return BadRequest("Cannot parse table metadata: missing schema");
    JsonValue one = *schema;
    one.Set("schema-id", 0);
    json_.Set("schemas", OneItem(std::move(one))).Set("current-schema-id", 0);
  }
  const JsonValue* schema = json_.Find("schema");
  if (json_.Find("current-schema-id") == nullptr && schema != nullptr) {
    json_.Set("current-schema-id", IntOr(*schema, "schema-id", 0));
  }
  if (json_.Find("partition-specs") == nullptr) {
    const JsonValue* fields = json_.Find("partition-spec");
    if (fields == nullptr || !fields->is_array()) {
      return BadRequest("Cannot parse table metadata: missing partition-spec");
    }
    JsonValue list = *fields;
    std::int64_t id = kLastPartitionIdOfNone;
    for (JsonValue& field : list.items()) {
      if (!field.is_object() || !IsIdOrNone(field, "field-id")) {
        return BadRequest("Cannot parse table metadata: partition-spec");
      }
      id = std::max(id + 1, IntOr(field, "field-id", 0));
      field.Set("field-id", id);
    }
    JsonValue spec = JsonValue::Object();
    spec.Set("spec-id", 0).Set("fields", std::move(list));
    json_.Set("partition-specs", OneItem(std::move(spec))).Set("default-spec-id", 0);
    json_.Set("last-partition-id", id);
  }
  if (json_.Find("default-spec-id") == nullptr && json_.Find("partition-specs")->is_array() &&
      !json_.Find("partition-specs")->items().empty()) {
    const JsonValue& last = json_.Find("partition-specs")->items().back();
    json_.Set("default-spec-id", IntOr(last, "spec-id", 0));
  }
  if (json_.Find("last-sequence-number") == nullptr) json_.Set("last-sequence-number", 0);
  return {};
}

Outcome<TableDocument> TableDocument::Create(const NewTable& table) {
  ICE_ASSIGN(JsonValue properties, NormalProperties(table.properties));
  ICE_ASSIGN(const int version, FormatVersionOf(properties));
  properties.Remove("format-version");
  ICE_ASSIGN(const JsonValue normal, NormalSchema(table.schema));
  ICE_TRY(CheckFormatVersion(normal, version));
  FreshSchema fresh = AssignFreshIds(normal);
  const FieldIndex fields = IndexFields(fresh.schema);
  fresh.schema.Set("schema-id", 0);
  const JsonValue sent_spec = table.spec.is_null() ? Unpartitioned() : table.spec;
  ICE_ASSIGN(BoundSpec bound,
             BindSpec(RenameSources(sent_spec, fresh.new_ids), fields, kLastPartitionIdOfNone));
  bound.spec.Set("spec-id", 0);
  const JsonValue sent_order = table.sort_order.is_null() ? Unsorted() : table.sort_order;
  ICE_ASSIGN(JsonValue order, BindSortOrder(RenameSources(sent_order, fresh.new_ids), fields));
  const std::int64_t order_id = order.Find("fields")->items().empty() ? 0 : 1;
  order.Set("order-id", order_id);

  JsonValue json = JsonValue::Object();
  json.Set("format-version", std::int64_t{version}).Set("table-uuid", table.uuid.ToString());
  json.Set("location", table.location).Set("last-sequence-number", 0);
  json.Set("last-updated-ms", table.now_ms).Set("last-column-id", std::int64_t{fresh.last_id});
  json.Set("current-schema-id", 0).Set("schemas", OneItem(std::move(fresh.schema)));
  json.Set("default-spec-id", 0).Set("partition-specs", OneItem(std::move(bound.spec)));
  json.Set("last-partition-id", std::int64_t{bound.last_partition_id});
  json.Set("default-sort-order-id", order_id).Set("sort-orders", OneItem(std::move(order)));
  json.Set("properties", std::move(properties)).Set("refs", JsonValue::Object());
  json.Set("snapshots", JsonValue::Array()).Set("snapshot-log", JsonValue::Array());
  json.Set("metadata-log", JsonValue::Array());
  if (version >= 3) json.Set("next-row-id", 0);
  TableDocument document(std::move(json));
  document.changed_ = true;
  document.WriteV1();
  return document;
}

TableDocument TableDocument::Blank() {
  JsonValue json = JsonValue::Object();
  json.Set("format-version", kFormatVersionDefault).Set("last-sequence-number", 0);
  json.Set("last-updated-ms", 0).Set("last-column-id", 0);
  json.Set("last-partition-id", kLastPartitionIdOfNone);
  for (const std::string_view name : kLists) {
    json.Set(name, JsonValue::Array());
  }
  json.Set("properties", JsonValue::Object()).Set("refs", JsonValue::Object());
  return TableDocument(std::move(json));
}

void TableDocument::Complete(const Uuid& uuid_if_none) {
  if (!uuid()) json_.Set("table-uuid", uuid_if_none.ToString());
  const auto add = [this](std::string_view list, std::string_view pointer, JsonValue none) {
    if (json_.Find(list)->items().empty()) json_.Find(list)->Append(std::move(none));
    if (json_.Find(pointer) == nullptr) json_.Set(pointer, 0);
  };
  add("partition-specs", "default-spec-id", Unpartitioned());
  add("sort-orders", "default-sort-order-id", Unsorted());
  changed_ = true;
}

void TableDocument::SetDefaultLocation(std::string_view where) { json_.Set("location", where); }

Done TableDocument::Finish(std::int64_t now_ms) {
  ICE_TRY(CheckComplete());
  ICE_TRY(CheckRefs());
  if (!changed_) return {};
  FixSnapshotLog();
  const std::int64_t before = last_updated_ms();
  json_.Set("last-updated-ms", std::max(before, updated_ms_.value_or(now_ms)));
  WriteV1();
  return {};
}

// Every reference to a schema, spec, order and snapshot leads somewhere.
Done TableDocument::CheckComplete() const {
  const auto there = [this](std::string_view list, std::string_view id_name,
                            std::string_view pointer) -> Done {
    const JsonValue* id = json_.Find(pointer);
    const auto number = id == nullptr ? std::nullopt : id->Int();
    if (number && FindById(list, id_name, *number) != nullptr) return {};
    return NotValid("Invalid table metadata: " + std::string(pointer) + " is not in " +
                    std::string(list));
  };
  ICE_TRY(CheckIds(json_));
  ICE_TRY(there("schemas", "schema-id", "current-schema-id"));
  ICE_TRY(there("partition-specs", "spec-id", "default-spec-id"));
  ICE_TRY(there("sort-orders", "order-id", "default-sort-order-id"));
  if (current_snapshot() && FindById("snapshots", "snapshot-id", *current_snapshot()) == nullptr) {
    return NotValid("Invalid table metadata: Cannot find current version");
  }
  return {};
}

// What was removed must not be named any more: a reader of that branch or tag would fail.
Done TableDocument::CheckRefs() const {
  for (const auto& [name, ref] : json_.Find("refs")->members()) {
    if (removed_.contains(IntOr(ref, "snapshot-id", -1))) {
      return CommitFailed("Cannot remove snapshot " +
                          std::to_string(IntOr(ref, "snapshot-id", -1)) + ": " +
                          TextOr(ref, "type") + " " + name + " refers to it");
    }
  }
  return {};
}

// Entries whose snapshot is gone take what is before them along: the log has no holes. Snapshots
// that were current only in between, within this commit, are no history.
void TableDocument::FixSnapshotLog() {
  JsonValue* log = json_.Find("snapshot-log");
  std::vector<JsonValue> kept;
  const std::int64_t current = current_snapshot().value_or(-1);
  for (JsonValue& entry : log->items()) {
    const std::int64_t id = IntOr(entry, "snapshot-id", -1);
    if (FindById("snapshots", "snapshot-id", id) == nullptr) {
      if (!removed_.empty()) kept.clear();
      continue;
    }
    if (added_.contains(id) && was_main_.contains(id) && id != current) continue;
    kept.push_back(std::move(entry));
  }
  log->items() = std::move(kept);
}

void TableDocument::WriteV1() {
  if (format_version() > 1) {
    json_.Remove("schema");
    json_.Remove("partition-spec");
    return;
  }
  if (const JsonValue* schema = CurrentSchema()) json_.Set("schema", JsonValue(*schema));
  const JsonValue* spec =
      FindById("partition-specs", "spec-id", IntOr(json_, "default-spec-id", -1));
  if (spec != nullptr) json_.Set("partition-spec", JsonValue(*spec->Find("fields")));
}

std::vector<std::string> TableDocument::PushMetadataLog(std::string_view previous,
                                                        std::int64_t previous_ms) {
  JsonValue entry = JsonValue::Object();
  entry.Set("metadata-file", previous).Set("timestamp-ms", previous_ms);
  auto& log = json_.Find("metadata-log")->items();
  log.push_back(std::move(entry));
  const std::string text = Property("write.metadata.previous-versions-max");
  const auto number = JsonValue::Parse(text.empty() ? "null" : text);
  std::int64_t count = kPreviousVersionsDefault;
  if (number && number->Int()) count = std::max<std::int64_t>(*number->Int(), 1);
  std::vector<std::string> dropped;
  while (log.size() > static_cast<std::size_t>(count)) {
    dropped.push_back(TextOr(log.front(), "metadata-file"));
    log.erase(log.begin());
  }
  return dropped;
}

std::string TableDocument::ToJsonOfRefs() const {
  std::set<std::int64_t> named;
  for (const auto& [name, ref] : json_.Find("refs")->members()) {
    named.insert(IntOr(ref, "snapshot-id", -1));
  }
  if (current_snapshot()) named.insert(*current_snapshot());
  JsonValue copy = json_;
  std::erase_if(copy.Find("snapshots")->items(), [&named](const JsonValue& snapshot) {
    return !named.contains(IntOr(snapshot, "snapshot-id", -1));
  });
  return copy.ToJson();
}

std::string TableDocument::ToFile() const {
  return lake::Deflate(ToJson(), lake::DeflateForm::kGzip, kGzipLevel);
}

int TableDocument::format_version() const {
  return static_cast<int>(IntOr(json_, "format-version", 0));
}
std::optional<Uuid> TableDocument::uuid() const { return Uuid::Parse(TextOr(json_, "table-uuid")); }
std::string TableDocument::location() const { return TextOr(json_, "location"); }
std::string TableDocument::Property(std::string_view key) const {
  return TextOr(*json_.Find("properties"), key);
}
std::optional<std::int64_t> TableDocument::current_snapshot() const {
  const JsonValue* id = json_.Find("current-snapshot-id");
  return id == nullptr ? std::nullopt : id->Int();
}
std::int64_t TableDocument::last_updated_ms() const { return IntOr(json_, "last-updated-ms", 0); }

JsonValue* TableDocument::List(std::string_view name) {
  if (json_.Find(name) == nullptr) json_.Set(name, JsonValue::Array());
  return json_.Find(name);
}

const JsonValue* TableDocument::FindById(std::string_view list, std::string_view id_name,
                                         std::int64_t id) const {
  const JsonValue* items = json_.Find(list);
  if (items == nullptr) return nullptr;
  for (const JsonValue& item : items->items()) {
    const JsonValue* have = item.Find(id_name);
    if (have != nullptr && have->Int() == id) return &item;
  }
  return nullptr;
}

const JsonValue* TableDocument::CurrentSchema() const {
  return FindById("schemas", "schema-id", IntOr(json_, "current-schema-id", -1));
}

void TableDocument::PutProperty(std::string_view key, std::string_view value) {
  json_.Find("properties")->Set(key, value);
}

void TableDocument::PutSummary(std::int64_t snapshot,
                               const std::map<std::string, std::string>& summary) {
  for (JsonValue& one : json_.Find("snapshots")->items()) {
    if (IntOr(one, "snapshot-id", -1) != snapshot) continue;
    if (one.Find("summary") == nullptr) one.Set("summary", JsonValue::Object());
    for (const auto& [key, value] : summary) one.Find("summary")->Set(key, value);
  }
}

JsonValue* TableDocument::CurrentSchema() {
  const std::int64_t id = IntOr(json_, "current-schema-id", -1);
  for (JsonValue& schema : json_.Find("schemas")->items()) {
    if (IntOr(schema, "schema-id", -1) == id) return &schema;
  }
  return nullptr;
}

}  // namespace tidemark::iceberg
