// The values of a table's kept paths, read out of the JSON texts of `properties` in one pass over
// each, and what it takes to find new paths that are worth keeping.
//
// A value is given only if its text, as SQL makes it of the typed value, is the very text that
// `->>` answers on the JSON. A path with a value for which that does not hold is not complete, and
// a file leaves it out: that a file has a path means that nobody need look at its texts for it.
//
// One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/json_scan.h"
#include "event/row_source.h"
#include "event/schema.h"

namespace tidemark::engine {

// The whole number whose text is exactly `text`.
std::optional<std::int64_t> ExactInt(std::string_view text);
// The number whose text is exactly `text` when SQL writes a DOUBLE: at most 15 digits, a point, no
// exponent, no zero at the end but a single one after the point, 0 or 0.0001 to 10^15.
std::optional<double> ExactDouble(std::string_view text);

class KeptValues {
 public:
  // `paths` must outlive it.
  explicit KeptValues(const event::KeptPaths& paths);

  // Reads the texts of one chunk. What was read before is gone.
  void Read(const event::ColumnView& properties, std::size_t rows);
  // The values of a path in the chunk that was read; lives as long as the texts and this chunk.
  event::ColumnView View(std::size_t path) const;
  // Whether the path had its exact value in every row that was ever read.
  bool complete(std::size_t path) const { return complete_[path]; }

 private:
  struct Node;
  struct Values;
  struct Child {
    std::string key;
    KeyText text;
    std::uint64_t hash;
    std::size_t node;
    Node* place = nullptr;  // Of `node`, when all are there.
    std::size_t next = 0;  // The child that came behind it the last time: rows are like each other.
  };
  struct Node {
    std::vector<Child> children;
    std::size_t first = 0;  // The child that came first the last time.
    // Children by the hash of their keys: index + 1, 0 is free. A power of two.
    std::vector<std::uint16_t> slots;
    std::optional<std::size_t> path;
    Values* values = nullptr;  // Of the path; null if there is none.
    event::Type type = event::Type::kString;
    std::uint64_t row = 0;  // The last row that had it: of repeated keys the first counts.
  };
  struct Values {  // Of a chunk; the first two are not zeroed, for many files have few rows.
    std::unique_ptr<event::StringRef[]> strings;
    std::unique_ptr<std::int64_t[]> fixed;
    std::vector<std::uint64_t> validity;
    bool any = false;
  };

  bool WalkObject(JsonScan* scan, Node* node, std::size_t row);
  bool WalkValue(JsonScan* scan, Node* node, std::size_t row);
  static Child* FindChild(Node* node, std::string_view key);
  // Passes a key with its colon. `*child` is null if there is no path through it. `guess`, where
  // the child's place is likely to be noted, is put right and moves on.
  static bool TakeKey(JsonScan* scan, Node* node, std::size_t** guess, Child** child);
  // The value of a path that is a scalar in the form that its type has; false, and nothing is
  // passed, if it is anything else.
  static bool TakeTyped(JsonScan* scan, const Node& node, std::size_t row);
  static void SetValid(Values* values, std::size_t row) {
    SetBit(values->validity.data(), row);
    values->any = true;
  }
  static void AddChild(Node* node, const std::string& key, std::size_t child);
  // Notes if the path's type does not give the text back.
  void Put(std::size_t path, std::size_t row, std::string_view text, bool is_string);
  // False if it does not.
  bool Keep(std::size_t path, std::size_t row, std::string_view text, bool is_string);

  const std::vector<event::KeptPath>& paths_;
  std::vector<Node> nodes_;  // The first is the whole object.
  std::vector<Values> values_;
  std::vector<bool> complete_;
  std::deque<std::string> unescaped_;  // Texts of the chunk that are not in it as they are.
  std::uint64_t row_number_ = 0;
};

// What texts have at their paths, counted over a sample of them.
class PathCounts {
 public:
  static constexpr std::size_t kPathsMax = 2'000;  // Others are not looked at.
  static constexpr std::size_t kDepthMax = 4;
  static constexpr std::size_t kKeyBytesMax = 64;

  struct Counts {
    std::vector<std::string> keys;
    std::uint64_t rows = 0;  // With a value that is no null.
    std::uint64_t ints = 0, doubles = 0, bools = 0, containers = 0;
    std::uint64_t bytes = 0;
    // What came behind it the last time: texts are like each other. May be null.
    std::pair<const std::string, Counts>* next = nullptr;

    // The type that gave all of them back.
    event::Type type() const {
      if (ints == rows) return event::Type::kInt64;
      if (doubles == rows) return event::Type::kDouble;
      return bools == rows ? event::Type::kBool : event::Type::kString;
    }
  };

  void Add(const event::ColumnView& properties, std::size_t rows);
  std::uint64_t row_count() const { return row_count_; }
  // By path.
  const std::map<std::string, Counts>& counts() const { return counts_; }

 private:
  bool WalkObject(JsonScan* scan, std::vector<std::string>* keys, std::string* path);
  bool WalkValue(JsonScan* scan, std::vector<std::string>* keys, std::string* path);
  // Null: there are enough others.
  Counts* Find(const std::string& path, const std::vector<std::string>& keys);

  std::map<std::string, Counts> counts_;
  std::pair<const std::string, Counts>* last_ = nullptr;  // In the text that is looked at.
  std::uint64_t row_count_ = 0;
};

}  // namespace tidemark::engine
