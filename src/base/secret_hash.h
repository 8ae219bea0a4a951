// SHA-256, for secrets that are stored hashed. Any thread; never fails.
#pragma once

#include <string>
#include <string_view>

namespace tidemark {

// 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace tidemark
