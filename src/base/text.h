// Text as bytes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

// The letters A to Z in lower case, all else as it is: of names, headers and words of SQL.
inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace tidemark
