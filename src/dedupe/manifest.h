// What the index consists of, in one small file that is replaced as a whole: docs/format/dedupe.md.
// A value type; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dedupe/window_clock.h"

namespace tidemark::dedupe {

inline constexpr std::size_t kSecretBytes = 192;  // XXH3's.
inline constexpr std::uint64_t kManifestBytesMax = 1U << 20;

enum class Family : std::uint8_t { kIds = 0, kKeys = 1 };
inline constexpr std::size_t kFamilies = 2;

struct Manifest {
  std::string log_id;          // Of the log whose frames it has; empty as long as it has none.
  std::string secret;          // kSecretBytes random bytes that key every hash.
  std::uint64_t sequence = 0;  // Of the first frame that it does not have.
  WindowClock::State clock;    // Before that frame.
  std::uint64_t next_run = 0;
  std::vector<std::uint64_t> runs[kFamilies];  // Oldest first.
};

std::string EncodeManifest(const Manifest& manifest);
// Nothing if it is damaged.
std::optional<Manifest> DecodeManifest(std::string_view bytes);

// File names inside the folder: "ids-0000000000000012.run".
inline constexpr std::string_view kManifestName = "manifest";
std::string RunName(Family family, std::uint64_t run);

}  // namespace tidemark::dedupe
