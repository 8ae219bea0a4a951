// SHA-256, for secrets that are stored hashed. Any thread; never fails.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark {

using Sha256Digest = std::array<std::byte, 32>;

Sha256Digest Sha256(std::string_view bytes);
// 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

}  // namespace tidemark
