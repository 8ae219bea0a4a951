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

struct ColumnRules {
  static constexpr std::uint16_t kNoPlace = 0xFFFF;

  std::uint32_t required = 0;  // Bits of columns that must be there.
  std::uint32_t few = 0;       // Of those whose text must be one of some.
  std::uint32_t others = 0;    // Of those that have rules of another kind: Judge knows them.
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
  Answer Ask(const event::EventView& event, std::uint16_t* place) const;

 private:
  bool SpeaksOf(std::string_view properties) const;
};

}  // namespace tidemark::schema
