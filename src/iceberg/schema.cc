#include "iceberg/schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "iceberg/defaults.h"

namespace tidemark::iceberg {
namespace {

constexpr std::array<std::string_view, 16> kPrimitives = {
    "boolean", "int",       "long",        "float",         "double", "date",
    "time",    "timestamp", "timestamptz", "timestamp_ns",  "string", "uuid",
    "binary",  "variant",   "unknown",     "timestamptz_ns"};
constexpr std::array<std::string_view, 4> kSinceV3 = {"variant", "unknown", "timestamp_ns",
                                                      "timestamptz_ns"};
constexpr std::int32_t kFieldIdMax = 2'147'483'447;  // Above are the reserved ids.

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool ParseInt(std::string_view text, std::int32_t* number) {
  text = Trim(text);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && !text.empty();
}

struct Decimal {
  std::int32_t precision = 0;
  std::int32_t scale = 0;
};
bool ParseDecimal(std::string_view type, Decimal* decimal) {
  if (!type.starts_with("decimal(") || !type.ends_with(")")) return false;
  type.remove_prefix(8);
  type.remove_suffix(1);
  const std::size_t comma = type.find(',');
  return comma != std::string_view::npos && ParseInt(type.substr(0, comma), &decimal->precision) &&
         ParseInt(type.substr(comma + 1), &decimal->scale) && decimal->precision > 0 &&
         decimal->precision <= 38 && decimal->scale >= 0 && decimal->scale <= decimal->precision;
}

Outcome<std::string> NormalPrimitive(std::string_view type) {
  if (std::ranges::find(kPrimitives, type) != kPrimitives.end()) return std::string(type);
  Decimal decimal;
  if (ParseDecimal(type, &decimal)) {
    return "decimal(" + std::to_string(decimal.precision) + ", " + std::to_string(decimal.scale) +
           ")";
  }
  std::int32_t length = 0;
  if (type.starts_with("fixed[") && type.ends_with("]") &&
      ParseInt(type.substr(6, type.size() - 7), &length) && length >= 0) {
    return "fixed[" + std::to_string(length) + "]";
  }
  for (const std::string_view geo : {"geometry", "geography"}) {
    if (type == geo || (type.starts_with(geo) && type[geo.size()] == '(' && type.ends_with(")"))) {
      return std::string(type);
    }
  }
  return BadRequest("Cannot parse type string to primitive: " + std::string(type));
}

// Reads a schema that was sent; `ids_` are those seen so far.
class Normalizer {
 public:
  Outcome<JsonValue> Struct(const JsonValue& sent) {
    const JsonValue* fields = sent.Find("fields");
    if (!sent.is_object() || fields == nullptr || !fields->is_array()) {
      return BadRequest("Cannot parse struct: fields must be an array");
    }
    JsonValue normal = WithoutNulls(sent);
    normal.Set("type", "struct");
    std::set<std::string> names;
    JsonValue list = JsonValue::Array();
    for (const JsonValue& field : fields->items()) {
      ICE_ASSIGN(JsonValue one, Field(field));
      if (!names.insert(one.Find("name")->text()).second) {
        return BadRequest("Invalid schema: multiple fields for name " + one.Find("name")->text());
      }
      list.Append(std::move(one));
    }
    normal.Set("fields", std::move(list));
    return normal;
  }

 private:
  static JsonValue WithoutNulls(const JsonValue& sent) {
    JsonValue normal = sent;
    std::erase_if(normal.members(),
                  [](const JsonValue::Member& member) { return member.second.is_null(); });
    return normal;
  }

  Outcome<JsonValue> Field(const JsonValue& sent) {
    if (!sent.is_object()) return BadRequest("Cannot parse field: it must be an object");
    const JsonValue* name = sent.Find("name");
    if (name == nullptr || !name->is_string()) return BadRequest("Cannot parse field: no name");
    JsonValue normal = WithoutNulls(sent);
    ICE_TRY(TakeId(sent, "id"));
    ICE_TRY(Type(&normal, "type", "required"));
    return normal;
  }

  Done TakeId(const JsonValue& json, std::string_view member) {
    const std::int64_t id = IntOr(json, member, -1);
    if (id < 0 || id > kFieldIdMax) {
      return BadRequest("Cannot parse field: " + std::string(member) + " must be a field id");
    }
    if (!ids_.insert(id).second) {
      return BadRequest("Invalid schema: multiple fields have the id " + std::to_string(id));
    }
    return {};
  }

