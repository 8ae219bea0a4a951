// What is told of a visit, from any texts. See targets.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// Three lines: `referrer`, `page_url`, `properties`.
void RunReferrer(std::string_view bytes);
std::vector<std::string> ReferrerSeeds();

}  // namespace tidemark::fuzz
