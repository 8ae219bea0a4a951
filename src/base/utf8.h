// Bytes that need not be text, read as UTF-8 (RFC 3629). Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark {

// Bytes of the code point that `text` begins with; 0: it begins with none.
inline std::size_t CodePointBytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.empty() ? 0xFF : text.front());
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t k = 1; k < size; ++k) {
    if ((static_cast<unsigned char>(text[k]) & 0xC0U) != 0x80) return 0;
  }
  if (size < 3) return size;
  const auto next = static_cast<unsigned char>(text[1]);
  const bool is_wrong = (lead == 0xE0 && next < 0xA0) || (lead == 0xED && next > 0x9F) ||
                        (lead == 0xF0 && next < 0x90) || (lead == 0xF4 && next > 0x8F);
  return is_wrong ? 0 : size;
}

inline bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = CodePointBytes(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

// The text behind the mark that some editors and spreadsheets begin a file with.
inline std::string_view WithoutByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

// For messages that repeat what somebody sent: each byte that is of no code point becomes U+FFFD.
inline std::string ToUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = CodePointBytes(bytes);
    text += size == 0 ? std::string_view("\xEF\xBF\xBD") : bytes.substr(0, size);
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return text;
}

}  // namespace tidemark
