#include "config/values.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace tidemark::config {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kSizes = {Unit{"", 1},
                               Unit{"b", 1},
                               Unit{"kb", 1e3},
                               Unit{"mb", 1e6},
                               Unit{"gb", 1e9},
                               Unit{"tb", 1e12},
                               Unit{"k", 1024},
                               Unit{"kib", 1024},
                               Unit{"m", 1 << 20},
                               Unit{"mib", 1 << 20},
                               Unit{"g", 1 << 30},
                               Unit{"gib", 1 << 30},
                               Unit{"t", 1024.0 * (1 << 30)},
                               Unit{"tib", 1024.0 * (1 << 30)}};
constexpr std::array kTimes = {Unit{"", 1},   Unit{"ms", 1e-3}, Unit{"s", 1},
                               Unit{"m", 60}, Unit{"h", 3'600}, Unit{"d", 86'400}};

template <std::size_t kCount>
std::optional<double> Read(std::string_view text, const std::array<Unit, kCount>& units) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const std::string name = LowerCase(text);
  for (const Unit& unit : units) {
    if (unit.name == name) return number * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> ReadBytes(std::string_view text) { return Read(text, kSizes); }
std::optional<double> ReadSeconds(std::string_view text) { return Read(text, kTimes); }
std::optional<double> ReadNumber(std::string_view text) {
  return Read(text, std::array{Unit{"", 1}});
}

std::optional<bool> ReadFlag(std::string_view text) {
  const std::string lower = LowerCase(text);
  if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "0" || lower == "no" || lower == "off") return false;
  return std::nullopt;
}

std::string BytesText(double bytes) {
  constexpr std::array<std::string_view, 5> kNames = {"", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < kNames.size() && bytes >= 1024 && std::fmod(bytes, 1024) == 0) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(static_cast<long long>(bytes)) + std::string(kNames[unit]);
}

}  // namespace tidemark::config
