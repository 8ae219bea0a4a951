#include "lake/catalog_age.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/json_reader.h"
#include "env/faults.h"
#include "lake/known_parts.h"
#include "lake/names.h"

namespace tidemark::lake {
namespace {

bool HasGivenUp(const TableMetadata& metadata, std::string_view log_id) {
  const std::string_view lost = metadata.Property(kPropertyLostLogs);
  const auto logs = JsonValue::Parse(lost.empty() ? "[]" : lost);
  if (!logs || !logs->is_array()) return false;
  return std::ranges::any_of(
      logs->items(), [&](const JsonValue& one) { return one.StringAt("log-id") == log_id; });
}

// Up to where all is known of the log that fed the later metadata; nothing: it does not count.
std::optional<LogOffset> KnownOf(const TableMetadata& later, const KnownState& known) {
  if (later.Property(kPropertyLogId) == known.log_id) return std::max(known.settled, known.log_end);
  if (HasGivenUp(later, known.log_id)) return known.settled;
  return std::nullopt;
}

// "shop.events" of "shop/events-0123abcd".
std::string TitleOf(std::string_view location) {
  std::string title(location.substr(0, location.rfind('-')));
  std::ranges::replace(title, '/', '.');
  return title;
}

tl::unexpected<Error> Older(const KnownState& known, const std::string& key, LogOffset end,
                            LogOffset settled) {
  const std::string title = TitleOf(known.location);
  const std::string what =
      known.version < 0
          ? "the catalog is older than the table " + title +
                ", of which it knows nothing: the log ends at offset "
          : "the catalog is older than the table " + title + ": catalog and log end at offset ";
  return Fail(Code::kCorruption,
              what + to_string(end) + ", and up to " + to_string(settled) + " was settled (" + key +
                  "); put back meta.db and log/ of the time of lake/, or move meta.db away and "
                  "run `tidemark doctor --rebuild-catalog`");
}

// Of the first that another engine has added since; nothing: none has.
std::optional<SnapshotId> ForeignSince(const TableMetadata& later, const KnownState& known) {
  for (const auto& snapshot : later.snapshots) {
    const bool foreign =
        snapshot->Summary(kSummaryKind) == KindName(catalog::CommitKind::kExternal);
    if (foreign && snapshot->sequence_number > known.sequence_number) return snapshot->id;
  }
  return std::nullopt;
}

// The files after the catalog's that this one has come from.
void AddPast(const env::ObjectStore& store, const TableMetadata& later, const KnownState& known,
             std::set<std::string>* past) {
  for (const MetadataLogEntry& entry : later.metadata_log) {
    auto key = store.KeyOf(entry.metadata_file);
    if (key && VersionOf(*key).value_or(-1) > known.version) past->insert(*std::move(key));
  }
}

tl::unexpected<Error> Undoes(const KnownState& known, const std::string& key, SnapshotId commit) {
  return Fail(
      Code::kCorruption,
      "the catalog is older than the table " + TitleOf(known.location) +
          ": another engine's commit, snapshot " + to_string(commit) + " (" + key +
          "), came after it, and to go on would undo it; put back meta.db of the time of "
          "lake/, or move meta.db away and run `tidemark doctor --rebuild-catalog`. To give "
          "the commit up, move the metadata files above version " +
          std::to_string(known.version) + " out of the table's folder");
}

bool CannotAnswer(const Error& error) {
  return error.code() == Code::kIoError || error.code() == Code::kUnavailable;
}

}  // namespace

Result<LogOffset> SettledBy(const TableMetadata& metadata) {
  TM_ASSIGN(const LogOffset offset, ParseOffsets(metadata.Property(kPropertyOffsets)));
  TM_ASSIGN(const LogOffset floor, ParseOffsets(metadata.Property(kPropertyFloor)));
  return std::max(offset, floor);
}

Result<KnownState> KnownStateOf(const env::ObjectStore& store, const TableMetadata& head,
                                std::int64_t version, LogOffset log_end) {
  KnownState known;
  TM_ASSIGN(known.location, store.KeyOf(head.location));
  known.version = version;
  known.log_id = head.Property(kPropertyLogId);
  TM_ASSIGN(known.settled, SettledBy(head));
  known.log_end = log_end;
  known.sequence_number = head.last_sequence_number;
  return known;
}

Status CheckCatalogIsNewest(const env::ObjectStore& store, const KnownState& known) {
  TM_ASSIGN(const auto keys, store.List(known.location + "/metadata/"));
  KnownParts parts;  // Most of a version is that of the one after.
  std::set<std::string> committed;
  std::map<std::string, SnapshotId> foreign;  // By file.
  // Latest first: if one is too new, it mostly is.
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    const auto version = VersionOf(*key);
    if (!version || *version <= known.version) continue;
    if (env::Planted(env::Bug::kOlderFarTaken) && *version > known.version + 1) continue;
    if (env::Planted(env::Bug::kOlderNearTaken) && *version == known.version + 1) continue;
    const auto bytes = store.Get(*key, kMetadataBytesMax);
    if (!bytes && CannotAnswer(bytes.error())) return Fail(bytes.error());
    if (!bytes) continue;
    const auto later = ParseMetadata(*bytes, &parts);
    if (!later || later->Property(kPropertyManaged) != "true") continue;
    const auto settled = SettledBy(*later);
    const auto end = KnownOf(*later, known);
    if (!settled || !end) continue;
    if (*settled > *end) return Older(known, *key, *end, *settled);
    AddPast(store, *later, known, &committed);
    if (const auto commit = ForeignSince(*later, known)) foreign.emplace(*key, *commit);
  }
  if (env::Planted(env::Bug::kForeignCommitsUndone)) return {};
  for (const auto& [key, commit] : foreign) {
    if (committed.contains(key)) return Undoes(known, key, commit);
  }
  return {};
}

}  // namespace tidemark::lake
