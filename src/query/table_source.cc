#include "query/table_source.h"

namespace tidemark::query {

std::string NamespaceText(const std::vector<std::string>& levels) {
  std::string text;
  for (const std::string& level : levels) {
    if (!text.empty()) text.push_back('.');
    if (level.find_first_of(".\"") == std::string::npos) {
      text += level;
      continue;
    }
    text.push_back('"');
    for (const char c : level) text.append(c == '"' ? 2 : 1, c);
    text.push_back('"');
  }
  return text;
}

}  // namespace tidemark::query
