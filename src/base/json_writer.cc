#include "base/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace tidemark {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

template <class Number>
void AppendNumber(std::string* out, Number number) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  out->append(text, static_cast<std::size_t>(end - text));
}

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

// Whether one of eight bytes must be escaped: is below 0x20, a quote or a backslash.
bool HasEscape(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  // Not zero if a byte is below `limit`, which is at most 0x80.
  const auto below = [](std::uint64_t of, std::uint64_t limit) {
    return (of - kOnes * limit) & ~of & kHighs;
  };
  return (below(bytes, 0x20) | below(bytes ^ (kOnes * '"'), 1) |
          below(bytes ^ (kOnes * '\\'), 1)) != 0;
}

std::uint64_t WordAt(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

bool MustEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

// The last eight bytes of a text, or all of a shorter one and blanks, which need no escape.
std::uint64_t LastWord(std::string_view text) {
  if (text.size() >= kWordBytes) return WordAt(text.data() + text.size() - kWordBytes);
  std::uint64_t word = 0x2020202020202020ULL;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  return word;
}

// A text of at most so many bytes is quoted apart and appended at once: most are names.
constexpr std::size_t kShortBytes = 62;

// The index of the first byte to escape, or the size.
std::size_t FindEscape(std::string_view text) {
  std::size_t at = 0;
  while (at + kWordBytes <= text.size() && !HasEscape(WordAt(text.data() + at))) at += kWordBytes;
  if (at + kWordBytes > text.size() && !HasEscape(LastWord(text))) return text.size();
  while (at < text.size() && !MustEscape(text[at])) ++at;
  return at;
}

void AppendEscaped(std::string* out, char c) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    case '\b':
      out->append("\\b");
      return;
    case '\f':
      out->append("\\f");
      return;
    default:
      out->append("\\u00");
      out->push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out->push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text) {
  if (text.size() <= kShortBytes && FindEscape(text) == text.size()) {
    std::array<char, kShortBytes + 2> quoted{};
    quoted[0] = '"';
    if (!text.empty()) std::memcpy(&quoted[1], text.data(), text.size());
    quoted[text.size() + 1] = '"';
    out->append(quoted.data(), text.size() + 2);
    return;
  }
  out->push_back('"');
  while (true) {
    const std::size_t plain = FindEscape(text);
    out->append(text.substr(0, plain));
    if (plain == text.size()) break;
    AppendEscaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out->push_back('"');
}

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (depth_ == 0) return;
  if ((has_items_ & 1) != 0) out_->push_back(',');
  has_items_ |= 1;
}

void JsonWriter::Begin(char open) {
  Separate();
  out_->push_back(open);
  if (depth_ % kWordDepth == 0 && depth_ > 0) outer_.push_back(has_items_);
  has_items_ <<= 1;
  ++depth_;
}

void JsonWriter::End(char close) {
  TM_CHECK(depth_ > 0 && !after_key_);
  --depth_;
  has_items_ >>= 1;
  if (depth_ % kWordDepth == 0 && depth_ > 0) {
    has_items_ = outer_.back();
    outer_.pop_back();
  }
  out_->push_back(close);
}

JsonWriter& JsonWriter::BeginObject() { return Begin('{'), *this; }
JsonWriter& JsonWriter::EndObject() { return End('}'), *this; }
JsonWriter& JsonWriter::BeginArray() { return Begin('['), *this; }
JsonWriter& JsonWriter::EndArray() { return End(']'), *this; }

JsonWriter& JsonWriter::Key(std::string_view name) {
  TM_CHECK(depth_ > 0 && !after_key_);
  Separate();
  AppendJsonString(out_, name);
  out_->push_back(':');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view text) {
  Separate();
  AppendJsonString(out_, text);
  return *this;
}

JsonWriter& JsonWriter::Int(std::int64_t number) {
  Separate();
  AppendNumber(out_, number);
  return *this;
}

JsonWriter& JsonWriter::Uint(std::uint64_t number) {
  Separate();
  AppendNumber(out_, number);
  return *this;
}

JsonWriter& JsonWriter::Double(double number) {
  if (!std::isfinite(number)) return Null();
  Separate();
  AppendNumber(out_, number);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_->append(json);
  return *this;
}

}  // namespace tidemark
