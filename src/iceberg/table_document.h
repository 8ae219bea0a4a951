// The metadata of a table as the whole JSON document that the specification defines, and what the
// REST catalog may do to it: requirements and updates (Iceberg table spec, "Table Metadata Fields";
// REST specification, TableRequirement and TableUpdate).
//
// The document stays JSON: members that we do not know are kept as they were. Tolerant on input
// (all format versions up to 3, what older writers leave out), strict on output. Value type, one
// thread at a time; a failed Apply leaves it of no use.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/uuid.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

inline constexpr std::size_t kDocumentBytesMax = 256U << 20;  // Inflated.
inline constexpr std::int64_t kPreviousVersionsDefault = 100;
inline constexpr std::size_t kUpdatesMax = 10'000;  // Of one commit; requirements too.

// What a client sends to make a table.
struct NewTable {
  Uuid uuid;
  std::string location;
  JsonValue schema;
  JsonValue spec;        // Null: unpartitioned.
  JsonValue sort_order;  // Null: unsorted.
  JsonValue properties;  // Null: none. `format-version` is taken out.
  std::int64_t now_ms = 0;
};

// The snapshot that a snapshot of a table builds on, if it has one.
inline std::optional<std::int64_t> ParentOf(const JsonValue& snapshot) {
  const JsonValue* parent = snapshot.Find("parent-snapshot-id");
  return parent == nullptr ? std::nullopt : parent->Int();
}

class TableDocument {
 public:
  // The bytes of a metadata file, gzipped or not. 400.
  static Outcome<TableDocument> Parse(std::string_view bytes);
  // A whole new table; field ids are given anew.
  static Outcome<TableDocument> Create(const NewTable& table);
  // Before the updates of a commit that makes a table.
  static TableDocument Blank();

  // One requirement of a commit, of a table that exists. 409 CommitFailedException, 400.
  Done Check(const JsonValue& requirement) const;
  // One update; they are applied in the order they were sent, all before Finish. 400, 409.
  Done Apply(const JsonValue& update, std::int64_t now_ms);
  // What the updates of a commit that makes a table may leave out.
  void Complete(const Uuid& uuid);
  void SetDefaultLocation(std::string_view location);
  // Ends a commit: what only holds for the whole of it is checked and put in order.
  Done Finish(std::int64_t now_ms);
  // An update did something: without one no new version is written.
  bool changed() const { return changed_; }

  // The previous metadata file goes into the log; returns the files that fell out of it.
  std::vector<std::string> PushMetadataLog(std::string_view previous, std::int64_t previous_ms);

  const JsonValue& json() const { return json_; }
  std::string ToJson() const { return json_.ToJson(); }
  // With the snapshots alone that a branch or tag names, or that are the current one.
  std::string ToJsonOfRefs() const;
  // As a `.gz.metadata.json` file.
  std::string ToFile() const;

  int format_version() const;
  std::optional<Uuid> uuid() const;
  std::string location() const;
  std::string Property(std::string_view key) const;  // Empty if it is absent.
  std::optional<std::int64_t> current_snapshot() const;
  std::int64_t last_updated_ms() const;
  // The ids of snapshots that this commit added, in order; and those that it removed.
  const std::vector<std::int64_t>& added_snapshots() const { return added_order_; }
  const std::set<std::int64_t>& removed_snapshots() const { return removed_; }
  // nullptr: none of that id.
  const JsonValue* FindSnapshot(std::int64_t id) const {
    return FindById("snapshots", "snapshot-id", id);
  }
  const JsonValue* CurrentSchema() const;

  // What the server itself says of a commit, beside what the client sent.
  void PutProperty(std::string_view key, std::string_view value);
  void PutSummary(std::int64_t snapshot, const std::map<std::string, std::string>& summary);

 private:
  friend struct TableUpdates;  // The table of what Apply knows.

  explicit TableDocument(JsonValue json) : json_(std::move(json)) {}
  Done Normalize();
  Done NormalizeV1();

  Done AssignUuid(const JsonValue& update);
  Done UpgradeFormat(const JsonValue& update);
  Done AddSchema(const JsonValue& update);
  Done SetCurrentSchema(const JsonValue& update);
  Done AddSpec(const JsonValue& update);
  Done SetDefaultSpec(const JsonValue& update);
  Done AddSortOrder(const JsonValue& update);
  Done SetDefaultSortOrder(const JsonValue& update);
  Done AddSnapshot(const JsonValue& update);
  Done SetRef(const JsonValue& update);
  Done RemoveRef(const JsonValue& update);
  Done RemoveSnapshots(const JsonValue& update);
  Done SetLocation(const JsonValue& update);
  Done SetProperties(const JsonValue& update);
  Done RemoveProperties(const JsonValue& update);
  Done SetStatistics(const JsonValue& update);
  Done RemoveStatistics(const JsonValue& update);
  Done SetPartitionStatistics(const JsonValue& update);
  Done RemovePartitionStatistics(const JsonValue& update);
  Done RemoveSpecs(const JsonValue& update);
  Done RemoveSchemas(const JsonValue& update);
  Done AddEncryptionKey(const JsonValue& update);
  Done RemoveEncryptionKey(const JsonValue& update);

  Done Upgrade(std::int64_t version);
  Done SetMain(std::int64_t snapshot);
  Done PutStatistics(std::string_view list, const JsonValue* statistics);
  Done DropStatistics(std::string_view list, const JsonValue& update);
  void FixSnapshotLog();
  Done CheckRefs() const;
  Done CheckComplete() const;
  void WriteV1();
  JsonValue* List(std::string_view name);  // The member, made if it is absent.
  const JsonValue* FindById(std::string_view list, std::string_view id_name, std::int64_t id) const;
  JsonValue* CurrentSchema();
  // The current one; else the last one that this commit added: some clients name it later.
  const JsonValue* SchemaToBind();
  Done CheckRowLineage(const JsonValue& snapshot);

  JsonValue json_;
  bool changed_ = false;
  std::int64_t now_ms_ = 0;
  std::optional<std::int64_t> updated_ms_;  // Of the snapshots that were added.
  std::optional<std::int64_t> last_schema_, last_spec_, last_order_;  // What -1 means.
  std::set<std::int64_t> added_, removed_, was_main_;                 // Snapshots of this commit.
  std::vector<std::int64_t> added_order_;
};

}  // namespace tidemark::iceberg
