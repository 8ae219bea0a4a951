// A JSON document as a tree, for small bodies: REST, metadata, configuration. Events have a faster
// road (event/json_events.h).
//
// Objects keep the order of their keys; of repeated keys the last counts. Numbers keep their text,
// so that 64-bit integers and long decimals survive. Value types; any thread.
#pragma once

#include <cstdint>
#include <optional>
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

  // A required member of a type: kInvalidArgument names the member.
  Result<std::int64_t> IntAt(std::string_view name) const;
  Result<std::string> StringAt(std::string_view name) const;

  // Compact JSON text of the value.
  std::string ToJson() const;
  void AppendTo(std::string* out) const;

 private:
  friend class JsonTreeBuilder;

  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

}  // namespace tidemark
