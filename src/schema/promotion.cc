#include "schema/promotion.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "event/json_names.h"

namespace tidemark::schema {
namespace {

using event::PropertyColumn;

// The one type that a property says beside null; "" if it says none or more.
std::string_view TypeNameOf(const JsonValue& property) {
  const JsonValue* type = property.Find("type");
  if (type == nullptr) return "";
  if (type->is_string()) return type->text();
  std::string_view found;
  for (const JsonValue& one : type->items()) {
    if (one.text() == "null") continue;
    if (!found.empty()) return "";
    found = one.text();
  }
  return found;
}

std::optional<event::Type> ColumnTypeOf(const JsonValue& property) {
  const std::string_view type = TypeNameOf(property);
  if (type == "integer") return event::Type::kInt64;
  if (type == "number") return event::Type::kDouble;
  if (type == "boolean") return event::Type::kBool;
  if (type != "string") return std::nullopt;
  const JsonValue* format = property.Find("format");
  const bool is_time = format != nullptr && format->text() == "date-time";
  return is_time ? event::Type::kTimestamp : event::Type::kString;
}

// A name that the doors take for a column does not come into `properties`.
bool IsColumnOfEvents(std::string_view key) {
  return std::ranges::any_of(event::Fields(), [key](const event::FieldName& field) {
    return field.name == key && field.role != event::FieldRole::kOther;
  });
}

Error Refuse(std::string_view key, std::string_view why) {
  return {Code::kInvalidArgument,
          "property " + std::string(key) + " cannot be a column: " + std::string(why)};
}

class Finder {
 public:
  explicit Finder(const PromotionWish& wish) : wish_(wish) {}

  // `nested`: members of the member `properties` of events, where no name is a column's.
  Status Add(const JsonValue& properties, bool nested) {
    for (const auto& [key, property] : properties.members()) {
      if (!property.is_object()) continue;
      TM_TRY(AddOne(key, property, nested));
    }
    return {};
  }

  Result<std::vector<PropertyColumn>> Take() {
    for (const std::string& name : wish_.names) {
      const bool found = std::ranges::any_of(
          columns_, [&](const PropertyColumn& column) { return column.key == name; });
      if (!found) return Fail(Refuse(name, "the schema has no such property"));
    }
    return std::move(columns_);
  }

 private:
  Status AddOne(const std::string& key, const JsonValue& property, bool nested) {
    const JsonValue* said = property.Find(kColumnWord);
    const bool refused = said != nullptr && said->Bool() == false;
    const bool named = std::ranges::find(wish_.names, key) != wish_.names.end();
    const bool wanted = (said != nullptr && !refused) || named;
    if (!wanted && (refused || !wish_.all)) return {};
    const auto type = ColumnTypeOf(property);
    const bool is_column = !nested && IsColumnOfEvents(key);
    if (!wanted && (!type || is_column)) return {};
    if (is_column) return Fail(Refuse(key, "it is a column of every event already"));
    if (!type) {
      return Fail(Refuse(key,
                         "its type must be string, integer, number or boolean, or one of "
                         "them and null; lists and objects stay in properties"));
    }
    std::string name = key;
    if (said != nullptr && said->is_string()) name = said->text();
    if (said != nullptr && !said->is_string() && !said->Bool()) {
      return Fail(Refuse(key, "x-tidemark-column must be true, false or a name"));
    }
    const PropertyColumn column{key, std::move(name), *type};
    const auto same = std::ranges::find(columns_, key, &PropertyColumn::key);
    if (same != columns_.end()) {
      return Fail(Refuse(key, "the schema speaks of it twice"));
    }
    columns_.push_back(column);
    return {};
  }

  const PromotionWish& wish_;
  std::vector<PropertyColumn> columns_;
};

}  // namespace

Result<std::vector<PropertyColumn>> PropertyColumnsOf(const JsonValue& schema,
                                                      const PromotionWish& wish) {
  Finder finder(wish);
  if (const JsonValue* properties = schema.Find("properties")) {
    TM_TRY(finder.Add(*properties, false));
    const JsonValue* inner = properties->Find("properties");
    const JsonValue* members = inner != nullptr ? inner->Find("properties") : nullptr;
    if (members != nullptr) TM_TRY(finder.Add(*members, true));
  }
  return finder.Take();
}

}  // namespace tidemark::schema
