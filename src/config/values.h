// Values as people write them. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemark::config {

// "64MiB", "64 MB", "1048576": KB, MB, ... are powers of 1000, KiB, MiB, ... and K, M, ... of 1024.
std::optional<double> ReadBytes(std::string_view text);
// "1.5", "500ms", "10s", "5m", "24h", "7d".
std::optional<double> ReadSeconds(std::string_view text);
// A number without a unit.
std::optional<double> ReadNumber(std::string_view text);
// true, false, 1, 0, yes, no, on, off.
std::optional<bool> ReadFlag(std::string_view text);

// "64 MiB", "1.5 s": for messages.
std::string BytesText(double bytes);

}  // namespace tidemark::config
