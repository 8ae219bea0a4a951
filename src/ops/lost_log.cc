#include "ops/lost_log.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/json_reader.h"
#include "catalog/sqlite_catalog.h"
#include "lake/catalog_age.h"
#include "lake/metadata.h"
#include "lake/names.h"
#include "meta/database.h"
#include "tide/stream.h"
#include "wal/log.h"
#include "wal/recovery.h"
#include "wal/salvage.h"

namespace tidemark::ops {
namespace {

constexpr std::string_view kFolder = "log";
constexpr std::string_view kUnfinished = "log.new";
constexpr std::string_view kSetAside = "log.lost-";
constexpr std::uint64_t kGroupBytes = 8_MiB;  // What is carried with one sync.

using Tables = std::vector<catalog::TableRecord>;

// Nothing if there is no such folder.
Result<std::vector<std::string>> NamesIn(const env::Disk& disk, std::string_view folder) {
  auto names = disk.List(folder);
  if (!names && names.error().code() == Code::kNotFound) return std::vector<std::string>();
  return names;
}

Status RemoveFolder(env::Disk* disk, std::string_view folder) {
  TM_ASSIGN(const auto names, NamesIn(*disk, folder));
  for (const std::string& name : names) TM_TRY(disk->Remove(std::string(folder) + "/" + name));
  return {};
}

// The tables that a log feeds, which must be one log. None: nothing was ever settled.
Result<Tables> FedTables(catalog::SqliteCatalog* catalog) {
  TM_ASSIGN(Tables tables, catalog->ListTables());
  std::erase_if(tables, [](const auto& table) { return !table.managed; });
  for (const catalog::TableRecord& table : tables) {
    if (table.log_id == tables.front().log_id) continue;
    return Fail(Code::kCorruption, "the tables are of more than one log: " + tables.front().log_id +
                                       " and " + table.log_id);
  }
  return tables;
}

std::map<std::string, LogOffset, std::less<>> SettledEnds(const Tables& tables) {
  std::map<std::string, LogOffset, std::less<>> ends;
  for (const catalog::TableRecord& table : tables) {
    const auto stream = tide::FindStream(table.name);
    if (stream) ends[tide::LogName(table.ns, *stream)] = table.visible();
  }
  return ends;
}

// Whether a start would go on with log/ as it is, or must not be helped to lose what is in it.
// `old_log`: the one that the tables name; empty: there is no table.
Status CheckLost(env::Disk* disk, const Tables& tables, const std::string& old_log) {
  TM_ASSIGN(const auto names, NamesIn(*disk, kFolder));
  auto next = SettledEnds(tables);
  bool jumps = false;
  const auto log = wal::Recover(disk, std::string(kFolder), names, [&](const wal::Frame& frame) {
    LogOffset& at = next[std::string(frame.project)];
    jumps = jumps || frame.first_offset > at;
    at = std::max(at, frame.end_offset());
    return Status();
  });
  if (!log && log.error().code() != Code::kCorruption) return Fail(log.error());
  if (!log || jumps) return {};
  const std::string found = log->log_id ? log->log_id->ToString() : std::string();
  if (found == old_log || old_log.empty()) {
    return Fail(Code::kConflict,
                "the log is whole and goes on from what is settled: nothing is lost");
  }
  // A start that was refused made one without events.
  if (log->frames == 0 && !log->tail) return {};
  return Fail(Code::kConflict,
              "log/ holds another log (" + found +
                  "), which has events: put the right one back, or move this one away first");
}

// Puts frames into the new log at the offsets that they had as far as these are settled, and
// without gaps from there on.
class Carrier {
 public:
  Carrier(wal::Log* log, std::map<std::string, LogOffset, std::less<>> settled)
      : log_(log), settled_(std::move(settled)), seen_(settled_) {}

  Status Carry(const wal::Frame& frame) {
    const LogOffset settled = settled_[std::string(frame.project)];
    LogOffset& seen = seen_[std::string(frame.project)];
    const LogOffset first = std::min(frame.first_offset, settled);
    LogOffset& next = next_.try_emplace(std::string(frame.project)).first->second;
    if (frame.first_offset > seen)
      lost_[std::string(frame.project)].push_back({seen, frame.first_offset});
    if (frame.end_offset() > settled) {
      carried_[std::string(frame.project)] +=
          static_cast<std::uint64_t>(frame.end_offset() - std::max(frame.first_offset, settled));
    }
    seen = std::max(seen, frame.end_offset());
    if (next < first) {
      TM_TRY(Write());
      log_->RaiseOffset(frame.project, first);
      next = first;
    }
    next = next + frame.count;
    bytes_ += frame.payload.size();
    frames_.push_back({std::string(frame.project), frame.count, std::string(frame.payload)});
    return bytes_ < kGroupBytes ? Status() : Write();
  }

