#include "iceberg/layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace tidemark::iceberg {
namespace {

constexpr std::array<std::string_view, 6> kPlainTransforms = {"identity", "year", "month",
                                                              "day",      "hour", "void"};

// The N of `bucket[N]`, `truncate[W]`; 0 if it is something else.
std::int32_t WidthOf(std::string_view transform, std::string_view name) {
  if (!transform.starts_with(name) || !transform.ends_with("]")) return 0;
  transform.remove_prefix(name.size());
  if (!transform.starts_with("[")) return 0;
  transform = transform.substr(1, transform.size() - 2);
  std::int32_t width = 0;
  const auto read = std::from_chars(transform.data(), transform.data() + transform.size(), width);
  return read.ec == std::errc() && read.ptr == transform.data() + transform.size() ? width : 0;
}

bool IsTimestamp(std::string_view type) { return type.starts_with("timestamp"); }

bool IsOneOf(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::ranges::find(types, type) != types.end();
}

// Iceberg table spec, "Partition Transforms": which sources a transform takes.
bool Takes(std::string_view transform, std::string_view type) {
  const bool decimal = type.starts_with("decimal(");
  if (transform == "void") return true;
  if (transform == "identity") {
    return !type.starts_with("geo") && type != "variant" && type != "unknown";
  }
  if (IsOneOf(transform, {"year", "month", "day"})) return type == "date" || IsTimestamp(type);
  if (transform == "hour") return IsTimestamp(type);
  if (transform.starts_with("truncate")) {
    return decimal || IsOneOf(type, {"int", "long", "string", "binary"});
  }
  return decimal || IsTimestamp(type) || type.starts_with("fixed[") ||
         IsOneOf(type, {"int", "long", "date", "time", "string", "uuid", "binary"});
}

Done CheckTransform(std::string_view transform) {
  const bool plain = std::ranges::find(kPlainTransforms, transform) != kPlainTransforms.end();
  if (plain || WidthOf(transform, "bucket") > 0 || WidthOf(transform, "truncate") > 0) return {};
  return BadRequest("Unsupported transform: " + std::string(transform));
}

// Of fields with one source as `source-id`, of later formats as `source-ids`.
std::int64_t SourceOf(const JsonValue& field) {
  const JsonValue* sources = field.Find("source-ids");
  if (field.Find("source-id") == nullptr && sources != nullptr && sources->items().size() == 1) {
    return sources->items().front().Int().value_or(-1);
  }
  return IntOr(field, "source-id", -1);
}

// The source of a partition or sort field, checked.
Outcome<const FieldInfo*> FindSource(const JsonValue& field, const FieldIndex& fields) {
  const std::int64_t source = SourceOf(field);
  const auto found = fields.find(static_cast<std::int32_t>(source));
  if (source < 0 || found == fields.end()) {
    return NotValid("Cannot find source column: " + std::to_string(source));
  }
  const std::string transform = TextOr(field, "transform");
  ICE_TRY(CheckTransform(transform));
  const FieldInfo& info = found->second;
  if (!info.primitive() && transform != "void") {
    return NotValid("Cannot partition or sort by non-primitive source field: " + info.name);
  }
  if (info.in_collection) {
    return NotValid("Cannot partition or sort by a field of a list or map: " + info.name);
  }
  if (info.primitive() && !Takes(transform, info.type.text())) {
    return NotValid("Invalid source type " + info.type.text() + " for transform: " + transform);
  }
  return &info;
}

const JsonValue* FieldsOf(const JsonValue& layout) {
  const JsonValue* fields = layout.Find("fields");
  return fields != nullptr && fields->is_array() ? fields : nullptr;
}

Done CheckName(const std::string& name, const JsonValue& field, const FieldIndex& fields) {
  if (name.empty()) return NotValid("Cannot use empty or null partition name");
  for (const auto& [id, info] : fields) {
    if (info.name != name) continue;
    const bool same_column = TextOr(field, "transform") == "identity" && SourceOf(field) == id;
    if (same_column || TextOr(field, "transform") == "void") continue;
    return NotValid("Cannot create partition from name that exists in schema: " + name);
  }
  return {};
}

bool SameFields(const JsonValue& a, const JsonValue& b,
                std::initializer_list<std::string_view> members) {
  const JsonValue* left = FieldsOf(a);
  const JsonValue* right = FieldsOf(b);
  if (left == nullptr || right == nullptr) return left == right;
  if (left->items().size() != right->items().size()) return false;
  for (std::size_t i = 0; i < left->items().size(); ++i) {
    const JsonValue& x = left->items()[i];
    const JsonValue& y = right->items()[i];
    if (SourceOf(x) != SourceOf(y)) return false;
    for (const std::string_view member : members) {
      if (TextOr(x, member) != TextOr(y, member)) return false;
    }
  }
  return true;
}

}  // namespace

