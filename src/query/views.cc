#include "query/views.h"

#include <algorithm>
#include <array>
#include <string>

#include "event/quarantine.h"

namespace tidemark::query {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"quarantine", "events_metadata"};

// Of the file that a row is in; null while it is hot.
constexpr std::string_view kFileColumn = "tm_file";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr std::string_view kEventColumns =
    "event_id, user_id, event_type, project_id, \"timestamp\", received_at, properties";

// Every column that a record is made with, whatever other engines have added.
std::string RecordColumns() {
  std::string columns;
  for (const event::TableColumn& column : event::QuarantineSchema()->columns) {
    columns += (columns.empty() ? "\"" : ", \"") + column.name + "\"";
  }
  return columns;
}

// Lake files first, as everywhere; with the file that each row is in.
std::string RowsOf(std::size_t place, const engine::Relation& relation,
                   const std::string& columns) {
  const std::string number = std::to_string(place);
  const std::string file(kFileColumn);
  std::string hot =
      "SELECT " + columns + ", NULL::VARCHAR AS " + file + " FROM tm_rows(" + number + "::UBIGINT)";
  if (relation.files == nullptr || relation.files->empty()) return "(" + hot + ")";
  return "(SELECT " + columns + ", filename AS " + file + " FROM tm_named_files('" + number +
         "') UNION ALL " + hot + ")";
}

// The first resolution counts; by the request key there is at most one.
std::string ItemsOf(const engine::Relation& records) {
  const std::string rows = RowsOf(kRecordsPlace, records, RecordColumns());
  return "SELECT i.*, coalesce(r.status, 'pending') AS status, r.resolved_at,"
         " r.replayed_event_id FROM " +
         rows +
         " AS i LEFT JOIN (SELECT quarantine_id, arg_min(record, log_offset) AS status,"
         " min(received_at) AS resolved_at,"
         " arg_min(nullif(event_id, ''), log_offset) AS replayed_event_id FROM " +
         rows +
         " WHERE record <> 'item' GROUP BY quarantine_id) AS r"
         " ON r.quarantine_id = i.quarantine_id WHERE i.record = 'item'";
}

std::string QuarantineView(const engine::Relation& records) {
  return "SELECT quarantine_id, status, reason, rule, message, nullif(event_id, '') AS event_id,"
         " nullif(event_type, '') AS event_type, user_id, anonymous_id, session_id, \"timestamp\","
         " received_at, project_id, dialect, door, \"schema\", raw, raw_encoding, resolved_at,"
         " replayed_event_id, log_partition, log_offset FROM (" +
         ItemsOf(records) + ")";
}

// What a data file is called in the table's metadata, and the folders between `data/` and its name.
std::string PathColumns() {
  const std::string file(kFileColumn);
  return "CASE WHEN " + file + " LIKE '/%' THEN 'file://' || " + file + " ELSE " + file +
         " END AS storage_path, nullif(rtrim(regexp_extract(" + file +
         ", '/data/((?:[^/=]+=[^/]*/)*)[^/]*$', 1), '/'), '') AS file_partition";
}

std::string MetadataView(const engine::Relation& events, const engine::Relation& records) {
  return "SELECT event_id, user_id, event_type, project_id, \"timestamp\","
         " received_at AS ingested_at, " +
         PathColumns() + ", sha256(properties) AS properties_hash, CASE WHEN " +
         std::string(kFileColumn) +
         " IS NULL THEN 'pending' ELSE 'processed' END AS status, received_at AS created_at FROM " +
         RowsOf(kEventsPlace, events, std::string(kEventColumns)) +
         " UNION ALL SELECT nullif(event_id, ''), user_id, nullif(event_type, ''), project_id,"
         " \"timestamp\", received_at, " +
         PathColumns() + ", NULL::VARCHAR, 'failed', received_at FROM (" + ItemsOf(records) +
         ") WHERE status = 'pending'";
}

std::shared_ptr<const engine::Relation> View(std::string statement) {
  auto relation = std::make_shared<engine::Relation>();
  relation->statement = std::move(statement);
  return relation;
}

}  // namespace

bool MentionsViews(std::string_view sql) {
  return std::any_of(kNames.begin(), kNames.end(), [sql](std::string_view name) {
    return std::search(sql.begin(), sql.end(), name.begin(), name.end(),
                       [](char a, char b) { return Lower(a) == b; }) != sql.end();
  });
}

std::vector<engine::NamedRelation> MakeViews(
    const engine::Relation& events, const std::shared_ptr<const engine::Relation>& records) {
  return {{{"quarantine_records"}, records},
          {{std::string(kNames[0])}, View(QuarantineView(*records))},
          {{std::string(kNames[1])}, View(MetadataView(events, *records))}};
}

}  // namespace tidemark::query
