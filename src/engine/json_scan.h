// Reads compact JSON text from left to right without building anything: what JsonPath and the
// readers of many paths share, so that they see the same values in the same texts.
//
// Internal to this folder. One thread.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "base/json_reader.h"
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

// Walks one text. Every call that returns false has met something that it does not read.
class JsonScan {
 public:
  explicit JsonScan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

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
    // Most are short and plain: found without a call.
    const char* const near = end_ - at_ > kNear ? at_ + kNear : end_;
    for (const char* at = at_; at != near && *at != '\\'; ++at) {
      if (*at != '"') continue;
      *inside = {begin, static_cast<std::size_t>(at - begin)};
      at_ = at + 1;
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

  static constexpr std::ptrdiff_t kNear = 24;

  const char* at_;
  const char* const end_;
};

}  // namespace tidemark::engine
