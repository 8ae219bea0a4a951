// Tables and texts as all commands print them for people. Pure but for stdout; one thread.
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

// Prints a text that comes in pieces: as it is, byte for byte, but on a terminal without controls,
// save for tabs and the ends of lines. JSON stays the same JSON.
class TextPrinter {
 public:
  TextPrinter();
  TextPrinter(const TextPrinter&) = delete;
  TextPrinter& operator=(const TextPrinter&) = delete;
  ~TextPrinter();

  void Print(std::string_view piece);

 private:
  const bool on_terminal_;
  std::string rest_;  // The beginning of a code point or of the end of a line.
};

// Prints a box of `names` above `rows`, whose cells are one line each and as many as there are
// names, both without controls. Cells of the columns of `right` end where their column does.
void PrintTextTable(const std::vector<std::string>& names, const std::vector<bool>& right,
                    const std::vector<std::vector<std::string>>& rows);

}  // namespace tidemark::app
