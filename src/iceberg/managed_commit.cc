#include "iceberg/managed_commit.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/json_writer.h"
#include "env/faults.h"
#include "iceberg/admission.h"
#include "iceberg/commit_request.h"
#include "iceberg/guardian.h"
#include "iceberg/schema.h"
#include "iceberg/table_document.h"
#include "lake/metadata.h"
#include "lake/names.h"

namespace tidemark::iceberg {
namespace {

using catalog::CommitKind;
using catalog::LedgerRow;
using catalog::TableChange;
using catalog::TableRecord;

std::string DeletedJson(std::uint64_t rows) {
  std::string json;
  JsonWriter out(&json);
  out.BeginObject().Key("deleted").BeginObject().Field("rows", rows);
  out.Field("hash", std::string_view(Hash128().ToString())).EndObject().EndObject();
  return json;
}

class Commit {
 public:
  Commit(const ManagedParts& parts, const TableRecord& record) : parts_(parts), record_(record) {}

  Outcome<ManagedCommit> Run(const JsonValue& request) {
    ICE_ASSIGN(const TableDocument before, TableDocument::Parse(record_.metadata_bytes));
    TableDocument document = before;
    const std::int64_t now = std::max(FloorDiv(parts_.now.value, 1000), before.last_updated_ms());
    ICE_TRY(ApplyRequest(request, now, &document));
    ICE_TRY(document.Finish(now));
    if (!document.changed()) {
      done_.metadata = document.ToJson();
      return std::move(done_);
    }
    ICE_ASSIGN(const HeadMove move, CheckManaged(before, document, now));
    ICE_TRY(AdmitAll(document));
    ICE_TRY(Inherit(&document));
    done_.changed = true;
    TableChange& change = done_.change;
    change.table = record_.uuid;
    change.base_version = record_.metadata_version;
    change.epoch = parts_.epoch;
    change.head = SnapshotId(document.current_snapshot().value_or(0));
    change.floor = record_.floor;
    ICE_TRY(MoveOffsets(before, move, &document));
    DropHistory(before, &document);
    ICE_TRY(Write(document));
    return std::move(done_);
  }

 private:
  // G5: a table's metadata lies below the table; its data may also lie in a folder that the
  // operator named. What another table has below it, or another project there, is not this one's.
  Done CheckPlace(const std::string& uri, bool data) const {
    const auto key = parts_.store->KeyOf(uri);
    if (key && key->starts_with(record_.location + "/")) return {};
    if (!key && data && parts_.locations->Resolve(uri)) return {};
    return NotValid("G5: " + uri + " does not lie below the table's location " +
                    parts_.store->Uri(record_.location));
  }

  // What a head names is there and durable.
  Done Secure(const std::string& uri, bool data) const {
    ICE_TRY(CheckPlace(uri, data));
    ICE_ASSIGN(const Locations::Place place, parts_.locations->Resolve(uri));
    ICE_ASSIGN(const bool there, place.store->Exists(place.key));
    if (!there) return NotValid("A8: there is no file " + uri);
    ICE_TRY(place.store->Seal(place.key));
    return {};
  }

  // What is damaged is the client's doing; a store that does not answer is not.
  static tl::unexpected<Problem> Unreadable(const Error& error) {
    if (error.code() == Code::kCorruption || error.code() == Code::kInvalidArgument) {
      return NotValid("G5: " + error.message());
    }
    return tl::unexpected<Problem>(error);
  }

  Outcome<std::vector<lake::ManifestFile>> ManifestsOf(const std::string& manifest_list) const {
    ICE_TRY(CheckPlace(manifest_list, false));
    auto manifests = ReadManifestList(*parts_.locations, manifest_list);
    if (!manifests) return Unreadable(manifests.error());
    for (const lake::ManifestFile& manifest : *manifests) ICE_TRY(CheckPlace(manifest.path, false));
    return *std::move(manifests);
  }

  // What is in memory of the parent's manifests is enough.
  Outcome<SnapshotEntries> EntriesBefore(const TableDocument& document,
                                         std::optional<std::int64_t> snapshot) const {
    SnapshotEntries files;
    if (!snapshot) return files;
    const JsonValue* found = document.FindSnapshot(*snapshot);
    if (found == nullptr) return NotValid("G8: the parent of a new snapshot is not in the table");
    ICE_ASSIGN(files.manifests, ManifestsOf(TextOr(*found, "manifest-list")));
    auto contents = parts_.manifests->Read(*parts_.locations, files.manifests);
    if (!contents) return Unreadable(contents.error());
    for (const SharedManifest& content : *contents) {
      files.entries.emplace_back(content, &content->entries);
    }
    return files;
  }

