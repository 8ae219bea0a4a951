#include "schema/number.h"

#include <algorithm>

#include "base/hash.h"

namespace tidemark::schema {
namespace {

// Beyond any number that a text of a few megabytes could tell apart.
constexpr std::int64_t kExponentMax = 1'000'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::int64_t ReadExponent(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  std::int64_t exponent = 0;
  for (const char c : text) {
    if (IsDigit(c)) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
  }
  return negative ? -exponent : exponent;
}

std::uint64_t Times(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(Wide(a) * b % modulus);
}

// 10 ^ `exponent`.
std::uint64_t PowerOfTen(std::int64_t exponent, std::uint64_t modulus) {
  std::uint64_t power = 1 % modulus;
  std::uint64_t square = 10 % modulus;
  for (auto bits = static_cast<std::uint64_t>(exponent); bits > 0; bits >>= 1U) {
    if ((bits & 1U) != 0) power = Times(power, square, modulus);
    square = Times(square, square, modulus);
  }
  return power;
}

}  // namespace

Number::Number(std::string_view text) {
  if (!text.empty() && text.front() == '-') {
    negative_ = true;
    text.remove_prefix(1);
  }
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  if (e < text.size()) exponent_ = ReadExponent(text.substr(e + 1));
  text = text.substr(0, e);
  const std::size_t dot = text.find('.');
  digits_ = text.substr(0, dot);
  if (dot != std::string_view::npos) {
    const std::string_view fraction = text.substr(dot + 1);
    digits_ += fraction;
    exponent_ -= static_cast<std::int64_t>(fraction.size());
  }
  const std::size_t last = digits_.find_last_not_of('0');
  if (last == std::string::npos) {
    *this = Number();
    return;
  }
  exponent_ += static_cast<std::int64_t>(digits_.size() - 1 - last);
  digits_.resize(last + 1);
  digits_.erase(0, digits_.find_first_not_of('0'));
}

bool Number::IsDivisor() const {
  return !is_zero() && !negative_ && digits_.size() <= kDivisorDigitsMax;
}

bool Number::IsMultipleOf(const Number& divisor) const {
  if (is_zero()) return true;
  // The digits do not end in zero, so that no power of ten divides them.
  if (exponent_ < divisor.exponent_) return false;
  std::uint64_t by = 0;
  for (const char c : divisor.digits_) by = by * 10 + static_cast<std::uint64_t>(c - '0');
  std::uint64_t left = 0;
  for (const char c : digits_) {
    left = (Times(left, 10, by) + static_cast<std::uint64_t>(c - '0')) % by;
  }
  return Times(left, PowerOfTen(exponent_ - divisor.exponent_, by), by) == 0;
}

std::uint64_t Number::Hash() const {
  return Hash64(digits_) ^ (static_cast<std::uint64_t>(exponent_) * 0x9E3779B97F4A7C15ULL) ^
         (negative_ ? 1U : 0U);
}

// Without the signs; neither is zero.
std::strong_ordering Number::CompareSize(const Number& other) const {
  const auto places = [](const Number& number) {
    return static_cast<std::int64_t>(number.digits_.size()) + number.exponent_;
  };
  if (const auto order = places(*this) <=> places(other); order != 0) return order;
  // From the first digit on: what is missing at the end is zeros.
  return digits_.compare(other.digits_) <=> 0;
}

std::strong_ordering Number::operator<=>(const Number& other) const {
  const int sign = is_zero() ? 0 : negative_ ? -1 : 1;
  const int other_sign = other.is_zero() ? 0 : other.negative_ ? -1 : 1;
  if (sign != other_sign || sign == 0) return sign <=> other_sign;
  return sign > 0 ? CompareSize(other) : other.CompareSize(*this);
}

}  // namespace tidemark::schema
