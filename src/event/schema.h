// The events table: its columns, their types and their Iceberg field ids. The one list that the
// JSON door, the log record, hot rows, data files and queries are made from. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemark::event {

enum class Type : std::uint8_t {
  kString,     // UTF-8
  kTimestamp,  // Microseconds since 1970, UTC (Iceberg timestamptz)
  kDouble,
  kInt32,
  kInt64,
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
};

constexpr std::size_t Index(Column column) { return static_cast<std::size_t>(column); }

inline constexpr std::array<ColumnInfo, kColumnCount> kColumns = {{
    {Column::kEventId, "event_id", Type::kString, true, 1},
    {Column::kEventType, "event_type", Type::kString, true, 2},
    {Column::kUserId, "user_id", Type::kString, false, 3},
    {Column::kAnonymousId, "anonymous_id", Type::kString, false, 4},
    {Column::kSessionId, "session_id", Type::kString, false, 5},
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
    {Column::kTransactionId, "transaction_id", Type::kString, false, 26},
    {Column::kUserTier, "user_tier", Type::kString, false, 27},
    {Column::kValue, "value", Type::kDouble, false, 28},
    {Column::kProperties, "properties", Type::kString, false, 29},
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

}  // namespace tidemark::event
