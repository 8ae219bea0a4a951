// A compiled schema: what each subschema demands, by index, with every reference resolved. The
// inside of validator.h. Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "schema/column_rules.h"
#include "schema/instance.h"
#include "schema/name_table.h"
#include "schema/number.h"
#include "schema/pattern.h"

namespace tidemark::schema {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = ~0U;

// Finds without making a string of what is looked for.
struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
template <class T>
using NameMap = std::unordered_map<std::string, T, NameHash, std::equal_to<>>;

// Bits of Node::types.
inline constexpr std::uint8_t kNullBit = 1;
inline constexpr std::uint8_t kBooleanBit = 2;
inline constexpr std::uint8_t kNumberBit = 4;
inline constexpr std::uint8_t kIntegerBit = 8;
inline constexpr std::uint8_t kStringBit = 16;
inline constexpr std::uint8_t kArrayBit = 32;
inline constexpr std::uint8_t kObjectBit = 64;

struct NumberRules {
  std::optional<Number> minimum;
  std::optional<Number> maximum;
  std::optional<Number> exclusive_minimum;
  std::optional<Number> exclusive_maximum;
  std::optional<Number> multiple_of;
};

struct StringRules {
  std::uint64_t length_min = 0;
  std::uint64_t length_max = ~0ULL;
  std::optional<std::uint32_t> pattern;  // Index in Program::patterns.
};

struct ArrayRules {
  std::uint64_t items_min = 0;
  std::uint64_t items_max = ~0ULL;
  bool unique = false;
  std::vector<NodeIndex> prefix;
  NodeIndex items = kNoNode;  // Of the items behind the prefix.
  NodeIndex contains = kNoNode;
  std::uint64_t contains_min = 1;
  std::uint64_t contains_max = ~0ULL;
  NodeIndex unevaluated = kNoNode;
};

struct ObjectRules {
  struct Name {
    NodeIndex node = kNoNode;
    bool required = false;
    std::uint32_t place = 0;  // In ObjectRules::required, if it is required.
  };
  std::uint64_t members_min = 0;
  std::uint64_t members_max = ~0ULL;
  NameMap<Name> names;    // Of `properties` and `required`.
  NameTable<Name> table;  // The same, for lookups.
  std::uint32_t required_count = 0;
  std::vector<std::string> required;  // The same names, sorted.
  std::vector<std::pair<std::uint32_t, NodeIndex>> patterns;
  NodeIndex additional = kNoNode;
  NodeIndex property_names = kNoNode;
  NodeIndex unevaluated = kNoNode;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<std::pair<std::string, NodeIndex>> dependent_schemas;
};

// Values that `const` and `enum` allow.
struct Choices {
  std::vector<JsonValue> values;
  NameTable<bool> strings;  // Those of `values` that are strings.
  bool is_const = false;
};

struct Node {
  std::string
      location;  // "#/properties/amount", behind the URI of a document that is not the root.
  std::uint32_t resource = 0;
  bool never = false;      // The schema `false`.
  std::uint8_t types = 0;  // 0: any.
  NodeIndex ref = kNoNode;
  NodeIndex dynamic_ref = kNoNode;  // Where it leads if no outer schema says otherwise...
  std::string dynamic_name;         // ...by an anchor of this name.
  std::vector<NodeIndex> all_of;
  std::vector<NodeIndex> any_of;
  std::vector<NodeIndex> one_of;
  NodeIndex not_one = kNoNode;
  NodeIndex if_node = kNoNode;
  NodeIndex then_node = kNoNode;
  NodeIndex else_node = kNoNode;
  std::optional<Choices> choices;      // `enum`
  std::optional<Choices> const_value;  // `const`
  std::optional<NumberRules> number;
  std::optional<StringRules> string;
  std::optional<ArrayRules> array;
  std::optional<ObjectRules> object;

  // For the common schema that says nothing.
  bool HasApplicators() const {
    return ref != kNoNode || dynamic_ref != kNoNode || !all_of.empty() || !any_of.empty() ||
           !one_of.empty() || not_one != kNoNode || if_node != kNoNode;
  }
};

struct Program {
  std::vector<Node> nodes;  // The first one is the whole schema.
  std::vector<Pattern> patterns;
  std::vector<NameMap<NodeIndex>> dynamic_anchors;  // By resource.
  Shape shape = Shape::kFlat;
  std::optional<ColumnRules> columns;  // Points into `nodes`.
};

}  // namespace tidemark::schema
