// Tables: their columns, the types of those and their Iceberg field ids. The columns that every
// events table has are constants, the one list that the JSON door and the log record are made from;
// what hot rows, data files and queries have is a TableSchema, which may have more. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace tidemark::event {

enum class Type : std::uint8_t {
  kString,     // UTF-8
  kTimestamp,  // Microseconds since 1970, UTC (Iceberg timestamptz)
  kDouble,
  kInt32,
  kInt64,
  kBool,
};

// What the texts of a column are like: whether a dictionary or bounds of them are worth their cost.
enum class Texts : std::uint8_t {
  kFew,     // They repeat.
  kMany,    // They seldom repeat among some thousand rows.
  kUnique,  // Hardly ever twice the same.
  kFree,    // Nor does their order mean anything.
};

// In the order of `select *`. The first `kRecordColumns` are in the log record of an event, the
// others come from the record's place in the log.
enum class Column : std::uint8_t {
  kEventId,
  kEventType,
  kUserId,
  kAnonymousId,
  kSessionId,
  kTimestamp,
  kReceivedAt,
  kProjectId,
  kEnvironment,
  kVersion,
  kSource,
  kPageUrl,
  kPageTitle,
  kReferrer,
  kUtmSource,
  kUtmMedium,
  kUtmCampaign,
  kCountry,
  kDeviceType,
  kBrowser,
  kOs,
  kIp,
  kUserAgent,
  kProductId,
  kSearchQuery,
  kTransactionId,
  kUserTier,
  kValue,
  kProperties,
  kLogPartition,
  kLogOffset,
};

inline constexpr std::size_t kColumnCount = 31;

struct ColumnInfo {
  Column column;
  std::string_view name;
  Type type;
  bool required;
  std::int32_t field_id;  // Never changes, never reused.
  Texts texts = Texts::kFew;
};

constexpr std::size_t Index(Column column) { return static_cast<std::size_t>(column); }

inline constexpr std::array<ColumnInfo, kColumnCount> kColumns = {{
    {Column::kEventId, "event_id", Type::kString, true, 1, Texts::kUnique},
    {Column::kEventType, "event_type", Type::kString, true, 2},
    {Column::kUserId, "user_id", Type::kString, false, 3, Texts::kMany},
    {Column::kAnonymousId, "anonymous_id", Type::kString, false, 4, Texts::kMany},
    {Column::kSessionId, "session_id", Type::kString, false, 5, Texts::kMany},
    {Column::kTimestamp, "timestamp", Type::kTimestamp, true, 6},
    {Column::kReceivedAt, "received_at", Type::kTimestamp, true, 7},
    {Column::kProjectId, "project_id", Type::kString, true, 8},
    {Column::kEnvironment, "environment", Type::kString, false, 9},
    {Column::kVersion, "version", Type::kString, false, 10},
    {Column::kSource, "source", Type::kString, false, 11},
    {Column::kPageUrl, "page_url", Type::kString, false, 12},
    {Column::kPageTitle, "page_title", Type::kString, false, 13},
    {Column::kReferrer, "referrer", Type::kString, false, 14},
    {Column::kUtmSource, "utm_source", Type::kString, false, 15},
    {Column::kUtmMedium, "utm_medium", Type::kString, false, 16},
    {Column::kUtmCampaign, "utm_campaign", Type::kString, false, 17},
    {Column::kCountry, "country", Type::kString, false, 18},
    {Column::kDeviceType, "device_type", Type::kString, false, 19},
    {Column::kBrowser, "browser", Type::kString, false, 20},
    {Column::kOs, "os", Type::kString, false, 21},
    {Column::kIp, "ip", Type::kString, false, 22},
    {Column::kUserAgent, "user_agent", Type::kString, false, 23},
    {Column::kProductId, "product_id", Type::kString, false, 24},
    {Column::kSearchQuery, "search_query", Type::kString, false, 25},
    {Column::kTransactionId, "transaction_id", Type::kString, false, 26, Texts::kMany},
    {Column::kUserTier, "user_tier", Type::kString, false, 27},
    {Column::kValue, "value", Type::kDouble, false, 28},
    {Column::kProperties, "properties", Type::kString, false, 29, Texts::kFree},
    {Column::kLogPartition, "log_partition", Type::kInt32, false, 30},
    {Column::kLogOffset, "log_offset", Type::kInt64, false, 31},
}};

