#include "base/time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/text_scan.h"

namespace tidemark {
namespace {

// Reads digits off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool Number(std::size_t digits, std::int32_t* value) {
    if (text_.size() < digits) return false;
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = text_[i];
      if (c < '0' || c > '9') return false;
      sum = sum * 10 + (c - '0');
    }
    text_.remove_prefix(digits);
    *value = sum;
    return true;
  }
  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeAny(std::string_view set) {
    if (text_.empty() || set.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  // Digits of a fraction of a second, as microseconds; what is finer is cut.
  bool Fraction(std::int64_t* micros) {
    std::size_t digits = 0;
    std::int64_t sum = 0;
    while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
      if (digits < 6) sum = sum * 10 + (text_[digits] - '0');
      ++digits;
    }
    for (std::size_t i = digits; i < 6; ++i) sum *= 10;
    text_.remove_prefix(digits);
    *micros = sum;
    return digits > 0;
  }
  bool empty() const { return text_.empty(); }

 private:
  std::string_view text_;
};

// The last `count` digits; returns where they end.
char* PutDigits(char* at, std::int64_t number, int count) {
  for (int i = count - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return at + count;
}

std::int32_t DaysInMonth(CivilDate date) {
  constexpr std::array<std::int32_t, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  return kDays[static_cast<std::size_t>(date.month - 1)] + (leap && date.month == 2 ? 1 : 0);
}

bool ParseDate(Scanner* in, std::int64_t* days) {
  CivilDate date;
  if (!in->Number(4, &date.year) || !in->Take('-') || !in->Number(2, &date.month) ||
      !in->Take('-') || !in->Number(2, &date.day)) {
    return false;
  }
  if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1 ||
      date.day > DaysInMonth(date))
    return false;
  *days = DaysFromCivil(date);
  return true;
}

bool ParseClock(Scanner* in, std::int64_t* micros) {
  std::int32_t hour = 0;
  std::int32_t minute = 0;
  std::int32_t second = 0;
  std::int64_t fraction = 0;
  if (!in->Number(2, &hour) || !in->Take(':') || !in->Number(2, &minute)) return false;
  if (in->Take(':')) {
    if (!in->Number(2, &second)) return false;
    if (in->TakeAny(".,") && !in->Fraction(&fraction)) return false;
  }
  if (hour > 23 || minute > 59 || second > 60) return false;
  *micros = ((hour * 60LL + minute) * 60 + second) * kMicrosPerSecond + fraction;
  return true;
}

// `Z`, `+hh:mm`, `+hhmm`, `+hh` or nothing.
bool ParseZone(Scanner* in, std::int64_t* offset_micros) {
  *offset_micros = 0;
  if (in->empty() || in->TakeAny("Zz")) return true;
  const bool east = in->Take('+');
  if (!east && !in->Take('-')) return false;
  std::int32_t hour = 0;
  std::int32_t minute = 0;
  if (!in->Number(2, &hour)) return false;
  const bool colon = in->Take(':');
  if ((colon || !in->empty()) && !in->Number(2, &minute)) return false;
  if (hour > 18 || minute > 59) return false;
  *offset_micros = (hour * 60LL + minute) * 60 * kMicrosPerSecond * (east ? 1 : -1);
  return true;
}

// Eight bytes of digits and separators, as `00:00:00` says.
struct DigitPattern {
  std::uint64_t text = 0;
  std::uint64_t separators = 0;  // All bits of every byte that is one.

  constexpr explicit DigitPattern(std::string_view zeros) {
    for (std::size_t i = 0; i < 8; ++i) {
      text |= std::uint64_t{static_cast<unsigned char>(zeros[i])} << (8 * i);
      if (zeros[i] != '0') separators |= 0xFFULL << (8 * i);
    }
  }
};

// Whether the eight bytes at `at` are of that pattern; the digits' values, a byte each. Without a
// branch for each of them.
bool EightDigits(const char* at, const DigitPattern& pattern, std::array<std::uint8_t, 8>* values) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  word ^= pattern.text;
  std::memcpy(values->data(), &word, sizeof word);
  return (NoDigits(word) | (word & pattern.separators)) == 0;
}