  // The type in `member` of a field, list or map, and whether it is required.
  Done Type(JsonValue* holder, std::string_view member, std::string_view required) {
    const JsonValue* type = holder->Find(member);
    if (type == nullptr) return BadRequest("Cannot parse field: no " + std::string(member));
    ICE_ASSIGN(JsonValue normal, AnyType(*type));
    holder->Set(member, std::move(normal));
    const JsonValue* flag = holder->Find(required);
    holder->Set(required, JsonValue::Flag(flag != nullptr && flag->Bool().value_or(false)));
    return {};
  }

  Outcome<JsonValue> AnyType(const JsonValue& sent) {
    if (sent.is_string()) {
      ICE_ASSIGN(const std::string type, NormalPrimitive(sent.text()));
      return JsonValue::String(type);
    }
    const std::string kind = TextOr(sent, "type");
    if (kind == "struct") return Struct(sent);
    JsonValue normal = WithoutNulls(sent);
    if (kind == "list") {
      ICE_TRY(TakeId(sent, "element-id"));
      ICE_TRY(Type(&normal, "element", "element-required"));
      return normal;
    }
    if (kind == "map") {
      ICE_TRY(TakeId(sent, "key-id"));
      ICE_TRY(TakeId(sent, "value-id"));
      ICE_ASSIGN(JsonValue key,
                 AnyType(sent.Find("key") == nullptr ? JsonValue() : *sent.Find("key")));
      normal.Set("key", std::move(key));
      ICE_TRY(Type(&normal, "value", "value-required"));
      return normal;
    }
    return BadRequest("Cannot parse type from json: " + sent.ToJson());
  }

  std::set<std::int64_t> ids_;
};

// Walks all fields below a type: visit(id, name from the root, type, required, in_collection).
template <class Visit>
void Walk(const JsonValue& type, const std::string& prefix, bool in_collection,
          const Visit& visit) {
  if (!type.is_object()) return;
  const auto child = [&](std::string_view id, std::string_view name, const JsonValue& holder,
                         std::string_view member, bool required, bool collection) {
    const std::string full = prefix + std::string(name);
    const JsonValue& inner = MemberOf(holder, member);  // Null in a file that has none.
    visit(static_cast<std::int32_t>(IntOr(holder, id, 0)), full, inner, required, collection);
    Walk(inner, full + ".", collection, visit);
  };
  const auto flag = [](const JsonValue& holder, std::string_view name) {
    const JsonValue* value = holder.Find(name);
    return value != nullptr && value->Bool().value_or(false);
  };
  if (const JsonValue* fields = type.Find("fields")) {
    for (const JsonValue& field : fields->items()) {
      child("id", TextOr(field, "name"), field, "type", flag(field, "required"), in_collection);
    }
  } else if (type.Find("element") != nullptr) {
    child("element-id", "element", type, "element", flag(type, "element-required"), true);
  } else if (type.Find("key") != nullptr) {
    child("key-id", "key", type, "key", true, true);
    child("value-id", "value", type, "value", flag(type, "value-required"), true);
  }
}

class IdGiver {
 public:
  explicit IdGiver(FreshSchema* fresh) : fresh_(fresh) {}

  void Type(JsonValue* type) {
    if (!type->is_object()) return;
    if (JsonValue* fields = type->Find("fields")) {
      for (JsonValue& field : fields->items()) Give(&field, "id");
      for (JsonValue& field : fields->items()) Type(field.Find("type"));
    } else if (type->Find("element") != nullptr) {
      Give(type, "element-id");
      Type(type->Find("element"));
    } else if (type->Find("key") != nullptr) {
      Give(type, "key-id");
      Give(type, "value-id");
      Type(type->Find("key"));
      Type(type->Find("value"));
    }
  }

 private:
  void Give(JsonValue* holder, std::string_view member) {
    const auto sent = static_cast<std::int32_t>(IntOr(*holder, member, 0));
    fresh_->new_ids[sent] = ++fresh_->last_id;
    holder->Set(member, std::int64_t{fresh_->last_id});
  }