  // New manifests are read whole, the others are the parent's.
  Outcome<SnapshotEntries> EntriesAfter(const std::string& manifest_list,
                                        const SnapshotEntries& before) const {
    std::map<std::string_view, SnapshotEntries::Shared> old;
    for (std::size_t i = 0; i < before.manifests.size(); ++i) {
      old.emplace(before.manifests[i].path, before.entries[i]);
    }
    SnapshotEntries files;
    ICE_ASSIGN(files.manifests, ManifestsOf(manifest_list));
    lake::avro::SchemaCache schemas;
    for (const lake::ManifestFile& manifest : files.manifests) {
      if (const auto found = old.find(manifest.path); found != old.end()) {
        files.entries.push_back(found->second);
        continue;
      }
      auto entries = ReadManifestWhole(*parts_.locations, manifest, &schemas);
      if (!entries) return Unreadable(entries.error());
      files.entries.push_back(
          std::make_shared<const std::vector<lake::ManifestEntry>>(*std::move(entries)));
    }
    return files;
  }

  Done AdmitAll(const TableDocument& document) {
    if (document.added_snapshots().empty()) return {};
    ICE_ASSIGN(const lake::TableMetadata metadata,
               lake::ParseMetadata(document.ToJson(), parts_.known_parts));
    std::vector<OffsetRange> inputs;
    for (const std::int64_t id : document.added_snapshots()) {
      const JsonValue* snapshot = document.FindSnapshot(id);
      if (snapshot == nullptr) continue;  // Added and removed again.
      const std::string list = TextOr(*snapshot, "manifest-list");
      ICE_ASSIGN(const SnapshotEntries before, EntriesBefore(document, ParentOf(*snapshot)));
      ICE_ASSIGN(const SnapshotEntries after, EntriesAfter(list, before));
      AdmissionRequest request;
      request.before = &before;
      request.after = &after;
      request.metadata = &metadata;
      request.snapshot = id;
      request.sequence_number = IntOr(*snapshot, "sequence-number", 0);
      request.operation = TextOr(MemberOf(*snapshot, "summary"), "operation");
      request.equality_deletes = document.Property(kPropertyEqualityDeletes) == "allow";
      request.inputs = std::move(inputs);
      ICE_ASSIGN(Admitted admitted, Admit(request));
      for (const std::string& uri : admitted.added_files) ICE_TRY(Secure(uri, true));
      for (const std::string& uri : admitted.manifests) ICE_TRY(Secure(uri, false));
      ICE_TRY(Secure(list, false));
      inputs = admitted.inputs;
      admitted_[id] = std::move(admitted);
    }
    return {};
  }

  // The offsets that a snapshot on top of `parent` stands for.
  Outcome<LogOffset> OffsetsUnder(const TableDocument& document,
                                  std::optional<std::int64_t> parent) const {
    if (parent == HeadBefore()) return record_.visible();
    const JsonValue* found = document.FindSnapshot(parent.value_or(-1));
    if (found == nullptr) return LogOffset(0);
    const std::string text = TextOr(MemberOf(*found, "summary"), lake::kSummaryOffsets);
    ICE_ASSIGN(const LogOffset offset, lake::ParseOffsets(text));
    return offset;
  }

  std::optional<std::int64_t> HeadBefore() const {
    return record_.head == SnapshotId(0) ? std::nullopt : std::optional(record_.head.value);
  }

  Done Inherit(TableDocument* document) {
    if (env::Planted(env::Bug::kOffsetsNotInherited)) return {};
    for (const std::int64_t id : document->added_snapshots()) {
      const JsonValue* snapshot = document->FindSnapshot(id);
      if (snapshot == nullptr) continue;
      ICE_ASSIGN(const LogOffset offset, OffsetsUnder(*document, ParentOf(*snapshot)));
      const auto put = [](std::string_view key) { return std::string(key); };
      std::map<std::string, std::string> summary;
      summary[put(lake::kSummaryKind)] = catalog::KindName(CommitKind::kExternal);
      summary[put(lake::kSummaryLogId)] = record_.log_id;
      summary[put(lake::kSummaryEpoch)] = to_string(parts_.epoch);
      summary[put(lake::kSummaryCommitId)] = parts_.new_id().ToString();
      summary[put(lake::kSummaryBegin)] = lake::OffsetsJson(offset);
      summary[put(lake::kSummaryOffsets)] = lake::OffsetsJson(offset);
      summary[put(lake::kSummaryRowsHash)] = Hash128().ToString();
      const Admitted& admitted = admitted_[id];
      summary[put(lake::kSummaryDropped)] =
          admitted.only_adds() ? "{}" : DeletedJson(admitted.removed_rows + admitted.deleted_rows);
      document->PutSummary(id, summary);
    }
    return {};
  }

