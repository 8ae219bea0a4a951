// A JSON document as a tree that can be changed, for small bodies: REST, metadata, configuration.
// Events have a faster road (event/json_events.h).
//
// Objects keep the order of their keys; of repeated keys the last counts. Numbers keep their text,
// so that 64-bit integers and long decimals survive. Value types; any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark {

inline constexpr std::size_t kJsonDepthMax = 64;

class JsonValue {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, JsonValue>;

  // kInvalidArgument says what is wrong; deeper than kJsonDepthMax is refused.
  static Result<JsonValue> Parse(std::string_view text);

  JsonValue() = default;
  static JsonValue Null() { return {}; }
  static JsonValue Flag(bool value);
  static JsonValue Number(std::int64_t value);
  static JsonValue String(std::string_view text);
  static JsonValue Array() { return JsonValue(Kind::kArray); }
  static JsonValue Object() { return JsonValue(Kind::kObject); }

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_number() const { return kind_ == Kind::kNumber; }

  // The text of a string, or of a number as it was written; empty for others.
  const std::string& text() const { return text_; }
  std::optional<bool> Bool() const;
  // Only for a number without fraction that fits.
  std::optional<std::int64_t> Int() const;
  std::optional<double> Double() const;
  const std::vector<JsonValue>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }

  // nullptr if this is no object or has no such member.
  const JsonValue* Find(std::string_view name) const;

  // Changes of an array or object (checked). Set replaces the member or adds it at the end.
  JsonValue* Find(std::string_view name);
  std::vector<JsonValue>& items() { return items_; }
  std::vector<Member>& members() { return members_; }
  JsonValue& Set(std::string_view name, JsonValue value);
  template <std::integral T>
  JsonValue& Set(std::string_view name, T value) {
    return Set(name, Number(static_cast<std::int64_t>(value)));
  }
  JsonValue& Set(std::string_view name, std::string_view text) { return Set(name, String(text)); }
  JsonValue& Set(std::string_view name, const char* text) { return Set(name, String(text)); }
  // False if there is none.
  bool Remove(std::string_view name);
  // Of an object, however many there are, each of another name: false if all is as before.
  bool SetAll(const std::vector<Member>& members);
  bool RemoveAll(const std::set<std::string_view>& names);
  JsonValue& Append(JsonValue value);

  // Members in any order; numbers by their text.
  friend bool operator==(const JsonValue& a, const JsonValue& b);

  // A required member of a type: kInvalidArgument names the member.
  Result<std::int64_t> IntAt(std::string_view name) const;
  Result<std::string> StringAt(std::string_view name) const;

  // Compact JSON text of the value.
  std::string ToJson() const;
  void AppendTo(std::string* out) const;

 private:
  friend class JsonTreeBuilder;
  explicit JsonValue(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

}  // namespace tidemark
