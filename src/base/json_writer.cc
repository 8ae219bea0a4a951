#include "base/json_writer.h"

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

// Whether one of eight bytes must be escaped: is below 0x20, a quote or a backslash.
bool HasEscape(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  // Not zero if a byte is below `limit`, which is at most 0x80.
  const auto below = [](std::uint64_t of, std::uint64_t limit) {
    return (of - kOnes * limit) & ~of & kHighs;
  };
  return (below(bytes, 0x20) | below(bytes ^ (kOnes * '"'), 1) |
          below(bytes ^ (kOnes * '\\'), 1)) != 0;
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text) {
  out->push_back('"');
  std::size_t plain = 0;
  std::size_t looked = 0;  // Whether what is before it has something to escape is known.
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i >= looked) {
      while (i + 8 < text.size() && !HasEscape(text.data() + i)) i += 8;
      looked = i + 8;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\b':
        out->append("\\b");
        break;
      case '\f':
        out->append("\\f");
        break;
      default:
        out->append("\\u00");
        out->push_back(kHex[c >> 4]);
        out->push_back(kHex[c & 15]);
    }
  }
  out->append(text.substr(plain));
  out->push_back('"');
}

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) out_->push_back(',');
  has_items_.back() = true;
}

void JsonWriter::Begin(char open) {
  Separate();
  out_->push_back(open);
  has_items_.push_back(false);
}

void JsonWriter::End(char close) {
  TM_CHECK(!has_items_.empty() && !after_key_);
  has_items_.pop_back();
  out_->push_back(close);
}

JsonWriter& JsonWriter::BeginObject() { return Begin('{'), *this; }
JsonWriter& JsonWriter::EndObject() { return End('}'), *this; }
JsonWriter& JsonWriter::BeginArray() { return Begin('['), *this; }
JsonWriter& JsonWriter::EndArray() { return End(']'), *this; }

JsonWriter& JsonWriter::Key(std::string_view name) {
  TM_CHECK(!has_items_.empty() && !after_key_);
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
