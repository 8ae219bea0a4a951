// What manifests of others say of their data files, and filters that are held against it. See
// targets.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// A filter, a line end, flags of a byte, a lower bound and an upper one of the same length.
void RunScanFilter(std::string_view bytes);
std::vector<std::string> ScanFilterSeeds();

}  // namespace tidemark::fuzz
