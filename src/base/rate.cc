#include "base/rate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tidemark {
namespace {

constexpr std::uint64_t kCountMax = 1ULL << 50;
constexpr std::int64_t kPeriodsMax = 1'000;

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> kFactors = {{
    {"", 1},
    {"k", 1'000},
    {"m", 1'000'000},
    {"g", 1'000'000'000},
    {"kb", 1'000},
    {"mb", 1'000'000},
    {"gb", 1'000'000'000},
    {"kib", 1ULL << 10},
    {"mib", 1ULL << 20},
    {"gib", 1ULL << 30},
}};

struct Period {
  std::array<std::string_view, 3> names;
  Duration length;
  std::string_view article;
};
constexpr std::array<Period, 4> kPeriods = {{
    {{"second", "sec", "s"}, std::chrono::seconds(1), "a"},
    {{"minute", "min", "m"}, std::chrono::minutes(1), "a"},
    {{"hour", "hr", "h"}, std::chrono::hours(1), "an"},
    {{"day", "day", "d"}, std::chrono::hours(24), "a"},
}};

bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }

void SkipBlanks(std::string_view* text) {
  while (text->starts_with(' ')) text->remove_prefix(1);
}

std::string_view TakeWord(std::string_view* text) {
  const auto end = std::find_if_not(text->begin(), text->end(), IsLetter);
  const std::string_view word = text->substr(0, static_cast<std::size_t>(end - text->begin()));
  text->remove_prefix(word.size());
  return word;
}

bool TakeNumber(std::string_view* text, std::uint64_t* number) {
  const auto read = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (read.ec != std::errc()) return false;
  text->remove_prefix(static_cast<std::size_t>(read.ptr - text->data()));
  return true;
}

std::optional<Duration> PeriodOf(std::string_view word) {
  if (word.size() > 3 && word.ends_with('s')) word.remove_suffix(1);
  for (const Period& period : kPeriods) {
    if (std::find(period.names.begin(), period.names.end(), word) != period.names.end()) {
      return period.length;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Rate> ParseRate(std::string_view given) {
  std::string lower(given);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view text = lower;
  while (text.ends_with(' ')) text.remove_suffix(1);
  SkipBlanks(&text);
  Rate rate{0, std::chrono::seconds(1)};
  if (!TakeNumber(&text, &rate.count)) return std::nullopt;
  const std::string_view unit = TakeWord(&text);
  const auto* factor = std::find_if(kFactors.begin(), kFactors.end(),
                                    [unit](const auto& one) { return one.first == unit; });
  if (factor == kFactors.end() || rate.count == 0 || rate.count > kCountMax / factor->second) {
    return std::nullopt;
  }
  rate.count *= factor->second;
  SkipBlanks(&text);
  if (text.empty()) return rate;
  if (text.front() == '/') {
    text.remove_prefix(1);
  } else {
    const std::string_view word = TakeWord(&text);
    if (word != "a" && word != "an" && word != "per" && word != "each") return std::nullopt;
  }
  SkipBlanks(&text);
  std::uint64_t periods = 1;
  if (!text.empty() && !IsLetter(text.front()) && !TakeNumber(&text, &periods)) return std::nullopt;
  SkipBlanks(&text);
  const auto period = PeriodOf(TakeWord(&text));
  if (!period || !text.empty() || periods == 0 || periods > kPeriodsMax) return std::nullopt;
  rate.per = *period * static_cast<std::int64_t>(periods);
  return rate;
}

std::string FormatRate(const Rate& rate) {
  std::string text = std::to_string(rate.count);
  for (std::size_t i = kPeriods.size(); i-- > 0;) {
    const Period& period = kPeriods[i];
    const auto times = rate.per / period.length;
    if (times == 0 || rate.per % period.length != Duration::zero()) continue;
    if (times == 1)
      return text.append(" ").append(period.article).append(" ").append(period.names[0]);
    return text + " per " + std::to_string(times) + " " + std::string(period.names[0]) + "s";
  }
  return text + " a second";
}

}  // namespace tidemark
