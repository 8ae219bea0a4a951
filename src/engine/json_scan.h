// Reads compact JSON text from left to right without building anything: what JsonPath and the
// readers of many paths share, so that they see the same values in the same texts.
//
// Not event/json_tokens.h, which proves that a client's text is JSON and needs a first pass over
// all of it: what is read here was proven when it came, and most of it is passed over.
//
// Internal to this folder. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/text_scan.h"
#include "engine/json_path.h"

namespace tidemark::engine {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether all of `text` is a number as JSON writes it.
inline bool IsNumber(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at > from;
  };
  if (text.starts_with('-')) ++at;
  const std::size_t whole = at;
  if (!digits() || (text[whole] == '0' && at > whole + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

// What a string means whose text between the quotes has escapes; false if it means nothing.
inline bool Unescape(std::string_view inside, std::string* out) {
  const auto value = JsonValue::Parse('"' + std::string(inside) + '"');
  if (!value || !value->is_string()) return false;
  *out = value->text();
  return true;
}

// A key as it stands in compact text, with its quotes and its colon, to be told without a call.
class KeyText {
 public:
  // `key` has no escapes.
  explicit KeyText(std::string_view key) {
    text_.append(1, '"').append(key).append("\":");
    std::memcpy(words_.data(), text_.data(), std::min(text_.size(), kBytes));
    std::memset(masks_.data(), 0xFF, std::min(text_.size(), kBytes));
  }
  // Whether `at`, with `left` bytes, begins with it.
  bool IsAt(const char* at, std::size_t left) const {
    if (left < kBytes) return std::string_view(at, left).starts_with(text_);
    std::array<std::uint64_t, 2> there;
    std::memcpy(there.data(), at, kBytes);
    const std::uint64_t differs =
        ((there[0] ^ words_[0]) & masks_[0]) | ((there[1] ^ words_[1]) & masks_[1]);
    return differs == 0 &&
           (text_.size() <= kBytes || std::string_view(at, left).starts_with(text_));
  }
  std::size_t size() const { return text_.size(); }

 private:
  static constexpr std::size_t kBytes = 16;
  std::string text_;
  std::array<std::uint64_t, 2> words_{};  // Its first bytes.
  std::array<std::uint64_t, 2> masks_{};
};

// Walks one text. Every call that returns false has met something that it does not read.
class JsonScan {
 public:
  explicit JsonScan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  // Passes the key, if that is what comes.
  bool TakeKey(const KeyText& key) {
    if (!key.IsAt(at_, static_cast<std::size_t>(end_ - at_))) return false;
    at_ += key.size();
    return true;
  }
  // The three that follow pass a member's value whose type's text is its own text, and with it
  // nothing that JSON allows beside: what they leave alone may still be one.
  bool TakeInt(std::int64_t* value) {
    const char* const digits = at_ + (peek() == '-' ? 1 : 0);
    std::int64_t sum = 0;
    const char* at = TakeDigits(digits, kIntDigitsMax, &sum);
    if (at == digits || !EndsAt(at)) return false;
    if (*digits == '0' && (at - digits > 1 || digits != at_)) return false;
    *value = digits != at_ ? -sum : sum;
    at_ = at;
    return true;
  }
  // At most 15 digits: they and the power of ten are doubles, so one division rounds as a parser.
  bool TakeDouble(double* value) {
    const char* const digits = at_ + (peek() == '-' ? 1 : 0);
    std::int64_t sum = 0;
    const char* const point = TakeDigits(digits, kDoubleDigitsMax, &sum);
    const std::ptrdiff_t whole = point - digits;
    if (whole == 0 || point == end_ || *point != '.' || (*digits == '0' && whole > 1)) return false;
    const char* const at = TakeDigits(point + 1, kDoubleDigitsMax - whole, &sum);
    const auto fraction = static_cast<std::size_t>(at - point - 1);
    if (fraction == 0 || !EndsAt(at) || (fraction > 1 && *(at - 1) == '0')) return false;
    const double size = static_cast<double>(sum) / kPowersOfTen[fraction];
    if (size < kDoubleLeast) return false;  // Zero has a sign, smaller ones an exponent.
    *value = digits != at_ ? -size : size;
    at_ = at;
    return true;
  }
  bool TakeBool(bool* value) {
    constexpr std::string_view kTrue = "true";
    constexpr std::string_view kFalse = "false";
    *value = peek() == 't';
    const std::string_view word = *value ? kTrue : kFalse;
    const std::string_view left(at_, static_cast<std::size_t>(end_ - at_));
    if (!left.starts_with(word) || !EndsAt(at_ + word.size())) return false;
    at_ += word.size();
    return true;
  }

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  char peek() const { return at_ == end_ ? '\0' : *at_; }

  // At a quote: the text between it and its partner.
  bool String(std::string_view* inside, bool* escaped) {
    const char* const begin = ++at_;
    *escaped = false;
    const char* const first = FindQuoteOrBackslash(begin, end_);
    if (first != end_ && *first == '"') {  // Nearly every one.
      *inside = {begin, static_cast<std::size_t>(first - begin)};
      at_ = first + 1;
      return true;
    }
    for (;;) {
      const void* found = std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_));
      if (found == nullptr) return false;
      at_ = static_cast<const char*>(found);
      std::size_t backslashes = 0;
      for (const char* back = at_; back > begin && *(back - 1) == '\\'; --back) ++backslashes;
      if (backslashes % 2 == 0) break;
      ++at_;
    }
    *inside = {begin, static_cast<std::size_t>(at_ - begin)};
    *escaped = inside->find('\\') != std::string_view::npos;
    ++at_;
    return true;
  }

  // A string without escapes; nothing else is passed.
  bool TakePlainString(std::string_view* inside) {
    if (peek() != '"') return false;
    const char* const begin = at_ + 1;
    const char* const end = FindQuoteOrBackslash(begin, end_);
    if (end == end_ || *end != '"') return false;
    *inside = {begin, static_cast<std::size_t>(end - begin)};
    at_ = end + 1;
    return true;
  }

  // Any value, without looking at what it is.
  bool Skip() {
    std::string_view inside;
    bool escaped = false;
    if (at_ == end_) return false;
    if (*at_ == '"') return String(&inside, &escaped);
    if (*at_ != '{' && *at_ != '[') return SkipScalar();
    std::size_t depth = 0;
    while (at_ != end_) {
      switch (*at_) {
        case '"':
          if (!String(&inside, &escaped)) return false;
          continue;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        case ' ':
        case '\t':
        case '\n':
        case '\r':
          return false;
        default:
          break;
      }
      ++at_;
    }
    return false;
  }

  // Any value, with what it is.
  JsonFound Value() {
    const char* const begin = at_;
    std::string_view inside;
    bool escaped = false;
    if (peek() == '"') {
      if (!String(&inside, &escaped) || escaped) return {JsonFound::Kind::kUnsure, {}, {}};
      return {JsonFound::Kind::kString, inside, Since(begin)};
    }
    if (!Skip()) return {JsonFound::Kind::kUnsure, {}, {}};
    const std::string_view text = Since(begin);
    if (text == "null") return {JsonFound::Kind::kNull, {}, {}};
    const bool known = text.front() == '{' || text.front() == '[' || text == "true" ||
                       text == "false" || IsNumber(text);
    if (!known) return {JsonFound::Kind::kUnsure, {}, {}};
    return {JsonFound::Kind::kOther, text, {}};
  }

  const char* at() const { return at_; }
  // The text from `begin`, where at() was, to here.
  std::string_view Since(const char* begin) const {
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }

 private:
  bool SkipScalar() {
    const char* const begin = at_;
    while (at_ != end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && *at_ > ' ') ++at_;
    return at_ != begin && (at_ == end_ || *at_ > ' ');
  }

  // Up to `most` digits are added to `sum` from the right. Behind them.
  const char* TakeDigits(const char* at, std::ptrdiff_t most, std::int64_t* sum) const {
    const char* const stop = end_ - at > most ? at + most : end_;
    if (end_ - at >= 8) {
      const Digits digits = ReadDigits(at);
      if (digits.count < 8 && static_cast<std::ptrdiff_t>(digits.count) <= most) {
        *sum = *sum * kWholePowersOfTen[digits.count] + static_cast<std::int64_t>(digits.value);
        return at + digits.count;
      }
    }
    for (; at < stop && IsDigit(*at); ++at) *sum = *sum * 10 + (*at - '0');
    return at;
  }
  bool EndsAt(const char* at) const { return at < end_ && (*at == ',' || *at == '}'); }

  static constexpr std::array<std::int64_t, 8> kWholePowersOfTen = {
      1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000};
  static constexpr std::ptrdiff_t kIntDigitsMax = 18;
  static constexpr std::ptrdiff_t kDoubleDigitsMax = 15;
  static constexpr double kDoubleLeast = 1e-4;
  static constexpr std::array<double, 16> kPowersOfTen = {
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

  const char* at_;
  const char* end_;
};

}  // namespace tidemark::engine
