#include "iceberg/defaults.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/uuid.h"
#include "iceberg/schema.h"

namespace tidemark::iceberg {
namespace {

constexpr std::string_view kInitial = "initial-default";
constexpr std::string_view kWrite = "write-default";

// Calls `visit(name, field)` for every field of the struct and of those within.
template <class Visit>
Done VisitFields(const JsonValue& type, const std::string& prefix, const Visit& visit) {
  if (!type.is_object()) return {};
  for (const JsonValue& field : MemberOf(type, "fields").items()) {
    const std::string name = prefix + TextOr(field, "name");
    ICE_TRY(visit(name, field));
    ICE_TRY(VisitFields(MemberOf(field, "type"), name + ".", visit));
  }
  for (const std::string_view member : {"element", "key", "value"}) {
    ICE_TRY(VisitFields(MemberOf(type, member), prefix + std::string(member) + ".", visit));
  }
  return {};
}

bool IsWhole(const JsonValue& value, std::int64_t min, std::int64_t max) {
  const auto number = value.Int();
  return value.is_number() && number && *number >= min && *number <= max;
}

bool IsHex(const JsonValue& value, std::int64_t bytes) {
  if (!value.is_string()) return false;
  const auto decoded = FromHex(value.text());
  return decoded && (bytes < 0 || static_cast<std::int64_t>(decoded->size()) == bytes);
}

// Digits, with as many behind the point as the type has.
bool IsDecimal(const JsonValue& value, std::string_view type) {
  std::string_view text = value.text();
  if (!value.is_string()) return false;
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  const auto digits = [](std::string_view part) {
    return std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::string scale = std::to_string(fraction.size()) + ")";
  return !text.substr(0, point).empty() && digits(text.substr(0, point)) && digits(fraction) &&
         type.ends_with(" " + scale);
}

// "2007-12-03", "10:15:30", both with a T between them; times of a zone have one.
bool IsTimeText(const JsonValue& value, std::string_view type) {
  const std::string& text = value.text();
  if (!value.is_string() || text.empty()) return false;
  const bool zoned = text.ends_with("+00:00") || text.ends_with('Z');
  const bool has_time = text.find(':') != std::string::npos;
  const bool has_date = text.find('-', 1) != std::string::npos;
  const bool plain = std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || std::string_view("-:.+TZ").find(c) != std::string_view::npos;
  });
  if (!plain) return false;
  if (type == "date") return has_date && !has_time;
  if (type == "time") return has_time && !has_date;
  return has_time && has_date && zoned == type.starts_with("timestamptz");
}

bool IsOfPrimitive(const JsonValue& value, const std::string& type) {
  if (type == "boolean") return value.Bool().has_value();
  if (type == "int") {
    return IsWhole(value, std::numeric_limits<std::int32_t>::min(),
                   std::numeric_limits<std::int32_t>::max());
  }
  if (type == "long") {
    return IsWhole(value, std::numeric_limits<std::int64_t>::min(),
                   std::numeric_limits<std::int64_t>::max());
  }
  if (type == "float" || type == "double") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "uuid") return value.is_string() && Uuid::Parse(value.text()).has_value();
  if (type == "binary") return IsHex(value, -1);
  if (type.starts_with("fixed[")) {
    const auto length = JsonValue::Parse(type.substr(6, type.size() - 7));
    return length && IsHex(value, length->Int().value_or(-2));
  }
  if (type.starts_with("decimal(")) return IsDecimal(value, type);
  if (type == "date" || type.starts_with("time")) return IsTimeText(value, type);
  return false;  // unknown, variant, geometry, geography.
}

bool IsOf(const JsonValue& value, const JsonValue& type) {
  if (type.is_string()) return IsOfPrimitive(value, type.text());
  const std::string kind = TextOr(type, "type");
  // Those of its fields say the rest.
  if (kind == "struct") return value.is_object() && value.members().empty();
  if (kind == "list") {
    return value.is_array() && std::ranges::all_of(value.items(), [&](const JsonValue& item) {
             return item.is_null() || IsOf(item, MemberOf(type, "element"));
           });
  }
  const JsonValue& keys = MemberOf(value, "keys");
  const JsonValue& values = MemberOf(value, "values");
  return keys.is_array() && values.is_array() && keys.items().size() == values.items().size();
}

}  // namespace

Done CheckDefaults(const JsonValue& schema) {
  return VisitFields(schema, "", [](const std::string& name, const JsonValue& field) -> Done {
    for (const std::string_view key : {kInitial, kWrite}) {
      const JsonValue& value = MemberOf(field, key);
      if (value.is_null()) continue;
      const JsonValue& type = MemberOf(field, "type");
      if (IsOf(value, type)) continue;
      return BadRequest("Invalid " + std::string(key) + " of " + name + ": " + value.ToJson() +
                        " is no value of type " + (type.is_string() ? type.text() : type.ToJson()));
    }
    return {};
  });
}

std::string InitialDefaultProblems(const JsonValue& schema) {
  std::string problems;
  static_cast<void>(
      VisitFields(schema, "", [&](const std::string& name, const JsonValue& field) -> Done {
        const JsonValue& value = MemberOf(field, kInitial);
        if (value.is_null()) return {};
        problems += "\n- Invalid initial default for " + name + ": non-null default (" +
                    value.ToJson() + ") is not supported until v3";
        return {};
      }).has_value());
  return problems;
}

}  // namespace tidemark::iceberg
