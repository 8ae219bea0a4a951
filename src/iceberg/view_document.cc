#include "iceberg/view_document.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "iceberg/schema.h"
#include "iceberg/table_document.h"
#include "lake/deflate.h"

namespace tidemark::iceberg {
namespace {

constexpr int kGzipLevel = 1;
constexpr std::int64_t kLastAdded = -1;
constexpr std::string_view kHistoryEntries = "version.history.num-entries";
constexpr std::string_view kMayDropDialect = "replace.drop-dialect.allowed";

std::set<std::string> DialectsOf(const JsonValue* version) {
  std::set<std::string> dialects;
  const JsonValue* list = version == nullptr ? nullptr : version->Find("representations");
  if (list == nullptr) return dialects;
  for (const JsonValue& one : list->items()) {
    std::string dialect = TextOr(one, "dialect");
    std::ranges::transform(dialect, dialect.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    dialects.insert(std::move(dialect));
  }
  return dialects;
}

std::string Join(const std::set<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return "[" + joined + "]";
}

bool SameMember(const JsonValue& a, const JsonValue& b, std::string_view name) {
  static const JsonValue kNull;
  const JsonValue* left = a.Find(name);
  const JsonValue* right = b.Find(name);
  return (left == nullptr ? kNull : *left) == (right == nullptr ? kNull : *right);
}

bool SameVersion(const JsonValue& a, const JsonValue& b) {
  return std::ranges::all_of(
      std::initializer_list<std::string_view>{"summary", "representations", "default-catalog",
                                              "default-namespace", "schema-id"},
      [&](std::string_view name) { return SameMember(a, b, name); });
}

std::int64_t HighestId(const JsonValue& list, std::string_view name, std::int64_t none) {
  std::int64_t highest = none;
  for (const JsonValue& item : list.items()) highest = std::max(highest, IntOr(item, name, none));
  return highest;
}

Done CheckVersion(const JsonValue& version) {
  const JsonValue* list = version.Find("representations");
  if (list == nullptr || !list->is_array()) {
    return BadRequest("Cannot parse view version: representations must be an array");
  }
  std::set<std::string> seen;
  for (const JsonValue& one : list->items()) {
    ICE_TRY(one.StringAt("type"));
    if (TextOr(one, "type") != "sql") continue;
    ICE_TRY(one.StringAt("sql"));
    ICE_ASSIGN(const std::string dialect, one.StringAt("dialect"));
    if (!seen.insert(LowerCase(dialect)).second) {
      return Refuse(400, "IllegalArgumentException",
                    "Invalid view version: Cannot add multiple queries for dialect " + dialect);
    }
  }
  const JsonValue* ns = version.Find("default-namespace");
  if (ns == nullptr || !ns->is_array()) {
    return BadRequest("Cannot parse view version: default-namespace must be an array");
  }
  return {};
}

}  // namespace

Outcome<ViewDocument> ViewDocument::Parse(std::string_view bytes) {
  std::string inflated;
  if (bytes.starts_with("\x1f\x8b")) {
    auto plain = lake::Inflate(bytes, lake::DeflateForm::kGzip, kDocumentBytesMax);
    if (!plain) return BadRequest("Cannot read view metadata: " + plain.error().message());
    inflated = *std::move(plain);
    bytes = inflated;
  }
  auto json = JsonValue::Parse(bytes);
  if (!json || !json->is_object()) return BadRequest("Cannot read view metadata: it is no JSON");
  ViewDocument view(*std::move(json));
  for (const std::string_view name : {"schemas", "versions", "version-log"}) {
    const JsonValue* list = view.json_.Find(name);
    if (list == nullptr || !list->is_array()) {
      return BadRequest("Cannot read view metadata: " + std::string(name));
    }
  }
  const JsonValue* properties = view.json_.Find("properties");
  if (properties == nullptr || !properties->is_object()) {
    view.json_.Set("properties", JsonValue::Object());
  }
  ICE_ASSIGN(const std::int64_t current, view.json_.IntAt("current-version-id"));
  const JsonValue* version = view.FindVersion(current);
  if (version == nullptr)
    return BadRequest("Cannot find current version " + std::to_string(current));
  ICE_TRY(view.CheckRead());
  view.dialects_before_ = DialectsOf(version);
  return view;
}

// What a reader of the view relies on.
Done ViewDocument::CheckRead() const {
  if (IntOr(json_, "format-version", 1) != 1) {
    return BadRequest("Cannot read unsupported version of a view: " +
                      std::to_string(IntOr(json_, "format-version", 1)));
  }
  ICE_TRY(json_.StringAt("location"));
  for (const JsonValue& schema : json_.Find("schemas")->items()) {
    if (std::in_range<std::int32_t>(IntOr(schema, "schema-id", 0))) continue;
    return BadRequest("Cannot read view metadata: a schema-id is beyond 32 bits");
  }
  for (const JsonValue& version : json_.Find("versions")->items()) {
    const std::string name = std::to_string(IntOr(version, "version-id", -1));
    const std::int64_t schema = IntOr(version, "schema-id", -1);
    if (!std::in_range<std::int32_t>(IntOr(version, "version-id", -1))) {
      return BadRequest("Cannot read view metadata: version-id " + name + " is beyond 32 bits");
    }
    if (!HasSchema(schema)) {
      return BadRequest("Cannot find schema " + std::to_string(schema) + " of version " + name);
    }
    std::set<std::string> dialects;
    for (const JsonValue& one : MemberOf(version, "representations").items()) {
      if (TextOr(one, "type") != "sql") continue;
      if (dialects.insert(LowerCase(TextOr(one, "dialect"))).second) continue;
      return BadRequest("Invalid view version " + name + ": two queries of dialect " +
                        TextOr(one, "dialect"));
    }
  }
  return {};
}

Outcome<ViewDocument> ViewDocument::Create(const NewView& sent, std::int64_t now_ms) {
  JsonValue json = JsonValue::Object();
  json.Set("view-uuid", sent.uuid.ToString()).Set("format-version", 1);
  json.Set("location", sent.location).Set("schemas", JsonValue::Array());
  json.Set("current-version-id", kLastAdded).Set("versions", JsonValue::Array());
  json.Set("version-log", JsonValue::Array()).Set("properties", JsonValue::Object());
  ViewDocument view(std::move(json));
  if (!sent.properties.is_null()) {
    JsonValue update = JsonValue::Object();
    update.Set("updates", sent.properties);
    ICE_TRY(view.ChangeProperties("set-properties", update));
  }
  ICE_TRY(view.AddSchema(sent.schema));
  JsonValue version = sent.version;
  if (!version.is_object()) return BadRequest("Cannot parse view: view-version must be an object");
  // The one schema of the request, whatever number the client gave it.
  version.Set("schema-id", *view.last_schema_);
  ICE_TRY(view.AddVersion(version));
  ICE_TRY(view.SetCurrentVersion(*view.last_version_, now_ms));
  ICE_TRY(view.Finish());
  return view;
}

Done ViewDocument::Check(const JsonValue& requirement) const {
  const std::string type = TextOr(requirement, "type");
  if (type != "assert-view-uuid") return BadRequest("Unknown requirement: " + type);
  const auto want = Uuid::Parse(TextOr(requirement, "uuid"));
  if (!want) return BadRequest("Cannot parse assert-view-uuid: uuid is needed");
  if (want == uuid()) return {};
  return CommitFailed("Requirement failed: view UUID does not match: expected " +
                      TextOr(json_, "view-uuid") + " != " + want->ToString());
}

Done ViewDocument::Apply(const JsonValue& update, std::int64_t now_ms) {
  static const JsonValue kNull;
  const auto member = [&update](std::string_view name) -> const JsonValue& {
    const JsonValue* value = update.Find(name);
    return value == nullptr ? kNull : *value;
  };
  const std::string action = TextOr(update, "action");
  if (action == "add-schema") return AddSchema(member("schema"));
  if (action == "add-view-version") return AddVersion(member("view-version"));
  if (action == "set-current-view-version") {
    ICE_ASSIGN(const std::int64_t id, update.IntAt("view-version-id"));
    return SetCurrentVersion(id, now_ms);
  }
  if (action == "set-properties" || action == "remove-properties") {
    return ChangeProperties(action, update);
  }
  if (action == "set-location") {
    ICE_ASSIGN(const std::string where, update.StringAt("location"));
    changed_ |= where != location();
    json_.Set("location", where);
    return {};
  }
  if (action == "assign-uuid") {
    if (Uuid::Parse(TextOr(update, "uuid")) == uuid()) return {};
    return NotValid("Cannot reassign UUID of a view");
  }
  if (action == "upgrade-format-version") {
    ICE_ASSIGN(const std::int64_t version, update.IntAt("format-version"));
    if (version == 1) return {};
    return NotValid("Unsupported view format version: v" + std::to_string(version));
  }
  return BadRequest("Unknown metadata update: " + (action.empty() ? update.ToJson() : action));
}

Done ViewDocument::AddSchema(const JsonValue& sent) {
  ICE_ASSIGN(JsonValue schema, NormalSchema(sent));
  JsonValue* schemas = json_.Find("schemas");
  for (const JsonValue& old : schemas->items()) {
    auto normal = NormalSchema(old);
    if (!normal || !SameSchema(*normal, schema)) continue;
    last_schema_ = IntOr(old, "schema-id", 0);
    return {};
  }
  last_schema_ = HighestId(*schemas, "schema-id", -1) + 1;
  schema.Set("schema-id", *last_schema_);
  schemas->Append(std::move(schema));
  changed_ = true;
  return {};
}

Done ViewDocument::AddVersion(const JsonValue& sent) {
  if (!sent.is_object()) {
    return BadRequest("Cannot parse add-view-version: view-version must be an object");
  }
  ICE_TRY(CheckVersion(sent));
  JsonValue version = sent;
  std::erase_if(version.members(),
                [](const JsonValue::Member& member) { return member.second.is_null(); });
  ICE_TRY(version.IntAt("timestamp-ms"));
  ICE_ASSIGN(std::int64_t schema, version.IntAt("schema-id"));
  if (schema == kLastAdded) {
    if (!last_schema_) return NotValid("Cannot set last added schema: no schema has been added");
    schema = *last_schema_;
    version.Set("schema-id", schema);
  }
  JsonValue* versions = json_.Find("versions");
  for (const JsonValue& old : versions->items()) {
    if (!SameVersion(old, version)) continue;
    last_version_ = IntOr(old, "version-id", 0);
    return {};
  }
  if (!HasSchema(schema)) {
    return NotValid("Cannot add version with unknown schema: " + std::to_string(schema));
  }
  last_version_ = HighestId(*versions, "version-id", 0) + 1;
  version.Set("version-id", *last_version_);
  versions->Append(std::move(version));
  added_.insert(*last_version_);
  changed_ = true;
  return {};
}

Done ViewDocument::SetCurrentVersion(std::int64_t id, std::int64_t now_ms) {
  if (id == kLastAdded) {
    if (!last_version_) {
      return NotValid("Cannot set last version id: no current version id has been set");
    }
    id = *last_version_;
  }
  const JsonValue* version = FindVersion(id);
  if (version == nullptr) {
    return NotValid("Cannot set current version to unknown version with id: " + std::to_string(id));
  }
  if (IntOr(json_, "current-version-id", kLastAdded) == id) return {};
  json_.Set("current-version-id", id);
  JsonValue entry = JsonValue::Object();
  entry.Set("timestamp-ms", added_.contains(id) ? IntOr(*version, "timestamp-ms", now_ms) : now_ms);
  entry.Set("version-id", id);
  json_.Find("version-log")->Append(std::move(entry));
  changed_ = true;
  return {};
}

Done ViewDocument::ChangeProperties(std::string_view action, const JsonValue& update) {
  JsonValue* properties = json_.Find("properties");
  if (action == "remove-properties") {
    const JsonValue* removals = update.Find("removals");
    if (removals == nullptr) return BadRequest("Cannot parse remove-properties: no removals");
    std::set<std::string_view> keys;
    for (const JsonValue& key : removals->items()) keys.insert(key.text());
    changed_ |= properties->RemoveAll(keys);
    return {};
  }
  const JsonValue* updates = update.Find("updates");
  if (updates == nullptr || !updates->is_object()) {
    return BadRequest("Cannot parse set-properties: updates must be an object");
  }
  for (const auto& [key, value] : updates->members()) {
    if (!value.is_string()) return BadRequest("Cannot parse string property: " + key);
  }
  changed_ |= properties->SetAll(updates->members());
  return {};
}

Done ViewDocument::Finish() {
  ICE_TRY(CheckDialects());
  const std::int64_t current = IntOr(json_, "current-version-id", kLastAdded);
  const JsonValue* version = FindVersion(current);
  const std::int64_t schema = version == nullptr ? -1 : IntOr(*version, "schema-id", -1);
  if (!HasSchema(schema)) {
    return NotValid("Cannot add version with unknown schema: " + std::to_string(schema));
  }
  const std::string text = Property(kHistoryEntries);
  const auto number = JsonValue::Parse(text.empty() ? "null" : text);
  if (!text.empty() && (!number || number->Int().value_or(0) < 1)) {
    return NotValid(std::string(kHistoryEntries) + " must be positive but was " + text);
  }
  Expire();
  return CheckRead();
}

// Replacing a view must not silently take it away from the engines of another dialect.
Done ViewDocument::CheckDialects() const {
  if (Property(kMayDropDialect) == "true" || dialects_before_.empty()) return {};
  const auto now = DialectsOf(FindVersion(IntOr(json_, "current-version-id", kLastAdded)));
  if (std::ranges::includes(now, dialects_before_)) return {};
  return Refuse(400, "IllegalStateException",
                "Cannot replace view due to loss of view dialects (" +
                    std::string(kMayDropDialect) + "=false):\nPrevious dialects: " +
                    Join(dialects_before_) + "\nNew dialects: " + Join(now));
}

void ViewDocument::Expire() {
  const auto number = JsonValue::Parse(Property(kHistoryEntries));
  std::size_t keep = static_cast<std::size_t>(kViewVersionsDefault);
  if (number && number->Int()) keep = static_cast<std::size_t>(*number->Int());
  keep = std::max(keep, added_.size());
  auto& versions = json_.Find("versions")->items();
  if (versions.size() <= keep) return;
  std::vector<std::int64_t> ids;
  for (const JsonValue& version : versions) ids.push_back(IntOr(version, "version-id", 0));
  std::ranges::sort(ids, std::greater<>());
  std::set<std::int64_t> kept = {IntOr(json_, "current-version-id", kLastAdded)};
  for (const std::int64_t id : ids) {
    if (kept.size() >= keep) break;
    kept.insert(id);
  }
  std::erase_if(versions, [&kept](const JsonValue& version) {
    return !kept.contains(IntOr(version, "version-id", 0));
  });
  // As a table's: an entry whose version is gone takes what is before it along.
  std::vector<JsonValue> log;
  for (JsonValue& entry : json_.Find("version-log")->items()) {
    if (kept.contains(IntOr(entry, "version-id", 0))) {
      log.push_back(std::move(entry));
    } else {
      log.clear();
    }
  }
  json_.Find("version-log")->items() = std::move(log);
}

std::string ViewDocument::ToFile() const {
  return lake::Deflate(ToJson(), lake::DeflateForm::kGzip, kGzipLevel);
}
std::optional<Uuid> ViewDocument::uuid() const { return Uuid::Parse(TextOr(json_, "view-uuid")); }
std::string ViewDocument::location() const { return TextOr(json_, "location"); }
std::string ViewDocument::Property(std::string_view key) const {
  return TextOr(*json_.Find("properties"), key);
}

bool ViewDocument::HasSchema(std::int64_t id) const {
  return std::ranges::any_of(json_.Find("schemas")->items(), [id](const JsonValue& one) {
    return IntOr(one, "schema-id", 0) == id;
  });
}

const JsonValue* ViewDocument::FindVersion(std::int64_t id) const {
  for (const JsonValue& version : json_.Find("versions")->items()) {
    if (IntOr(version, "version-id", kLastAdded) == id) return &version;
  }
  return nullptr;
}

}  // namespace tidemark::iceberg