JsonValue Unpartitioned() {
  JsonValue spec = JsonValue::Object();
  spec.Set("spec-id", 0).Set("fields", JsonValue::Array());
  return spec;
}

JsonValue Unsorted() {
  JsonValue order = JsonValue::Object();
  order.Set("order-id", 0).Set("fields", JsonValue::Array());
  return order;
}

Outcome<BoundSpec> BindSpec(const JsonValue& sent, const FieldIndex& fields,
                            std::int32_t last_partition_id) {
  const JsonValue* list = FieldsOf(sent);
  if (list == nullptr) return BadRequest("Cannot parse partition spec: fields must be an array");
  BoundSpec bound{JsonValue::Object(), last_partition_id};
  JsonValue normal = JsonValue::Array();
  std::set<std::string> names;
  std::set<std::int64_t> ids;
  for (const JsonValue& field : list->items()) {
    ICE_TRY(FindSource(field, fields));
    const std::string name = TextOr(field, "name");
    ICE_TRY(CheckName(name, field, fields));
    if (!names.insert(name).second) {
      return NotValid("Cannot use partition name more than once: " + name);
    }
    std::int64_t id = IntOr(field, "field-id", -1);
    if (id < 0) {
      id = std::max<std::int64_t>(std::int64_t{bound.last_partition_id} + 1, kFirstPartitionId);
    }
    if (!std::in_range<std::int32_t>(id)) {
      return BadRequest("Cannot parse partition field: field-id " + std::to_string(id) +
                        " is beyond 32 bits");
    }
    if (!ids.insert(id).second) {
      return NotValid("Cannot use field id more than once in one PartitionSpec: " +
                      std::to_string(id));
    }
    bound.last_partition_id = std::max(bound.last_partition_id, static_cast<std::int32_t>(id));
    JsonValue one = field;
    one.Remove("source-ids");
    one.Set("source-id", SourceOf(field)).Set("field-id", id);
    normal.Append(std::move(one));
  }
  bound.spec.Set("fields", std::move(normal));
  return bound;
}

bool SameSpec(const JsonValue& a, const JsonValue& b) {
  return SameFields(a, b, {"name", "transform"});
}

Outcome<JsonValue> BindSortOrder(const JsonValue& sent, const FieldIndex& fields) {
  const JsonValue* list = FieldsOf(sent);
  if (list == nullptr) return BadRequest("Cannot parse sort order: fields must be an array");
  JsonValue normal = JsonValue::Array();
  for (const JsonValue& field : list->items()) {
    ICE_TRY(FindSource(field, fields));
    const std::string direction = TextOr(field, "direction");
    const std::string nulls = TextOr(field, "null-order");
    if ((direction != "asc" && direction != "desc") ||
        (nulls != "nulls-first" && nulls != "nulls-last")) {
      return BadRequest(
          "Cannot parse sort field: direction must be asc or desc, null-order "
          "nulls-first or nulls-last");
    }
    JsonValue one = field;
    one.Remove("source-ids");
    one.Set("source-id", SourceOf(field));
    normal.Append(std::move(one));
  }
  JsonValue order = JsonValue::Object();
  order.Set("fields", std::move(normal));
  return order;
}

bool SameSortOrder(const JsonValue& a, const JsonValue& b) {
  return SameFields(a, b, {"transform", "direction", "null-order"});
}

JsonValue RenameSources(const JsonValue& layout,
                        const std::map<std::int32_t, std::int32_t>& new_ids) {
  JsonValue renamed = layout;
  JsonValue* fields = renamed.Find("fields");
  if (fields == nullptr) return renamed;
  for (JsonValue& field : fields->items()) {
    if (!field.is_object()) continue;
    const auto found = new_ids.find(static_cast<std::int32_t>(SourceOf(field)));
    field.Remove("source-ids");
    field.Set("source-id", std::int64_t{found == new_ids.end() ? -1 : found->second});
    field.Remove("field-id");
  }
  return renamed;
}

}  // namespace tidemark::iceberg
