// A JSON number as what was written, not as the nearest double: sign, decimal digits and a power of
// ten. Comparing and dividing are exact, so that 0.0075 is a multiple of 0.0001 and 2^64 + 1 is
// greater than 2^64. Value type; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::schema {

class Number {
 public:
  // Digits that a divisor may have, so that what is left of a division fits 64 bits.
  static constexpr std::size_t kDivisorDigitsMax = 18;

  Number() = default;
  // `text` must be a number by RFC 8259. Linear in its length.
  explicit Number(std::string_view text);
  static Number OfCount(std::uint64_t count) { return Number(std::to_string(count)); }

  bool is_zero() const { return digits_.empty(); }
  bool is_negative() const { return negative_; }
  // 1.0 and 1e2 are.
  bool IsInteger() const { return is_zero() || exponent_ >= 0; }
  // Whether IsMultipleOf may be asked about this divisor.
  bool IsDivisor() const;
  bool IsMultipleOf(const Number& divisor) const;
  // The same for equal numbers however they were written.
  std::uint64_t Hash() const;

  std::strong_ordering operator<=>(const Number& other) const;
  bool operator==(const Number& other) const = default;

 private:
  std::strong_ordering CompareSize(const Number& other) const;

  bool negative_ = false;      // Never of zero.
  std::string digits_;         // Without zeros at either end; empty: zero.
  std::int64_t exponent_ = 0;  // The number is digits * 10 ^ exponent; 0 of zero.
};

}  // namespace tidemark::schema