  // `ends`: how far the old log is known to have gone.
  Status Finish(const wal::Ends& ends) {
    TM_TRY(Write());
    for (const auto& [project, end] : ends) {
      LogOffset& seen = seen_[project];
      if (end > seen) lost_[project].push_back({seen, end});
      seen = std::max(seen, end);
    }
    return {};
  }

  std::vector<LostStream> Streams() {
    std::vector<LostStream> streams;
    for (const auto& [project, end] : seen_) {
      const auto name = tide::ParseLogName(project);
      if (!name) continue;
      LostStream& stream = streams.emplace_back();
      stream.ns = name->project;
      stream.table = tide::TableName(name->stream);
      stream.settled = settled_[project];
      stream.carried = carried_[project];
      stream.lost = std::move(lost_[project]);
    }
    return streams;
  }

 private:
  struct Copy {
    std::string project;
    std::uint32_t count = 0;
    std::string payload;
  };

  Status Write() {
    if (frames_.empty()) return {};
    std::vector<wal::Append> group;
    group.reserve(frames_.size());
    for (const Copy& copy : frames_) group.push_back({copy.project, copy.count, copy.payload});
    std::vector<LogOffset> offsets;
    TM_TRY(log_->WriteGroup(group, &offsets));
    TM_TRY(log_->SyncNow());
    frames_.clear();
    bytes_ = 0;
    return {};
  }

