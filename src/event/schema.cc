#include "event/schema.h"

#include <algorithm>
#include <utility>

namespace tidemark::event {
namespace {

constexpr std::array<std::pair<std::string_view, Column>, 7> kAliases = {{
    {"type", Column::kEventType},
    {"eventId", Column::kEventId},
    {"eventType", Column::kEventType},
    {"userId", Column::kUserId},
    {"sessionId", Column::kSessionId},
    {"ip_address", Column::kIp},
    {"ingested_at", Column::kReceivedAt},
}};

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameLetters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

constexpr bool ColumnsAreInOrder() {
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    if (Index(kColumns[i].column) != i) return false;
  }
  return true;
}
static_assert(ColumnsAreInOrder());

}  // namespace

std::optional<Column> FindColumn(std::string_view name) {
  for (const ColumnInfo& info : kColumns) {
    if (info.name == name) return info.column;
  }
  return std::nullopt;
}

std::optional<Column> FindAlias(std::string_view name) {
  for (const auto& [alias, column] : kAliases) {
    if (SameLetters(alias, name)) return column;
  }
  return std::nullopt;
}

}  // namespace tidemark::event
