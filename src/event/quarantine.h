// The quarantine table: events that are not valid, as they were sent, with the reason; and what
// became of them later. Nothing in it is ever changed: a resolution is a row of its own that names
// the item. docs/format/quarantine.md.
//
// In the log its rows are batches (batch.h): a text column is in the slot of its place in the
// table. The columns that the events table has too stand at the same places, with the same names
// and field ids. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "event/batch.h"
#include "event/schema.h"

namespace tidemark::event {

// By place in the table.
enum class QuarantineColumn : std::uint8_t {
  kEventId,    // As sent, "" if none could be read. Of a resolution: the event that came of it.
  kEventType,  // As sent, or "".
  kUserId,
  kAnonymousId,
  kSessionId,
  kTimestamp,  // The event's own if it could be read, else when it arrived.
  kReceivedAt,
  kProjectId,
  kLogPartition,
  kLogOffset,
  kQuarantineId,  // UUID of the item; a resolution has that of its item.
  kRecord,        // "item", "replayed" or "dropped".
  kReason,        // A fixed word: "missing_field". Null in a resolution.
  kRule,          // The rule of a schema that is broken: "purchase/3: /amount: minimum".
  kMessage,       // For people.
  kRaw,           // The event as it was sent.
  kRawEncoding,   // "utf-8", or "base64" if it is no UTF-8 text.
  kDialect,       // That `raw` is in.
  kDoor,          // Method and path that it came to: "POST /v1/events".
  kSchema,        // The schema that refused it: "purchase/3".
};
inline constexpr std::size_t kQuarantineColumnCount = 20;

inline constexpr std::string_view kItemRecord = "item";
inline constexpr std::string_view kReplayedRecord = "replayed";
inline constexpr std::string_view kDroppedRecord = "dropped";
inline constexpr std::string_view kUtf8Raw = "utf-8";
inline constexpr std::string_view kBase64Raw = "base64";

const std::shared_ptr<const TableSchema>& QuarantineSchema();

// The slot of an EventView that has a text column of the quarantine.
constexpr Column SlotOf(QuarantineColumn column) { return static_cast<Column>(column); }

// One record, as views. Empty texts but for `event_id` and `event_type` are nulls.
struct QuarantineRecord {
  std::string_view quarantine_id = {};
  std::string_view record = kItemRecord;
  std::string_view event_id = {};
  std::string_view event_type = {};
  std::string_view user_id = {};
  std::string_view anonymous_id = {};
  std::string_view session_id = {};
  TimeMicros timestamp = {};
  std::string_view reason = {};
  std::string_view rule = {};
  std::string_view message = {};
  std::string_view raw = {};  // Any bytes: encoded here if they are no text.
  std::string_view dialect = {};
  std::string_view door = {};
  std::string_view schema = {};
};
void AddRecord(const QuarantineRecord& record, BatchBuilder* builder);

}  // namespace tidemark::event
