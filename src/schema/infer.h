// A schema proposed from events that have arrived: types, what is always there, lists of few
// values, formats. Bounded; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace tidemark::schema {

inline constexpr std::size_t kInferMembersMax = 500;  // Of one object; further ones are left out.
inline constexpr std::size_t kInferDepthMax = 16;
inline constexpr std::size_t kInferChoicesMax = 12;      // Of an `enum`.
inline constexpr std::uint64_t kInferChoiceEvents = 10;  // For each of its values, on average.

class Inference {
 public:
  Inference();
  Inference(const Inference&) = delete;
  Inference& operator=(const Inference&) = delete;
  ~Inference();

  // One row of the events table as an object: columns by name, `properties` as its text.
  void AddRow(const JsonValue& row);
  // The schema (2020-12) of what was added, for that event type.
  std::string Propose(std::string_view event_type) const;

 private:
  struct Seen;
  void Add(const JsonValue& value, std::size_t depth, Seen* seen);
  void Member(const std::string& name, const JsonValue& value, std::size_t depth, Seen* seen);
  static void Write(const Seen& seen, bool is_root, JsonWriter* out);

  std::unique_ptr<Seen> root_;
};

}  // namespace tidemark::schema
