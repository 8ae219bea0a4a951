// The part of RFC 3986 that schemas use: references resolved against a base. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tidemark::schema {

// RFC 3986, section 5.2, fragment included. An empty base gives the reference back.
std::string ResolveUri(std::string_view base, std::string_view reference);

struct SplitUri {
  std::string_view document;  // Without the fragment.
  std::string_view fragment;  // After '#', as written; empty if there is none.
};
SplitUri SplitFragment(std::string_view uri);

}  // namespace tidemark::schema
