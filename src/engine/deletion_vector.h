// Deletion vectors: the rows of one data file that are deleted, as a bitmap of their places.
// Format: Puffin spec, blob `deletion-vector-v1`: length (u32, big endian) of what follows but the
// checksum | D1 D3 39 64 | 64-bit roaring bitmap in its portable form (RoaringFormatSpec,
// "Extension for 64-bit implementations") | CRC-32 (big endian) of magic and bitmap.
//
// The decoder is ours because it reads bytes of strangers: the system's library takes what it is
// given. Every rule of the format is checked, so that a damaged vector is an error and never
// another set of rows. Pure; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "engine/deleted_rows.h"

namespace tidemark::engine {

// Of one blob; a bitmap of every second row of a file of 10^9 rows has 125 MB.
inline constexpr std::uint64_t kVectorBytesMax = 256U << 20;

// Calls `visit` for every place that `blob` names, growing. kCorruption says what is wrong, after
// some calls perhaps; so does what `visit` returns. Gives their count.
Result<std::uint64_t> VisitVector(std::string_view blob,
                                  const std::function<Status(std::uint64_t place)>& visit);

// Adds the places to `rows`. `cardinality`: how many they must be. kCorruption; `rows` may then
// have some of them.
Status AddVector(std::string_view blob, std::uint64_t cardinality, DeletedRows* rows);

}  // namespace tidemark::engine
