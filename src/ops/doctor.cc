#include "ops/doctor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "catalog/sqlite_catalog.h"
#include "event/batch.h"
#include "lake/catalog_age.h"
#include "lake/table.h"
#include "meta/database.h"
#include "ops/rebuild.h"
#include "tide/stream.h"
#include "wal/recovery.h"

namespace tidemark::ops {
namespace {

constexpr std::string_view kProbe = "doctor.probe";
constexpr std::string_view kAcceptHint =
    "If it is lost for good, run this with --accept-lost-log: what can be read of it is kept, and "
    "a new log goes on where the lake ends";
constexpr TimeMicros kEarliestNow(1'704'067'200'000'000);  // 2024: a clock before it is unset.

// What the log says, for the checks of the tables.
struct LogFacts {
  std::optional<std::string> log_id;
  wal::Ends first;  // Where what is kept of a project begins.
  wal::Ends end;
  std::uint64_t events = 0;
  std::uint64_t frames = 0;
  bool damaged = false;  // It could not be read to its end.
};

class Examination {
 public:
  explicit Examination(const Premises& premises) : premises_(premises) {}

  std::vector<Check> Run() {
    CheckDisk();
    CheckPermissions();
    CheckClock();
    CheckLog();
    CheckCatalog();
    return std::move(checks_);
  }

 private:
  void Add(std::string name, Finding finding, std::string found, std::string hint = {}) {
    checks_.push_back({std::move(name), finding, std::move(found), std::move(hint)});
  }

  void CheckDisk() {
    const auto free = premises_.disk->FreeBytes();
    if (!free) return Add("disk", Finding::kFailed, free.error().message(), "mount the disk");
    const std::string text = std::to_string(*free >> 20) + " MiB are free";
    if (*free >= kFreeBytesWarning) return Add("disk", Finding::kOk, text);
    Add("disk", *free < kFreeBytesFailed ? Finding::kFailed : Finding::kWarning, text,
        "free some space: the log needs room before anything can settle");
  }

  void CheckPermissions() {
    for (const std::string_view folder : {"", "log", "lake", "spill"}) {
      const auto there = premises_.disk->Exists(folder);
      if (there && !*there) continue;
      std::string probe(folder);
      if (!probe.empty()) probe += '/';
      probe += kProbe;
      Status status = env::WriteFileDurably(premises_.disk, probe, "probe");
      if (status) status = premises_.disk->Remove(probe);
      if (!status) {
        return Add("permissions", Finding::kFailed, status.error().message(),
                   "let the user of the server own the data directory and all in it");
      }
    }
    Add("permissions", Finding::kOk, "files can be made, synced and removed");
  }

  void CheckClock() {
    if (premises_.clock->WallNow() < kEarliestNow) {
      return Add("clock", Finding::kFailed, "it says " + FormatTime(premises_.clock->WallNow()),
                 "set the clock; events without a time get the time of their arrival");
    }
    Add("clock", Finding::kOk, "it says " + FormatTime(premises_.clock->WallNow()));
  }

  void CheckLog() {
    const auto names = premises_.disk->List("log");
    if (!names && names.error().code() == Code::kNotFound) {
      return Add("log", Finding::kOk, "there is none yet");
    }
    if (!names) return Add("log", Finding::kFailed, names.error().message());
    const auto visit = [this](const wal::Frame& frame) -> Status {
      facts_.events += frame.count;
      facts_.first.try_emplace(std::string(frame.project), frame.first_offset);
      TM_ASSIGN(auto batch, event::BatchReader::Open(frame.payload));
      for (event::EventView event;;) {
        TM_ASSIGN(const bool more, batch.Next(&event));
        if (!more) return {};
      }
    };
    auto log = wal::Recover(premises_.disk, "log", *names, visit);
    if (log) {
      if (const Status tail = wal::VisitTail(&*log, visit); !tail) log = Fail(tail.error());
    }
    if (!log) {
      facts_.damaged = true;
      return Add("log", Finding::kFailed, log.error().message(),
                 "put the named file back from a copy; what is settled can still be read by any "
                 "engine from lake/. " +
                     std::string(kAcceptHint));
    }
    facts_.end = log->ends;
    facts_.frames = log->frames;
    if (log->log_id) facts_.log_id = log->log_id->ToString();
    std::string found = std::to_string(log->segments.size()) + " segments, " +
                        std::to_string(log->frames) + " requests with " +
                        std::to_string(facts_.events) + " events read to the end";
    if (log->tail) found += "; the last group, counted, is written again by the next start";
    if (log->torn_bytes > 0) {
      found += "; " + std::to_string(log->torn_bytes) + " bytes of an unfinished group";
    }
    Add("log", Finding::kOk, std::move(found));
  }

  void CheckCatalog() {
    const auto there = premises_.disk->Exists("meta.db");
    if (!there) return Add("catalog", Finding::kFailed, there.error().message());
    const auto locations = StoredTables(*premises_.disk, *premises_.store);
    if (!locations) return Add("catalog", Finding::kFailed, locations.error().message());
    if (!*there) {
      const bool fresh = locations->empty() && !facts_.log_id;
      return fresh ? Add("catalog", Finding::kOk, "there is none yet")
                   : Add("catalog", Finding::kFailed, "meta.db is missing beside old data",
                         "put it back from a backup, or run this with --rebuild-catalog");
    }
    if (const Status status = ReadCatalog(*locations); !status) {
      Add("catalog", Finding::kFailed, status.error().message(),
          "put meta.db back from a backup, or move it away and run this with --rebuild-catalog");
    }
  }

  Status ReadCatalog(const std::vector<std::string>& locations) {
    TM_ASSIGN(auto database, meta::Database::Open(premises_.disk->NativePath("meta.db")));
    TM_TRY(CheckIntegrity(database.get()));
    TM_ASSIGN(auto catalog, catalog::SqliteCatalog::Open(database.get()));
    TM_ASSIGN(const auto tables, catalog->ListTables());
    TM_ASSIGN(const bool is_new, catalog->IsNew());
    if (is_new && (!locations.empty() || facts_.frames > 0)) {
      return Fail(Code::kCorruption, "meta.db is empty beside old data");
    }
    Add("catalog", Finding::kOk, std::to_string(tables.size()) + " tables, sound");
    for (const catalog::TableRecord& table : tables) CheckTable(table);
    for (const std::string& location : locations) {
      const bool known = std::any_of(tables.begin(), tables.end(), [&location](const auto& table) {
        return table.location == location;
      });
      if (!known) CheckUnknown(location);
    }
    return {};
  }

  void CheckUnknown(const std::string& location) {
    const auto log_name = tide::LogNameAt(location);
    Status older;
    if (log_name && facts_.log_id) {
      older = lake::CheckCatalogIsNewest(
          *premises_.store,
          {.location = location, .log_id = *facts_.log_id, .log_end = LogEnd(*log_name)});
    }
    if (!older) {
      return Add("table " + location, Finding::kFailed, "its files are newer than catalog and log",
                 older.error().message());
    }
    Add("table " + location, Finding::kWarning, "the catalog does not know this folder",
        "look at it: no query reads it");
  }

  static Status CheckIntegrity(meta::Database* database) {
    TM_ASSIGN(auto transaction, database->Begin());
    TM_ASSIGN(auto check, transaction.Prepare("PRAGMA integrity_check"));
    TM_ASSIGN(const bool row, check.Step());
    if (row && check.Text(0) == "ok") return {};
    return Fail(Code::kCorruption, "meta.db: " + std::string(row ? check.Text(0) : "no answer"));
  }

  // Of a plain table the server knows the pointer alone: what it names must be there.
  void CheckPlainTable(const catalog::TableRecord& table) {
    const std::string name = "table " + table.ns + "." + table.name;
    const auto key = premises_.store->KeyOf(table.metadata_key);
    if (!key) return;  // Outside the data directory.
    const auto there = premises_.store->Exists(*key);
    if (there && *there) return Add(name, Finding::kOk, "plain, its metadata file is there");
    Add(name, Finding::kFailed, "its metadata file " + *key + " is missing",
        "put the file back from a backup, or drop the table");
  }

  void CheckTable(const catalog::TableRecord& table) {
    if (!table.managed) return CheckPlainTable(table);
    const std::string name = "table " + table.ns + "." + table.name;
    if (const auto metadata = lake::ParseMetadata(table.metadata_bytes)) {
      if (const Status place = lake::CheckPlace(*premises_.store, *metadata, table); !place) {
        return Add(name, Finding::kFailed, "it was made elsewhere", place.error().message());
      }
      if (const Status older = CheckAge(table, *metadata); !older) {
        return Add(name, Finding::kFailed, "its files are newer than catalog and log",
                   older.error().message());
      }
    }
    if (const std::string problem = ProblemOf(table); !problem.empty()) {
      return Add(
          name, Finding::kFailed,
          "the catalog names version " + std::to_string(table.metadata_version) + ": " + problem,
          "put the named file back from a copy; a metadata file alone is written again by "
          "the next start");
    }
    CheckOffsets(name, table);
    std::string text = "version " + std::to_string(table.metadata_version) + ", settled up to " +
                       to_string(table.visible()) + ", every live file is there";
    const auto newest = lake::FindNewestMetadata(*premises_.store, table.location);
    if (newest && newest->record.metadata_key != table.metadata_key) {
      text += "; " + newest->record.metadata_key +
              " is of no commit that the catalog knows, and nothing reads it";
    }
    Add(name, Finding::kOk, std::move(text));
  }

  // Above a gap of the log, too, what a later commit settled is not known.
  Status CheckAge(const catalog::TableRecord& table, const lake::TableMetadata& metadata) const {
    const auto stream = tide::FindStream(table.name);
    if (!stream) return {};
    const std::string log_name = tide::LogName(table.ns, *stream);
    const auto first = facts_.first.find(log_name);
    const bool gap = first != facts_.first.end() && first->second > table.visible();
    TM_ASSIGN(const auto known,
              lake::KnownStateOf(*premises_.store, metadata, table.metadata_version,
                                 gap ? LogOffset(0) : LogEnd(log_name)));
    return lake::CheckCatalogIsNewest(*premises_.store, known);
  }

  LogOffset LogEnd(const std::string& log_name) const {
    const auto end = facts_.end.find(log_name);
    return end == facts_.end.end() ? LogOffset(0) : end->second;
  }

  // Why what the catalog names cannot be read whole; empty: it can.
  std::string ProblemOf(const catalog::TableRecord& table) const {
    const auto exists = premises_.store->Exists(table.metadata_key);
    if (!exists) return exists.error().message();
    if (!*exists) return table.metadata_key + " is missing";
    const auto bytes = premises_.store->Get(table.metadata_key, lake::kMetadataBytesMax);
    if (!bytes) return bytes.error().message();
    const auto metadata = lake::ParseMetadata(*bytes);
    if (!metadata) return table.metadata_key + ": " + metadata.error().message();
    const auto problem = lake::CheckLiveFiles(*premises_.store, *metadata);
    return problem ? std::string() : problem.error().message();
  }

  void CheckOffsets(const std::string& name, const catalog::TableRecord& table) {
    if (!table.managed) return;
    if (table.log_id != facts_.log_id && !facts_.damaged) {
      Add(name, Finding::kFailed,
          "it was settled from log " + table.log_id + ", and log/ " +
              (facts_.log_id ? "holds " + *facts_.log_id : "is empty") +
              ": what was acknowledged from offset " + to_string(table.visible()) +
              " on is not there, and how much that was cannot be known from what is left",
          "put the right log folder back; what is settled can be read from lake/ by any engine. " +
              std::string(kAcceptHint));
    }
    const auto stream = tide::FindStream(table.name);
    if (!stream) return;
    const auto first = facts_.first.find(tide::LogName(table.ns, *stream));
    if (first != facts_.first.end() && first->second > table.visible()) {
      Add(name, Finding::kFailed,
          "the log begins at offset " + to_string(first->second) + ", the lake ends at " +
              to_string(table.visible()) + ": events between them are missing",
          "put the newest copy of meta.db or log/ back. " + std::string(kAcceptHint));
    }
  }

  const Premises& premises_;
  LogFacts facts_;
  std::vector<Check> checks_;
};

}  // namespace

std::string_view FindingName(Finding finding) {
  switch (finding) {
    case Finding::kOk:
      return "ok";
    case Finding::kWarning:
      return "warning";
    case Finding::kFailed:
      break;
  }
  return "failed";
}

std::vector<Check> Examine(const Premises& premises) { return Examination(premises).Run(); }

}  // namespace tidemark::ops
