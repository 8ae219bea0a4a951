// What a project may be called. Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemark::meta {

inline constexpr std::size_t kProjectNameBytesMax = 64;

// Lower-case letters, digits, '_' and '-', beginning with a letter or digit; 1 to
// kProjectNameBytesMax bytes: a name is also a folder and an Iceberg namespace.
constexpr bool IsProjectName(std::string_view name) {
  if (name.empty() || name.size() > kProjectNameBytesMax) return false;
  if (name.front() == '_' || name.front() == '-') return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) return false;
  }
  return true;
}

}  // namespace tidemark::meta