constexpr const ColumnInfo& Info(Column column) { return kColumns[Index(column)]; }
constexpr std::uint32_t Bit(Column column) { return 1U << Index(column); }

// The column of a name of the table ("user_id"), or nothing.
std::optional<Column> FindColumn(std::string_view name);
// The column that a query's alias stands for: `type`, `eventId`, `eventType`, `userId`,
// `sessionId`, `ip_address`, `ingested_at`, in any case; or nothing. Never part of `*`.
std::optional<Column> FindAlias(std::string_view name);

// A column of a table as it is at run time.
struct TableColumn {
  std::string name;
  Type type = Type::kString;
  bool required = false;
  std::int32_t field_id = 0;  // Never changes, never reused.
  Texts texts = Texts::kFew;
};

// A path of `properties` whose values are kept a second time, typed, in the files of a table: a
// field of its struct column. A learned copy: no answer depends on it and no row hash has it.
struct KeptPath {
  std::vector<std::string> keys;  // Of objects within objects, outermost first. No escapes in them.
  Type type = Type::kString;      // kString, kInt64, kDouble or kBool.
  std::int32_t field_id = 0;
  std::string name;  // In the struct; lower case, letters, digits and underscores.
};
struct KeptPaths {
  std::int32_t field_id = 0;  // Of the struct column `kept`; 0: there is none yet.
  std::vector<KeptPath> paths;
};
inline constexpr std::string_view kKeptColumn = "kept";
inline constexpr std::size_t kKeptPathsMax = 200;

// A property of events that has a column of its own: docs/adr/0012-promoted-columns.md. The column
// is a typed copy: `properties` still has the value, and no row hash has the column.
struct Promotion {
  std::string key;            // A member of `properties`.
  std::int32_t field_id = 0;  // Of the column.
  // Rows have the column whose log record names this number or a later one. Numbers of a table rise
  // and are never used again.
  std::uint32_t number = 0;
  // First offset that has it, once it is settled or a backfill has given all rows the column (then
  // it is 0); nothing: not known yet.
  std::optional<LogOffset> since;
};
inline constexpr std::size_t kPromotedColumnsMax = 100;  // Of one table.

// What somebody wants promoted.
struct PropertyColumn {
  std::string key;
  std::string name;
  Type type = Type::kString;
};

// The path as SQL writes it: `$."a"."b"`.
std::string PathText(const std::vector<std::string>& keys);

// The columns of a table, in the order of `select *` and of their field ids. Immutable once shared.
//
// Columns that every table has keep the field ids that they have in the events table: event_type,
// timestamp, received_at, project_id, log_partition and log_offset; partitions, sort order and
// bounds of files are found by them. The first `fixed_count` columns are those the table was made
// with, at most kFixedColumnsMax; a log record has their values in an EventView. Behind them come
// promoted properties, and behind those the columns of other engines.
struct TableSchema {
  std::vector<TableColumn> columns;
  std::size_t fixed_count = 0;
  // Places of the columns that every table has.
  std::size_t event_type = 0;
  std::size_t timestamp = 0;
  std::size_t received_at = 0;
  std::size_t project_id = 0;
  std::size_t log_partition = 0;
  std::size_t log_offset = 0;
  std::optional<std::size_t> value;       // A double.
  std::optional<std::size_t> properties;  // JSON text.

  KeptPaths kept;

  // Those of the columns behind the fixed ones that are promoted properties, in their order.
  std::vector<Promotion> promoted;
  std::uint32_t promotions =
      0;  // The latest number that was given out, whether it is there or not.

  std::optional<std::size_t> Find(std::string_view name) const;  // By its exact name.
};
inline constexpr std::size_t kFixedColumnsMax = 32;

// A schema of `columns`, all fixed, whose common columns are found by their field ids; those must
// be there. The one double column is `value`.
std::shared_ptr<const TableSchema> MakeSchema(std::vector<TableColumn> columns);
// The events table as it is made: kColumns.
const std::shared_ptr<const TableSchema>& EventsSchema();

}  // namespace tidemark::event