std::optional<TimeMicros> InRange(std::int64_t micros) {
  const TimeMicros time(micros);
  if (time < kTimeMin || time > kTimeMax) return std::nullopt;
  return time;
}

// `2026-11-28T09:46:48.123456Z`, with up to six digits of a fraction or none: as most clients write
// it. Nothing for any other text, which may be a time or not.
std::optional<TimeMicros> ParseUsualTime(std::string_view text) {
  constexpr std::size_t kSecondsEnd = 19;
  constexpr std::size_t kLongest = kSecondsEnd + sizeof ".123456Z" - 1;
  if (text.size() <= kSecondsEnd || text.size() > kLongest || text.back() != 'Z') {
    return std::nullopt;
  }
  std::array<std::uint8_t, 8> date;  // 2026-11-
  std::array<std::uint8_t, 8> hour;  // 28T09:46
  std::array<std::uint8_t, 8> rest;  // 09:46:48
  constexpr DigitPattern kDate("0000-00-");
  constexpr DigitPattern kHour("00T00:00");
  constexpr DigitPattern kClock("00:00:00");
  if (!EightDigits(text.data(), kDate, &date) || !EightDigits(text.data() + 8, kHour, &hour) ||
      !EightDigits(text.data() + 11, kClock, &rest)) {
    return std::nullopt;
  }
  const CivilDate civil{date[0] * 1'000 + date[1] * 100 + date[2] * 10 + date[3],
                        date[5] * 10 + date[6], hour[0] * 10 + hour[1]};
  const int hours = rest[0] * 10 + rest[1];
  const int minutes = rest[3] * 10 + rest[4];
  const int seconds = rest[6] * 10 + rest[7];
  if (civil.year < 1 || civil.month < 1 || civil.month > 12 || civil.day < 1 ||
      civil.day > DaysInMonth(civil) || hours > 23 || minutes > 59 || seconds > 59) {
    return std::nullopt;
  }
  std::int64_t fraction = 0;
  if (text.size() == kLongest) {
    constexpr DigitPattern kMicros(".000000Z");
    std::array<std::uint8_t, 8> micros;
    if (!EightDigits(text.data() + kSecondsEnd, kMicros, &micros)) return std::nullopt;
    fraction = (micros[1] * 100 + micros[2] * 10 + micros[3]) * 1'000 + micros[4] * 100 +
               micros[5] * 10 + micros[6];
  } else if (text.size() > kSecondsEnd + 1) {
    Scanner in(text.substr(kSecondsEnd, text.size() - kSecondsEnd - 1));
    if (!in.Take('.') || !in.Fraction(&fraction) || !in.empty()) return std::nullopt;
  }
  return InRange(DaysFromCivil(civil) * kMicrosPerDay +
                 ((hours * 60LL + minutes) * 60 + seconds) * kMicrosPerSecond + fraction);
}

