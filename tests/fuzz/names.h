// What the catalog reads out of names, locations and headers, from any texts. See targets.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// Two lines: a namespace's first level, and anything else.
void RunNames(std::string_view bytes);
std::vector<std::string> NamesSeeds();

}  // namespace tidemark::fuzz
