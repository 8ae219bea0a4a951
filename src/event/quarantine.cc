#include "event/quarantine.h"

#include <array>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "event/text.h"

namespace tidemark::event {
namespace {

struct OwnColumn {
  std::string_view name;
  std::int32_t field_id;  // Never changes, never reused.
  bool required = false;
  Texts texts = Texts::kFew;
};
constexpr std::array<OwnColumn, 10> kOwnColumns = {{
    {"quarantine_id", 101, true, Texts::kUnique},
    {"record", 102, true},
    {"reason", 103},
    {"rule", 104},
    {"message", 105},
    {"raw", 106, false, Texts::kFree},
    {"raw_encoding", 107},
    {"dialect", 108},
    {"door", 109},
    {"schema", 110},
}};
constexpr std::array<Column, 10> kSharedColumns = {
    Column::kEventId,      Column::kEventType, Column::kUserId,     Column::kAnonymousId,
    Column::kSessionId,    Column::kTimestamp, Column::kReceivedAt, Column::kProjectId,
    Column::kLogPartition, Column::kLogOffset};
static_assert(kOwnColumns.size() + kSharedColumns.size() == kQuarantineColumnCount);

// A slot for every text column: the batch writes only those that the events table has as texts.
constexpr bool SlotsAreTexts() {
  for (std::size_t i = kSharedColumns.size(); i < kQuarantineColumnCount; ++i) {
    if (kColumns[i].type != Type::kString) return false;
  }
  return Index(Column::kProjectId) < kSharedColumns.size();
}
static_assert(SlotsAreTexts());

}  // namespace

const std::shared_ptr<const TableSchema>& QuarantineSchema() {
  static const std::shared_ptr<const TableSchema> kSchema = [] {
    std::vector<TableColumn> columns;
    for (const Column column : kSharedColumns) {
      const ColumnInfo& info = Info(column);
      columns.push_back(
          {std::string(info.name), info.type, info.required, info.field_id, info.texts});
    }
    for (const OwnColumn& own : kOwnColumns) {
      columns.push_back(
          {std::string(own.name), Type::kString, own.required, own.field_id, own.texts});
    }
    return MakeSchema(std::move(columns));
  }();
  return kSchema;
}

void AddRecord(const QuarantineRecord& record, BatchBuilder* builder) {
  EventView view;
  view.timestamp = record.timestamp;
  view.present = Bit(Column::kTimestamp);
  view.SetText(SlotOf(QuarantineColumn::kEventId), record.event_id);
  view.SetText(SlotOf(QuarantineColumn::kEventType), record.event_type);
  const auto set = [&view](QuarantineColumn column, std::string_view text) {
    if (!text.empty()) view.SetText(SlotOf(column), text);
  };
  set(QuarantineColumn::kUserId, record.user_id);
  set(QuarantineColumn::kAnonymousId, record.anonymous_id);
  set(QuarantineColumn::kSessionId, record.session_id);
  set(QuarantineColumn::kQuarantineId, record.quarantine_id);
  set(QuarantineColumn::kRecord, record.record);
  set(QuarantineColumn::kReason, record.reason);
  set(QuarantineColumn::kRule, record.rule);
  set(QuarantineColumn::kMessage, record.message);
  set(QuarantineColumn::kDialect, record.dialect);
  set(QuarantineColumn::kDoor, record.door);
  set(QuarantineColumn::kSchema, record.schema);
  std::string encoded;
  if (!record.raw.empty()) {
    const bool text = IsText(record.raw);
    if (!text) encoded = ToBase64(AsBytes(record.raw));
    view.SetText(SlotOf(QuarantineColumn::kRaw), text ? record.raw : std::string_view(encoded));
    view.SetText(SlotOf(QuarantineColumn::kRawEncoding), text ? kUtf8Raw : kBase64Raw);
  }
  builder->Add(view);
}

}  // namespace tidemark::event
