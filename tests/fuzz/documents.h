// The metadata of tables and views that others wrote, and commits to them. See targets.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// Two lines: a metadata file, a commit.
void RunTableDocument(std::string_view bytes);
void RunViewDocument(std::string_view bytes);
std::vector<std::string> TableDocumentSeeds();
std::vector<std::string> ViewDocumentSeeds();

}  // namespace tidemark::fuzz