  FreshSchema* fresh_;
};

std::set<std::int64_t> IdentifierFields(const JsonValue& schema) {
  std::set<std::int64_t> ids;
  if (const JsonValue* list = schema.Find("identifier-field-ids")) {
    for (const JsonValue& id : list->items()) ids.insert(id.Int().value_or(-1));
  }
  return ids;
}

bool Widens(std::string_view from, std::string_view to, int format_version) {
  if (from == to) return true;
  if ((from == "int" && to == "long") || (from == "float" && to == "double")) return true;
  Decimal a;
  Decimal b;
  if (ParseDecimal(from, &a) && ParseDecimal(to, &b)) {
    return a.scale == b.scale && a.precision <= b.precision;
  }
  if (format_version < 3) return false;
  return from == "unknown" || (from == "date" && (to == "timestamp" || to == "timestamp_ns"));
}

}  // namespace

std::int64_t IntOr(const JsonValue& json, std::string_view name, std::int64_t otherwise) {
  const JsonValue* value = json.Find(name);
  return value == nullptr ? otherwise : value->Int().value_or(otherwise);
}

const JsonValue& MemberOf(const JsonValue& json, std::string_view name) {
  static const JsonValue kNull;
  const JsonValue* value = json.Find(name);
  return value == nullptr ? kNull : *value;
}

std::string TextOr(const JsonValue& json, std::string_view name) {
  const JsonValue* value = json.Find(name);
  return value != nullptr && value->is_string() ? value->text() : std::string();
}

bool IsPrimitiveType(std::string_view type) { return NormalPrimitive(type).has_value(); }

Outcome<JsonValue> NormalSchema(const JsonValue& schema) {
  Normalizer normalizer;
  ICE_ASSIGN(JsonValue normal, normalizer.Struct(schema));
  const auto identifiers = IdentifierFields(normal);
  if (identifiers.empty()) normal.Remove("identifier-field-ids");
  const FieldIndex index = IndexFields(normal);
  for (const std::int64_t id : identifiers) {
    const auto field = index.find(static_cast<std::int32_t>(id));
    if (field == index.end()) {
      return BadRequest("Cannot add field " + std::to_string(id) +
                        " as an identifier field: not found in current schema");
    }
    const std::string& name = field->second.name;
    if (!field->second.primitive()) {
      return BadRequest("Cannot add field " + name +
                        " as an identifier field: not a primitive type field");
    }
    if (!field->second.required) {
      return BadRequest("Cannot add field " + name +
                        " as an identifier field: not a required field");
    }
    if (field->second.in_collection) {
      return BadRequest("Cannot add field " + name +
                        " as an identifier field: it is in a list or map");
    }
  }
  return normal;
}

FieldIndex IndexFields(const JsonValue& schema) {
  FieldIndex index;
  Walk(schema, "", false,
       [&index](std::int32_t id, const std::string& name, const JsonValue& type, bool required,
                bool in_collection) { index[id] = {name, type, required, in_collection}; });
  return index;
}

std::int32_t HighestFieldId(const FieldIndex& index) {
  return index.empty() ? 0 : index.rbegin()->first;
}

bool SameSchema(const JsonValue& a, const JsonValue& b) {
  const JsonValue* left = a.Find("fields");
  const JsonValue* right = b.Find("fields");
  return left != nullptr && right != nullptr && *left == *right &&
         IdentifierFields(a) == IdentifierFields(b);
}

Done CheckFormatVersion(const JsonValue& schema, int format_version) {
  if (format_version >= 3) return CheckDefaults(schema);
  const std::string version = std::to_string(format_version);
  std::string problems;
  for (const auto& [id, field] : IndexFields(schema)) {
    if (!field.primitive()) continue;
    const std::string& type = field.type.text();
    if (std::ranges::find(kSinceV3, type) == kSinceV3.end() && !type.starts_with("geo")) continue;
    problems += "\n- Invalid type for " + field.name + ": " + type + " is not supported until v3";
  }
  problems += InitialDefaultProblems(schema);
  if (problems.empty()) return {};
  return Refuse(400, "IllegalStateException", "Invalid schema for v" + version + ":" + problems);
}

Done CheckEvolution(const FieldIndex& before, const FieldIndex& after, int format_version) {
  for (const auto& [id, field] : after) {
    const auto old = before.find(id);
    if (old == before.end()) continue;
    const bool same_kind = old->second.primitive() == field.primitive();
    const bool fits =
        same_kind &&
        (field.primitive() ? Widens(old->second.type.text(), field.type.text(), format_version)
                           : TextOr(old->second.type, "type") == TextOr(field.type, "type"));
    if (fits) continue;
    return NotValid("Cannot change column type: " + field.name + ": " +
                    (old->second.primitive() ? old->second.type.text() : "nested") + " -> " +
                    (field.primitive() ? field.type.text() : "nested") + " (field id " +
                    std::to_string(id) + ")");
  }
  return {};
}

FreshSchema AssignFreshIds(const JsonValue& schema) {
  FreshSchema fresh;
  fresh.schema = schema;
  IdGiver(&fresh).Type(&fresh.schema);
  if (JsonValue* identifiers = fresh.schema.Find("identifier-field-ids")) {
    JsonValue renamed = JsonValue::Array();
    for (const JsonValue& id : identifiers->items()) {
      const auto found = fresh.new_ids.find(static_cast<std::int32_t>(id.Int().value_or(-1)));
      if (found != fresh.new_ids.end()) renamed.Append(JsonValue::Number(found->second));
    }
    *identifiers = std::move(renamed);
  }
  return fresh;
}

}  // namespace tidemark::iceberg