  // What the head of main stands for after the commit: as before. Going back to an ancestor leaves
  // out its rows for good: the floor takes the place of the offsets.
  Done MoveOffsets(const TableDocument& before, HeadMove move, TableDocument* document) {
    TableChange& change = done_.change;
    if (move == HeadMove::kNone) return {};
    const std::int64_t to = *document->current_snapshot();
    const auto& added = document->added_snapshots();
    if (std::ranges::find(added, to) != added.end()) {
      change.ledger = LedgerOf(before, *document, to);
    } else {
      ICE_ASSIGN(const LogOffset offset,
                 lake::ParseOffsets(TextOr(MemberOf(*document->FindSnapshot(to), "summary"),
                                           lake::kSummaryOffsets)));
      change.off_head = offset;
      const bool sinks = env::Planted(env::Bug::kFloorSinks);
      if (offset < record_.visible() && !sinks) change.floor = record_.visible();
      ICE_TRY(catalog::CheckMove(change, record_.visible()));
    }
    document->PutProperty(lake::kPropertyOffsets,
                          lake::OffsetsJson(change.OffHead(record_.off_head)));
    document->PutProperty(lake::kPropertyFloor, lake::OffsetsJson(change.floor));
    return {};
  }

  LedgerRow LedgerOf(const TableDocument& before, const TableDocument& document,
                     std::int64_t head) {
    const JsonValue& snapshot = *document.FindSnapshot(head);
    LedgerRow row;
    row.table = record_.uuid;
    row.snapshot = SnapshotId(head);
    row.parent = SnapshotId(before.current_snapshot().value_or(0));
    row.sequence = IntOr(snapshot, "sequence-number", 0);
    row.committed_at = TimeMicros(IntOr(snapshot, "timestamp-ms", 0) * 1'000);
    row.kind = CommitKind::kExternal;
    row.log_id = record_.log_id;
    row.epoch = parts_.epoch;
    row.begin = row.end = record_.visible();
    const auto id = Uuid::Parse(TextOr(MemberOf(snapshot, "summary"), lake::kSummaryCommitId));
    row.commit_id = id.value_or(parts_.new_id());
    std::uint64_t deleted = 0;
    for (std::optional<std::int64_t> at = head; at && admitted_.contains(*at);
         at = ParentOf(*document.FindSnapshot(*at))) {
      row.rows += admitted_[*at].added_rows;
      deleted += admitted_[*at].removed_rows + admitted_[*at].deleted_rows;
    }
    if (deleted > 0) row.dropped["deleted"].rows = deleted;
    return row;
  }

  void AddGarbage(const std::string& uri, std::string reason) {
    auto key = parts_.store->KeyOf(uri);
    if (!key) return;
    done_.change.garbage.push_back(
        {*std::move(key), record_.uuid, std::move(reason), parts_.readers_until});
  }

  void DropHistory(const TableDocument& before, TableDocument* document) {
    const std::string previous = parts_.store->Uri(record_.metadata_key);
    for (const std::string& uri : document->PushMetadataLog(previous, before.last_updated_ms())) {
      AddGarbage(uri, "metadata");
    }
    for (const std::int64_t id : document->removed_snapshots()) {
      const JsonValue* snapshot = before.FindSnapshot(id);
      if (snapshot != nullptr) AddGarbage(TextOr(*snapshot, "manifest-list"), "expired");
    }
  }

  Done Write(const TableDocument& document) {
    const bool plain = document.Property(lake::kPropertyMetadataCodec) == "none";
    done_.metadata = document.ToJson();
    TableChange& change = done_.change;
    change.metadata_key =
        lake::MetadataKey(record_.location, record_.metadata_version + 1, parts_.new_id(), !plain);
    change.metadata_bytes = plain ? done_.metadata : document.ToFile();
    const Status put = parts_.store->Put(change.metadata_key, change.metadata_bytes);
    if (put) return {};
    // It may be there, whole or torn, and nothing will ever name it.
    static_cast<void>(parts_.store->Remove(change.metadata_key).has_value());
    return tl::unexpected<Problem>(put.error());
  }

  const ManagedParts& parts_;
  const TableRecord& record_;
  std::map<std::int64_t, Admitted> admitted_;  // By snapshot.
  ManagedCommit done_;
};

}  // namespace

Outcome<ManagedCommit> PrepareManaged(const ManagedParts& parts, const TableRecord& record,
                                      const JsonValue& request) {
  return Commit(parts, record).Run(request);
}

}  // namespace tidemark::iceberg