// Eight digits of a date, a T, and at least four of a clock.
bool IsBasicTime(std::string_view text) {
  constexpr std::size_t kDateEnd = 8;
  constexpr std::size_t kMinuteEnd = 13;
  if (text.size() < kMinuteEnd || (text[kDateEnd] != 'T' && text[kDateEnd] != 't')) return false;
  for (std::size_t i = 0; i < kMinuteEnd; ++i) {
    if (i != kDateEnd && (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

}  // namespace

// Both after H. Hinnant, "chrono-compatible low-level date algorithms".
std::int64_t DaysFromCivil(CivilDate date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = FloorDiv(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate CivilFromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = FloorDiv(days, 146'097);
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<std::int32_t>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  date.month = static_cast<std::int32_t>(month_from_march < 10 ? month_from_march + 3
                                                               : month_from_march - 9);
  date.year = static_cast<std::int32_t>(year_of_era + era * 400 + (date.month <= 2 ? 1 : 0));
  return date;
}

std::optional<TimeMicros> ParseTime(std::string_view text) {
  if (const auto time = ParseUsualTime(text)) return time;
  Scanner in(text);
  std::int64_t days = 0;
  std::int64_t micros = 0;
  std::int64_t zone = 0;
  if (!ParseDate(&in, &days)) return std::nullopt;
  if (in.empty()) return InRange(days * kMicrosPerDay);
  if (!in.TakeAny("Tt ") || !ParseClock(&in, &micros)) return std::nullopt;
  in.Take(' ');
  if (!ParseZone(&in, &zone) || !in.empty()) return std::nullopt;
  return InRange(days * kMicrosPerDay + micros - zone);
}

std::optional<TimeMicros> ParseIsoTime(std::string_view text) {
  if (const auto time = ParseTime(text)) return time;
  std::string usual(text);
  if (IsBasicTime(text)) {  // 20240115T1030[00]...
    usual.insert(4, "-").insert(7, "-").insert(13, ":");
    if (usual.size() > 16 && usual[16] >= '0' && usual[16] <= '9') usual.insert(16, ":");
  }
  if (usual.size() < 16 || usual.compare(11, 2, "24") != 0) {
    return usual == text ? std::nullopt : ParseTime(usual);
  }
  usual.replace(11, 2, "00");
  const std::size_t zone = std::min(usual.find_first_not_of("0:.,", 11), usual.size());
  if (zone < usual.size() && usual[zone] >= '1' && usual[zone] <= '9') return std::nullopt;
  const auto begin = ParseTime(usual);
  return begin ? InRange(begin->value + kMicrosPerDay) : std::nullopt;
}

std::optional<TimeMicros> TimeFromEpochNumber(std::int64_t number) {
  const std::int64_t size = number < 0 ? -(number + 1) : number;
  if (size < 100'000'000'000LL) return InRange(number * kMicrosPerSecond);
  if (size < 100'000'000'000'000LL) return InRange(number * 1'000);
  if (size < 100'000'000'000'000'000LL) return InRange(number);
  return InRange(FloorDiv(number, 1'000));
}

std::optional<TimeMicros> TimeFromEpochNumber(double number) {
  if (!std::isfinite(number)) return std::nullopt;
  const double size = std::fabs(number);
  const double scale = size < 1e11 ? 1e6 : size < 1e14 ? 1e3 : size < 1e17 ? 1.0 : 1e-3;
  const double micros = std::floor(number * scale);
  if (std::fabs(micros) > 9e18) return std::nullopt;
  return InRange(static_cast<std::int64_t>(micros));
}

void AppendTime(std::string* out, TimeMicros time) {
  const std::int64_t days = FloorDiv(time.value, kMicrosPerDay);
  const std::int64_t rest = time.value - days * kMicrosPerDay;
  const CivilDate date = CivilFromDays(days);
  const std::int64_t seconds = rest / kMicrosPerSecond;
  std::array<char, 48> text;
  char* at = text.data();
  if (date.year >= 0 && date.year <= 9'999) {
    at = PutDigits(at, date.year, 4);
  } else {
    at += std::snprintf(at, 16, "%04d", date.year);
  }
  *at++ = '-';
  at = PutDigits(at, date.month, 2);
  *at++ = '-';
  at = PutDigits(at, date.day, 2);
  *at++ = 'T';
  at = PutDigits(at, seconds / 3'600, 2);
  *at++ = ':';
  at = PutDigits(at, seconds / 60 % 60, 2);
  *at++ = ':';
  at = PutDigits(at, seconds % 60, 2);
  *at++ = '.';
  at = PutDigits(at, rest % kMicrosPerSecond, 6);
  *at++ = 'Z';
  out->append(text.data(), static_cast<std::size_t>(at - text.data()));
}

std::string FormatTime(TimeMicros time) {
  std::string text;
  AppendTime(&text, time);
  return text;
}

}  // namespace tidemark
