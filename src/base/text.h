// Text as bytes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

// The letters A to Z in lower case, all else as it is: of names, headers and words of SQL.
constexpr char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = LowerCase(c);
  return lower;
}

}  // namespace tidemark
