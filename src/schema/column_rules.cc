#include "schema/column_rules.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "base/text_scan.h"
#include "schema/program.h"

namespace tidemark::schema {
namespace {

using event::Bit;
using event::Column;

constexpr std::size_t kRequiredMax = 64;  // As many as Judge tells apart while it looks.

bool SaysNothing(const ObjectRules& rules) {
  return rules.members_min == 0 && rules.members_max == ~0ULL && rules.patterns.empty() &&
         rules.additional == kNoNode && rules.property_names == kNoNode &&
         rules.unevaluated == kNoNode && rules.dependent_required.empty() &&
         rules.dependent_schemas.empty();
}

// Whether a value of that type has to be looked at, and is then only one of some.
enum class Demand : std::uint8_t { kNone, kFew, kOther };

Demand DemandOf(const Node& node, bool is_text) {
  const std::uint8_t type = is_text ? kStringBit : kNumberBit;
  const bool right_type = node.types == 0 || (node.types & type) != 0;
  const bool more = is_text ? node.string.has_value() : node.number.has_value();
  if (node.never || !right_type || more || node.HasApplicators()) return Demand::kOther;
  if (!node.choices && !node.const_value) return Demand::kNone;
  return is_text ? Demand::kFew : Demand::kOther;
}

// The end of the string whose first character is at `at`: its closing quote, which is before `end`.
const char* EndOfString(const char* at, const char* end, bool* escaped) {
  for (;; at += 2) {
    at = FindQuoteOrBackslash(at, end);
    if (*at == '"') return at;
    *escaped = true;
  }
}

// Behind the value at `at`, in compact JSON that ends at `end`.
const char* SkipValue(const char* at, const char* end) {
  std::uint32_t depth = 0;
  bool escaped = false;
  for (;; ++at) {
    switch (*at) {
      case '"':
        at = EndOfString(at + 1, end, &escaped);
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;
        --depth;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
  }
}

struct Name {
  std::string_view text;
  std::uint32_t hash;
  const char* value;  // Where the value begins.
};

// Calls visit(name) for each member of `properties`, as the event parser writes it, while that is
// true. False: it was not, or a name is not told at a look.
template <class Visit>
bool ForEachName(std::string_view properties, const Visit& visit) {
  const char* at = properties.data() + 1;
  const char* const end = properties.data() + properties.size();
  while (*at != '}') {
    if (*at == ',') ++at;
    bool escaped = false;
    const char* const begin = at + 1;
    at = EndOfString(begin, end, &escaped) + 2;  // Behind the colon.
    if (escaped) return false;
    const std::string_view text(begin, static_cast<std::size_t>(at - 2 - begin));
    if (!visit(Name{text, HashName(text), at})) return false;
    at = SkipValue(at, end);
  }
  return true;
}

bool IsOneOf(const std::optional<Choices>& choices, std::string_view text, std::uint32_t hash) {
  return !choices || choices->strings.Find(text, hash) != nullptr;
}

}  // namespace

std::uint32_t VisibleColumns() {
  std::uint32_t bits = Bit(Column::kTimestamp) | Bit(Column::kValue);
  for (const event::ColumnInfo& info : event::kColumns) {
    if (info.type == event::Type::kString) bits |= Bit(info.column);
  }
  return bits & ~Bit(Column::kProperties);
}

std::optional<ColumnRules> ColumnRules::Of(const Program& program) {
  const Node& root = program.nodes.front();
  const bool plain = !root.never && (root.types == 0 || (root.types & kObjectBit) != 0) &&
                     !root.choices && !root.const_value && !root.HasApplicators();
  if (program.shape == Shape::kNested || !plain) return std::nullopt;
  static std::atomic<std::uint64_t> next_number{1};
  ColumnRules columns;
  columns.number = next_number.fetch_add(1, std::memory_order_relaxed);
  if (!root.object) return columns;
  const ObjectRules& rules = *root.object;
  if (!SaysNothing(rules) || rules.required.size() > kRequiredMax) return std::nullopt;
  if (program.shape == Shape::kFlat) columns.flat = &rules;
  const std::uint32_t visible = VisibleColumns();
  for (const auto& [text, name] : rules.names) {
    const auto column = event::FindColumn(text);
    const bool seen = column && (visible & Bit(*column)) != 0;
    const auto place = static_cast<std::uint16_t>(name.place);
    if (!seen) {
      if (name.required) columns.missing_place = std::min(columns.missing_place, place);
      continue;
    }
    const std::uint32_t bit = Bit(*column);
    columns.places[event::Index(*column)] = place;
    if (name.required) columns.required |= bit;
    if (name.node == kNoNode) continue;
    columns.ruled |= bit;
    const Node& node = program.nodes[name.node];
    const Demand demand = DemandOf(node, *column != Column::kValue);
    // The project and the time are no texts of the event.
    const bool in_event = *column != Column::kProjectId && *column != Column::kTimestamp;
    if (demand == Demand::kFew && in_event) {
      columns.few |= bit;
      columns.few_nodes[event::Index(*column)] = &node;
    } else if (demand != Demand::kNone) {
      columns.others |= bit;
    } else if (*column != Column::kValue) {
      columns.plain |= bit;
    }
  }
  return columns;
}

Spoken ColumnRules::SpokenOf(std::string_view properties) const {
  static const std::uint32_t kVisible = VisibleColumns();
  Spoken spoken;
  spoken.is = !ForEachName(properties, [this, &spoken](const Name& name) {
    const Column* const column = ColumnOfName(name.text, name.hash);
    if (column != nullptr && (kVisible & Bit(*column)) != 0) {
      spoken.columns |= Bit(*column);
      return true;
    }
    return column == nullptr && flat->table.Find(name.text, name.hash) == nullptr;
  });
  return spoken;
}

// Whether the rules of all these columns are kept by the members of `properties` that stand for
// them, as far as a look tells.
bool ColumnRules::MayBeInProperties(const event::EventView& event, std::uint32_t columns) const {
  if (columns == 0) return true;
  if ((columns & ~plain) != 0) return false;
  return ForEachName(event.Text(Column::kProperties), [columns](const Name& name) {
    const Column* const column = ColumnOfName(name.text, name.hash);
    return column == nullptr || (columns & Bit(*column)) == 0 || *name.value == '"';
  });
}

Spoken ColumnRules::SpokenOf(const event::EventView& event, KnownShapes* known) const {
  const std::string_view properties = event.Text(Column::kProperties);
  if (known == nullptr || event.properties_shape == 0) return SpokenOf(properties);
  if (const auto found = known->Find(number, event.properties_shape)) return *found;
  const Spoken spoken = SpokenOf(properties);
  known->Put(number, event.properties_shape, spoken);
  return spoken;
}

ColumnRules::Answer ColumnRules::Ask(const event::EventView& event, std::uint16_t* place,
                                     KnownShapes* known) const {
  static const std::uint32_t kVisible = VisibleColumns();
  std::uint32_t there = (event.present & kVisible) | Bit(Column::kProjectId);
  if ((there & others) != 0) return Answer::kUnknown;
  for (std::uint32_t bits = there & few; bits != 0; bits &= bits - 1) {
    const auto column = static_cast<std::size_t>(std::countr_zero(bits));
    const std::string_view text = event.text[column];
    const std::uint32_t hash = HashName(text);
    const Node& node = *few_nodes[column];
    if (!IsOneOf(node.choices, text, hash) || !IsOneOf(node.const_value, text, hash)) {
      return Answer::kUnknown;
    }
  }
  if (flat != nullptr && event.Has(Column::kProperties)) {
    // Of a name that is in both the column counts.
    const Spoken spoken = SpokenOf(event, known);
    if (spoken.is || !MayBeInProperties(event, spoken.columns & ~there & ruled)) {
      return Answer::kUnknown;
    }
    there |= spoken.columns;
  }
  *place = missing_place;
  for (std::uint32_t bits = required & ~there; bits != 0; bits &= bits - 1) {
    *place = std::min(*place, places[static_cast<std::size_t>(std::countr_zero(bits))]);
  }
  return *place == kNoPlace ? Answer::kValid : Answer::kMissing;
}

}  // namespace tidemark::schema
