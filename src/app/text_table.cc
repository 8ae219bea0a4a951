#include "app/text_table.h"

#include <algorithm>
#include <cstdio>

namespace tidemark::app {
namespace {

void PrintRule(const std::vector<std::size_t>& widths) {
  for (const std::size_t width : widths) {
    std::fputs(("+" + std::string(width + 2, '-')).c_str(), stdout);
  }
  std::fputs("+\n", stdout);
}

void PrintRow(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
              const std::vector<bool>& right) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string pad(widths[i] - TextWidth(cells[i]), ' ');
    std::fputs(("| " + (right[i] ? pad + cells[i] : cells[i] + pad) + " ").c_str(), stdout);
  }
  std::fputs("|\n", stdout);
}

}  // namespace

std::size_t TextWidth(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return width;
}

void PrintTextTable(const std::vector<std::string>& names, const std::vector<bool>& right,
                    const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& name : names) widths.push_back(TextWidth(name));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], TextWidth(row[i]));
    }
  }
  PrintRule(widths);
  PrintRow(names, widths, std::vector<bool>(names.size(), false));
  PrintRule(widths);
  for (const auto& row : rows) PrintRow(row, widths, right);
  PrintRule(widths);
}

}  // namespace tidemark::app
