// What is validated: a JSON value as one flat list of nodes in the order of the text, made from an
// event or from a parsed document. It keeps its memory from value to value, so that an event costs
// no allocation. One thread; text that it was made from must outlive its use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/result.h"
#include "event/batch.h"

namespace tidemark::schema {

class Number;

// Nodes of one instance; an event of the largest size may have more, and is then not validated.
inline constexpr std::uint32_t kInstanceNodesMax = 200'000;

enum class Kind : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

struct InstanceNode {
  Kind kind = Kind::kNull;
  std::uint32_t next = 0;      // Index of what follows this value and all in it.
  std::uint32_t count = 0;     // Items or members.
  std::string_view text;       // Of a string, decoded, or of a number, as written.
  std::string_view key;        // Of a member of an object, decoded.
  std::uint32_t key_hash = 0;  // HashName(key).
};

// How an event is laid before a schema.
enum class Shape : std::uint8_t {
  kFlat,     // Columns by name and the members of `properties` beside them. Of a name that is in
             // both the column counts.
  kNested,   // Columns by name, and `properties` as one object.
  kColumns,  // Columns by name only.
};

// The column that clients mean by a name: its own, or one of the others they send it under; null if
// none. `hash` is HashName(name).
const event::Column* ColumnOfName(std::string_view name, std::uint32_t hash);

class Instance {
 public:
  // kInvalidArgument: more than kInstanceNodesMax nodes.
  Status Read(const JsonValue& value);
  // `event.properties` must be JSON as the event parser writes it. received_at and the place in the
  // log are not there: no schema decides by them.
  Status Read(const event::EventView& event, std::string_view project, Shape shape);
  // Lays the event that was read last before a schema of another shape. What it was read from must
  // not have changed.
  Status Reshape(const event::EventView& event, Shape shape);

  // The first one is the whole; an object's members and an array's items follow their parent.
  const std::vector<InstanceNode>& nodes() const { return nodes_; }

 private:
  InstanceNode& Add(Kind kind, std::string_view key, std::uint32_t key_hash);
  InstanceNode& Add(Kind kind, std::string_view key);
  void AddColumn(Kind kind, event::Column column, std::string_view text);
  Status Append(const JsonValue& value, std::string_view key);
  std::uint32_t AddColumns(const event::EventView& event, std::string_view project);
  // Canonical JSON at `*at`; moves behind it.
  Status AppendText(const char** at, std::string_view key);
  Status AppendMembers(const char** at, char close);
  Status AppendProperties(const event::EventView& event);
  std::string_view ReadString(const char** at);

  std::vector<InstanceNode> nodes_;
  std::size_t columns_end_ = 0;      // Nodes of an event's columns, the whole among them.
  std::uint32_t columns_count_ = 0;  // Of those, its members.
  std::string arena_;                // Decoded strings; reserved before use, so that views stay.
  std::string time_;
  std::string value_;
};

}  // namespace tidemark::schema
