// Values as Iceberg's single-value binary form, and the cut that string bounds get. Format: Iceberg
// table spec, appendix D. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::lake {

inline constexpr std::size_t kBoundCodePoints = 16;

std::string BoundOf(bool value);
std::string BoundOf(std::int32_t value);
std::string BoundOf(std::int64_t value);
std::string BoundOf(double value);
// 4 or 8 bytes (a long column's files from before it was widened have 4); nothing otherwise.
std::optional<std::int64_t> IntFromBound(std::string_view bound);

// The first kBoundCodePoints code points.
std::string LowerBoundOf(std::string_view text);
// `text` if it is not longer; else its cut with the last code point that can be raised raised; or
// nothing if none can.
std::optional<std::string> UpperBoundOf(std::string_view text);

}  // namespace tidemark::lake
