// Names and texts as SQL writes them. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tidemark::engine {

// Between `quote`s; one inside is written twice.
inline std::string Quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += c;
  }
  return out + quote;
}

// "name"
inline std::string QuotedName(std::string_view name) { return Quoted(name, '"'); }
// 'text'
inline std::string QuotedText(std::string_view text) { return Quoted(text, '\''); }

}  // namespace tidemark::engine