  wal::Log* const log_;
  std::map<std::string, LogOffset, std::less<>> settled_;
  std::map<std::string, LogOffset, std::less<>> seen_;  // Of the old log's offsets.
  std::map<std::string, LogOffset, std::less<>> next_;  // Of the new one's.
  std::map<std::string, std::uint64_t> carried_;
  std::map<std::string, std::vector<LostStream::Range>> lost_;
  std::vector<Copy> frames_;
  std::uint64_t bytes_ = 0;
};

// The new log, durable, under a name that no start looks at.
Result<Uuid> WriteNewLog(const Premises& premises, const Tables& tables, env::Random* random,
                         AcceptedLoss* loss) {
  TM_TRY(RemoveFolder(premises.disk, kUnfinished));
  wal::LogOptions options{.folder = std::string(kUnfinished)};
  options.frame_bytes_max = 512_MiB;  // Whatever the server's limits were.
  options.group_bytes_max = 1_GiB;
  TM_ASSIGN(const auto log, wal::Log::Open(premises.disk, premises.clock, random, options,
                                           [](const wal::Frame&) { return Status(); }));
  loss->new_log = log->log_id().ToString();
  Carrier carrier(log.get(), SettledEnds(tables));
  TM_ASSIGN(const auto names, NamesIn(*premises.disk, kFolder));
  TM_ASSIGN(wal::Salvaged salvaged,
            wal::Salvage(premises.disk, std::string(kFolder), names, Uuid::Parse(loss->old_log),
                         [&](const wal::Frame& frame) { return carrier.Carry(frame); }));
  TM_TRY(carrier.Finish(salvaged.ends));
  if (loss->old_log.empty() && salvaged.log_id) loss->old_log = salvaged.log_id->ToString();
  loss->frames = salvaged.frames;
  loss->problems = std::move(salvaged.problems);
  loss->streams = carrier.Streams();
  return log->log_id();
}

// A lake of a later time than the catalog has events that would be given up with the log.
Status CheckCatalogs(const Premises& premises, const Tables& tables, const AcceptedLoss& loss) {
  for (const catalog::TableRecord& table : tables) {
    LogOffset end = table.visible();  // To which nothing is missing.
    for (const LostStream& stream : loss.streams) {
      if (stream.ns != table.ns || stream.table != table.name) continue;
      end = stream.lost.empty() ? stream.settled + static_cast<std::int64_t>(stream.carried)
                                : stream.lost.front().begin;
    }
    TM_ASSIGN(const auto metadata, lake::ParseMetadata(table.metadata_bytes));
    TM_ASSIGN(const auto known,
              lake::KnownStateOf(*premises.store, metadata, table.metadata_version, end));
    TM_TRY(lake::CheckCatalogIsNewest(*premises.store, known));
  }
  return {};
}

// What the table says from now on about the log that it was fed from until `settled`.
std::string LostLogsJson(std::string_view before, const catalog::TableRecord& table,
                         std::int64_t now_ms) {
  auto logs = JsonValue::Parse(before.empty() ? "[]" : before);
  if (!logs || !logs->is_array()) logs = JsonValue::Array();
  logs->Append(JsonValue::Object());
  JsonValue& lost = logs->items().back();
  lost.Set("log-id", table.log_id);
  lost.Set("settled", table.visible().value);
  lost.Set("accepted-at-ms", now_ms);
  return logs->ToJson();
}

// The table's next metadata file, which names the new log.
Result<catalog::ContinuedTable> ContinueTable(const Premises& premises,
                                              const catalog::TableRecord& table,
                                              const Uuid& new_log) {
  TM_ASSIGN(lake::TableMetadata metadata, lake::ParseMetadata(table.metadata_bytes));
  if (metadata.Property(lake::kPropertyLogId) != table.log_id) {
    return Fail(Code::kCorruption, "table " + table.ns + "." + table.name +
                                       ": the catalog and the table's metadata disagree about"
                                       " the log");
  }
  catalog::ContinuedTable next;
  next.table = table.uuid;
  next.base_version = table.metadata_version;
  const TimeMicros now = premises.clock->WallNow();
  for (const std::string& uri :
       lake::PushMetadataLog(&metadata, premises.store->Uri(table.metadata_key))) {
    const auto key = premises.store->KeyOf(uri);
    if (key) next.garbage.push_back({*key, table.uuid, "metadata", now});
  }
  metadata.last_updated_ms = lake::NextTimestamp(metadata, now);
  std::string& lost = metadata.properties[std::string(lake::kPropertyLostLogs)];
  lost = LostLogsJson(lost, table, metadata.last_updated_ms);
  metadata.properties[std::string(lake::kPropertyLogId)] = new_log.ToString();
  next.metadata_key = lake::MetadataKey(table.location, table.metadata_version + 1, new_log,
                                        lake::GzipsMetadata(metadata));
  next.metadata_bytes = lake::WriteMetadataFile(metadata);
  TM_TRY(premises.store->Put(next.metadata_key, next.metadata_bytes));
  return next;
}

Result<std::optional<Uuid>> LogIdIn(env::Disk* disk, std::string_view folder) {
  TM_ASSIGN(const auto names, NamesIn(*disk, folder));
  const auto log =
      wal::Recover(disk, std::string(folder), names, [](const wal::Frame&) { return Status(); });
  if (!log && log.error().code() == Code::kCorruption) return std::optional<Uuid>();
  if (!log) return Fail(log.error());
  return log->log_id;
}

// The metadata files of an attempt that a crash ended before the catalog named them.
Status RemoveAttempt(const Premises& premises, const Tables& tables, const Uuid& attempt) {
  for (const catalog::TableRecord& table : tables) {
    for (const bool gzip : {false, true}) {
      const Status removed = premises.store->Remove(
          lake::MetadataKey(table.location, table.metadata_version + 1, attempt, gzip));
      if (!removed && removed.error().code() != Code::kNotFound) return removed;
    }
  }
  return {};
}

// From here on the tables name the log in log.new.
Status SwapFolders(env::Disk* disk, AcceptedLoss* loss) {
  TM_ASSIGN(const bool there, disk->Exists(kFolder));
  if (there) {
    loss->set_aside = std::string(kSetAside) + loss->new_log;
    for (;;) {  // A start that was refused between two calls made one more.
      TM_ASSIGN(const bool taken, disk->Exists(loss->set_aside));
      if (!taken) break;
      loss->set_aside.push_back('+');
    }
    TM_TRY(disk->Rename(kFolder, loss->set_aside));
  }
  TM_TRY(disk->Rename(kUnfinished, kFolder));
  return disk->SyncDir("");
}

}  // namespace

Result<AcceptedLoss> AcceptLostLog(const Premises& premises, env::Random* random) {
  TM_ASSIGN(const bool there, premises.disk->Exists("meta.db"));
  if (!there) {
    return Fail(Code::kNotFound, "meta.db is missing, too: run this with --rebuild-catalog first");
  }
  TM_ASSIGN(auto database, meta::Database::Open(premises.disk->NativePath("meta.db")));
  TM_ASSIGN(auto catalog, catalog::SqliteCatalog::Open(database.get()));
  TM_ASSIGN(const Tables tables, FedTables(catalog.get()));
  AcceptedLoss loss;
  if (!tables.empty()) loss.old_log = tables.front().log_id;
  TM_ASSIGN(const auto unfinished, LogIdIn(premises.disk, kUnfinished));
  if (unfinished) {
    TM_ASSIGN(const Epoch owned, catalog->CurrentEpoch(unfinished->ToString()));
    if (owned != Epoch(0)) {  // A crash came before the swap.
      loss.carried_on = true;
      loss.new_log = unfinished->ToString();
      TM_TRY(SwapFolders(premises.disk, &loss));
      return loss;
    }
    TM_TRY(RemoveAttempt(premises, tables, *unfinished));
  }
  TM_TRY(CheckLost(premises.disk, tables, loss.old_log));
  TM_ASSIGN(const Uuid new_log, WriteNewLog(premises, tables, random, &loss));
  TM_TRY(CheckCatalogs(premises, tables, loss));
  TM_TRY(premises.disk->SyncDir(""));
  std::vector<catalog::ContinuedTable> continued;
  for (const catalog::TableRecord& table : tables) {
    TM_ASSIGN(auto next, ContinueTable(premises, table, new_log));
    continued.push_back(std::move(next));
  }
  TM_TRY(catalog->ContinueLog(loss.old_log, loss.new_log, continued));
  TM_TRY(SwapFolders(premises.disk, &loss));
  return loss;
}

}  // namespace tidemark::ops
