// UUIDs (RFC 9562) as 16 bytes, big-endian. Made from numbers that the caller hands in, so that a
// simulation makes the same ones again. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tidemark {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  // `0192f0c1-...`, lower case, 36 characters.
  std::string ToString() const;
  static std::optional<Uuid> Parse(std::string_view text);
};

// Version 4 from two random words.
Uuid MakeUuidV4(std::uint64_t a, std::uint64_t b);
// Version 7: 48 bits of milliseconds, then random bits.
Uuid MakeUuidV7(TimeMicros now, std::uint64_t a, std::uint64_t b);

}  // namespace tidemark
