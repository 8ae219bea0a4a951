// What a schema of the shape `columns` or `flat` demands of an event, by column: most events are
// judged by a look at which columns they have, and at the names of their properties, without laying
// them out. The inside of validator.h.
//
// Immutable once made; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "event/batch.h"
#include "schema/name_table.h"

namespace tidemark::schema {

struct Node;
struct ObjectRules;
struct Program;

// Which columns are seen by schemas, a bit each: texts but `properties`, the time and the value.
std::uint32_t VisibleColumns();

// What a schema has to do with the names of `properties`.
struct Spoken {
  bool is = false;            // It may have a rule about one of them.
  std::uint32_t columns = 0;  // Those that a name stands for: it counts if the column has no value.
};

// What was found of the names of `properties`, by their sequence. Forgets what it has no room for.
// One thread.
class KnownShapes {
 public:
  // `rules`: ColumnRules::number. `shape`: EventView::properties_shape, not 0.
  std::optional<Spoken> Find(std::uint64_t rules, std::uint64_t shape) const {
    const Known& known = slots_[SlotOf(rules, shape)];
    if (known.rules != rules || known.shape != shape) return std::nullopt;
    return known.spoken;
  }
  void Put(std::uint64_t rules, std::uint64_t shape, Spoken spoken) {
    slots_[SlotOf(rules, shape)] = {rules, shape, spoken};
  }

 private:
  struct Known {
    std::uint64_t rules = 0;
    std::uint64_t shape = 0;
    Spoken spoken = {};
  };
  static constexpr std::size_t kSlots = 256;
  static std::size_t SlotOf(std::uint64_t rules, std::uint64_t shape) {
    return (rules * 37 + shape) % kSlots;
  }
  std::array<Known, kSlots> slots_{};
};

struct ColumnRules {
  static constexpr std::uint16_t kNoPlace = 0xFFFF;

  std::uint64_t number = 0;    // No two schemas have the same.
  std::uint32_t required = 0;  // Bits of columns that must be there.
  std::uint32_t few = 0;       // Of those whose text must be one of some.
  std::uint32_t others = 0;    // Of those that have rules of another kind: Judge knows them.
  std::uint32_t ruled = 0;     // Of all that have rules.
  std::uint32_t plain = 0;     // Of those of which any text is right.
  // Of a required column, its place among the names that the schema requires.
  std::array<std::uint16_t, event::kColumnCount> places{};
  // The first place of a required name that no column has: it is always missing.
  std::uint16_t missing_place = kNoPlace;
  std::array<const Node*, event::kColumnCount> few_nodes{};  // In the program.

  // Members of `properties` count as well if they have a name that is here, or one that stands for
  // a column; null: they do not.
  const ObjectRules* flat = nullptr;

  // Nothing if the schema has rules that are not about single members.
  static std::optional<ColumnRules> Of(const Program& program);

  enum class Answer : std::uint8_t { kValid, kMissing, kUnknown };
  // kMissing: nothing is wrong but that the required name at `*place`, and perhaps others behind
  // it, is not there. kUnknown: ask Judge.
  // `known`, which may be null, remembers from call to call.
  Answer Ask(const event::EventView& event, std::uint16_t* place, KnownShapes* known) const;

 private:
  Spoken SpokenOf(const event::EventView& event, KnownShapes* known) const;
  Spoken SpokenOf(std::string_view properties) const;
  bool MayBeInProperties(const event::EventView& event, std::uint32_t columns) const;
};

}  // namespace tidemark::schema
