// How much is allowed in how much time: "1000 a minute". Value type; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace tidemark {

struct Rate {
  std::uint64_t count = 0;  // At least 1; so much at once, and again after `per`.
  Duration per{};           // Longer than zero.

  bool operator==(const Rate&) const = default;
};

// "1000 a minute", "1000 per minute", "1000/min", "50000/s", "64MiB a second", "10 an hour",
// "1000 per 10 minutes"; a bare number is a second's. The count may have K, M, G (thousands), KB,
// MB, GB or KiB, MiB, GiB behind it. Nothing if it cannot be read or is zero.
std::optional<Rate> ParseRate(std::string_view text);
// "1000 a minute"; what ParseRate reads as the same rate.
std::string FormatRate(const Rate& rate);

}  // namespace tidemark
