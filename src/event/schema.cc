#include "event/schema.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

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

std::optional<std::size_t> TableSchema::Find(std::string_view name) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == name) return i;
  }
  return std::nullopt;
}

std::string PathText(const std::vector<std::string>& keys) {
  std::string text = "$";
  for (const std::string& key : keys) text += ".\"" + key + "\"";
  return text;
}

std::shared_ptr<const TableSchema> MakeSchema(std::vector<TableColumn> columns) {
  TM_CHECK(columns.size() <= kFixedColumnsMax);
  auto schema = std::make_shared<TableSchema>();
  schema->columns = std::move(columns);
  schema->fixed_count = schema->columns.size();
  const auto place = [&](Column column) {
    for (std::size_t i = 0; i < schema->columns.size(); ++i) {
      if (schema->columns[i].field_id == Info(column).field_id) return i;
    }
    TM_CHECK(false && "a table lacks a column that every table has");
    return std::size_t{0};
  };
  schema->event_type = place(Column::kEventType);
  schema->timestamp = place(Column::kTimestamp);
  schema->received_at = place(Column::kReceivedAt);
  schema->project_id = place(Column::kProjectId);
  schema->log_partition = place(Column::kLogPartition);
  schema->log_offset = place(Column::kLogOffset);
  for (std::size_t i = 0; i < schema->columns.size(); ++i) {
    if (schema->columns[i].field_id == Info(Column::kProperties).field_id) schema->properties = i;
    if (schema->columns[i].type != Type::kDouble) continue;
    TM_CHECK(!schema->value);
    schema->value = i;
  }
  return schema;
}

const std::shared_ptr<const TableSchema>& EventsSchema() {
  static const std::shared_ptr<const TableSchema> kSchema = [] {
    std::vector<TableColumn> columns;
    for (const ColumnInfo& info : kColumns) {
      columns.push_back(
          {std::string(info.name), info.type, info.required, info.field_id, info.texts});
    }
    return MakeSchema(std::move(columns));
  }();
  return kSchema;
}

}  // namespace tidemark::event
