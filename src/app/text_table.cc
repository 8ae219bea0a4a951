#include "app/text_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include <unistd.h>

#include "base/utf8.h"

namespace tidemark::app {
namespace {

void PrintRule(const std::vector<std::size_t>& widths) {
  for (const std::size_t width : widths) {
    std::fputs(("+" + std::string(width + 2, '-')).c_str(), stdout);
  }
  std::fputs("+\n", stdout);
}

void PrintRow(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
              const std::vector<bool>& right) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string pad(widths[i] - TextWidth(cells[i]), ' ');
    std::fputs(("| " + (right[i] ? pad + cells[i] : cells[i] + pad) + " ").c_str(), stdout);
  }
  std::fputs("|\n", stdout);
}

struct CodePoint {
  std::uint32_t value;
  std::size_t size;  // Bytes.
};

// Of a text that is not empty; a byte that is of no code point stands for itself.
CodePoint CodePointAt(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = CodePointBytes(text);
  if (size <= 1) return {byte(0), 1};
  std::uint32_t value = byte(0) & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) value = value << 6 | (byte(i) & 0x3FU);
  return {value, size};
}

bool IsControl(std::uint32_t code_point) {
  const auto is_in = [code_point](std::uint32_t first, std::uint32_t last) {
    return code_point >= first && code_point <= last;
  };
  const bool turns_text = is_in(0x200E, 0x200F) || is_in(0x202A, 0x202E) || is_in(0x2066, 0x2069);
  return code_point < 0x20 || is_in(0x7F, 0x9F) || turns_text;
}

// Bytes at the end that the next piece may go on: of a code point, or a '\r'.
std::size_t OpenBytes(std::string_view text) {
  if (text.ends_with('\r')) return 1;
  constexpr std::size_t kCodePointBytesMax = 4;
  for (std::size_t size = 1; size < kCodePointBytesMax && size <= text.size(); ++size) {
    const auto byte = static_cast<unsigned char>(text[text.size() - size]);
    const bool goes_on = (byte & 0xC0U) == 0x80;
    if (goes_on) continue;
    const std::size_t wanted = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    return wanted > size ? size : 0;
  }
  return 0;
}

// Tabs and the ends of lines stay.
std::string WithoutOtherControls(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find_first_of("\t\r\n"), text.size());
    shown += tidemark::app::WithoutControls(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t kept = text.starts_with("\r\n") ? 2 : text.front() == '\r' ? 0 : 1;
    shown += kept == 0 ? tidemark::app::WithoutControls(text.substr(0, 1))
                       : std::string(text.substr(0, kept));
    text.remove_prefix(std::max<std::size_t>(kept, 1));
  }
  return shown;
}

void Write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::vector<std::string> WithoutControls(const std::vector<std::string>& texts) {
  std::vector<std::string> shown;
  shown.reserve(texts.size());
  for (const std::string& text : texts) shown.push_back(tidemark::app::WithoutControls(text));
  return shown;
}

}  // namespace

std::size_t TextWidth(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return width;
}

std::string WithoutControls(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const auto [code_point, size] = CodePointAt(text.substr(at));
    if (IsControl(code_point)) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(code_point));
      shown += escape.data();
    } else {
      shown += text.substr(at, size);
    }
    at += size;
  }
  return shown;
}

TextPrinter::TextPrinter() : on_terminal_(::isatty(STDOUT_FILENO) != 0) {}

TextPrinter::~TextPrinter() { Write(WithoutOtherControls(rest_)); }

void TextPrinter::Print(std::string_view piece) {
  if (!on_terminal_) return Write(piece);
  rest_ += piece;
  const std::size_t open = OpenBytes(rest_);
  const std::string_view whole = std::string_view(rest_).substr(0, rest_.size() - open);
  Write(WithoutOtherControls(whole));
  rest_.erase(0, whole.size());
}

void PrintTextTable(const std::vector<std::string>& written_names, const std::vector<bool>& right,
                    const std::vector<std::vector<std::string>>& written_rows) {
  const std::vector<std::string> names = WithoutControls(written_names);
  std::vector<std::vector<std::string>> rows;
  rows.reserve(written_rows.size());
  for (const auto& row : written_rows) rows.push_back(WithoutControls(row));
  std::vector<std::size_t> widths;
  for (const std::string& name : names) widths.push_back(TextWidth(name));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], TextWidth(row[i]));
    }
  }
  PrintRule(widths);
  PrintRow(names, widths, std::vector<bool>(names.size(), false));
  PrintRule(widths);
  for (const auto& row : rows) PrintRow(row, widths, right);
  PrintRule(widths);
}

}  // namespace tidemark::app
