// Tables as all commands print them for people. Pure but for stdout; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::app {

// Columns that a terminal shows: code points, not bytes.
std::size_t TextWidth(std::string_view text);

// Controls of a terminal as `\u001b`: what somebody sent must not move the reader's cursor, set its
// colours or its title, or turn the direction of the text.
std::string WithoutControls(std::string_view text);

// Prints a box of `names` above `rows`, whose cells are one line each and as many as there are
// names, both without controls. Cells of the columns of `right` end where their column does.
void PrintTextTable(const std::vector<std::string>& names, const std::vector<bool>& right,
                    const std::vector<std::vector<std::string>>& rows);

}  // namespace tidemark::app
