// Every option of the server, described once. docs/reference/config.md is generated from here.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::config {

enum class Kind : std::uint8_t {
  kText,
  kFlag,     // true or false.
  kWhole,    // A whole number.
  kBytes,    // 1048576, 64MB, 64MiB.
  kSeconds,  // 1.5, 500ms, 10s, 5m, 24h, 7d.
};

struct Option {
  std::string_view key;   // "section.name".
  std::string_view flag;  // Of `serve`, without dashes; empty: none but -X.
  Kind kind = Kind::kText;
  std::string_view standard;  // What it is if nobody says anything.
  double min = 0;             // Inclusive, in units of the kind; of numbers only.
  double max = 0;
  std::string_view sentence;
};

// By section, in the order of the reference.
std::span<const Option> Options();
// nullptr if there is none of that key.
const Option* FindOption(std::string_view key);
// What to say to somebody who wrote `key`, which is none: "did you mean flush.size?" if one is
// spelled nearly so.
std::string KeyHint(std::string_view key);
// Changes of one letter that turn `a` into `b`. Takes the product of their lengths.
std::size_t EditDistance(std::string_view a, std::string_view b);

}  // namespace tidemark::config
