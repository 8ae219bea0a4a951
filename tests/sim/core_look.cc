// How a life looks at the core: cuts, files, the ledger.
#include <algorithm>
#include <iterator>
#include <set>
#include <span>

#include "lake/file_metrics.h"
#include "sim/core_life.h"

namespace tidemark::sim {
namespace {

constexpr std::size_t kHeldMax = 3;
constexpr std::uint64_t kFileBytesMax = 1ULL << 20;
constexpr std::uint64_t kReadAgainOneIn = 16;

}  // namespace

void CoreLife::Glance() {
  if (!process_) return;
  const auto projects = core().AllProjects();
  for (const auto& [name, project] : *projects) {
    const auto cut = project->cut();
    Expect(cut->HotRows()->row_count() == cut->hot_count(),
           [&] { return "the cut of " + name + " has a gap between lake and hot"; });
  }
}

CoreLife::KnownFile* CoreLife::ReadFile(const std::string& key,
                                        const std::shared_ptr<const event::TableSchema>& columns) {
  KnownFile& file = files_[key];
  const bool fresh = file.bytes_hash != 0 && file.life == report_.crashes + 1;
  if (fresh && !dice_.OneIn(kReadAgainOneIn)) return &file;
  const auto bytes = env::ReadFile(disk_, "lake/" + key, kFileBytesMax);
  if (!bytes) {
    Expect(bytes.error().code() == Code::kIoError,
           "a file of the head: " + bytes.error().ToString());
    return nullptr;
  }
  const std::uint64_t hash = Hash64(*bytes);
  file.life = report_.crashes + 1;
  if (file.bytes_hash != 0) {
    return Expect(file.bytes_hash == hash, [&] { return "a data file has changed: " + key; })
               ? &file
               : nullptr;
  }
  file.bytes_hash = hash;
  const Status read =
      reader_.Read(store_.NativePath(key), columns, [&](const event::RowSource& part) {
        file.rows_hash += lake::MeasureRows(part).rows_hash;
        oracle_.Read(part, &file.rows);
        return Status();
      });
  if (read) return &file;
  Expect(read.error().code() == Code::kIoError,
         "a file of the head cannot be read: " + read.error().ToString());
  files_.erase(key);
  return nullptr;
}

bool CoreLife::ReadKept(const lake::LiveFile& live, const event::TableSchema& columns,
                        KnownFile* file) {
  if (live.added == nullptr) return true;
  std::vector<event::KeptPath> paths;
  for (const event::KeptPath& path : columns.kept.paths) {
    if (!std::ranges::binary_search(*live.added, path.field_id)) continue;
    // A field id means one path and type for ever.
    const bool known = std::ranges::any_of(file->kept, [&path](const event::KeptPath& one) {
      return one.field_id == path.field_id && one.type == path.type && one.keys == path.keys;
    });
    if (known) continue;
    paths.push_back(path);
  }
  if (paths.empty()) return true;
  auto with = std::make_shared<event::TableSchema>(columns);
  for (const event::KeptPath& path : paths) {
    with->columns.push_back({path.name, path.type, false, path.field_id});
  }
  std::span<const Oracle::Row> rows(file->rows);
  const Status read =
      reader_.Read(store_.NativePath(live.key), with, [&](const event::RowSource& part) {
        for (std::size_t i = 0; i < paths.size(); ++i) {
          oracle_.ReadKept(part, columns.columns.size() + i, paths[i],
                           rows.first(part.row_count()));
        }
        rows = rows.subspan(part.row_count());
        return Status();
      });
  Expect(read || read.error().code() == Code::kIoError,
         [&] { return "a file's copies cannot be read: " + read.error().ToString(); });
  if (!read) return false;
  report_.kept_copies += paths.size();
  std::ranges::move(paths, std::back_inserter(file->kept));
  return true;
}

// The ids of a table's backfills: the names of their files have them.
std::set<std::string> CoreLife::BackfillsOf(const Uuid& table) const {
  std::set<std::string> ids;
  const auto ledger = catalog_.state().ledgers.find(table);
  if (!backfills_ || ledger == catalog_.state().ledgers.end()) return ids;
  for (const catalog::LedgerRow& row : ledger->second) {
    if (row.kind == catalog::CommitKind::kCompact) ids.insert(row.commit_id.ToString());
  }
  return ids;
}

bool CoreLife::ReadCut(std::size_t log, const tide::Cut& cut, Hash128* lake_hash) {
  std::vector<Oracle::Row> hot;
  const auto hot_rows = cut.HotRows();
  oracle_.Read(*hot_rows, &hot);
  if (cut.lake) {
    for (const event::KeptPath& path : cut.lake->columns->kept.paths) {
      oracle_.ReadPath(*hot_rows, path, hot);
    }
  }
  bool readable = true;
  std::vector<KnownFile*> files;
  std::set<std::string> theirs;
  static const ForeignWriter::State kNothing;
  const ForeignWriter::State& others =
      cut.lake ? foreign_.At(cut.lake->table, cut.lake->metadata_version) : kNothing;
  if (cut.lake) {
    const std::set<std::string> backfills = BackfillsOf(cut.lake->table);
    const auto is_backfilled = [&](const std::string& key) {
      return std::ranges::any_of(
          backfills, [&](const std::string& id) { return key.find(id) != std::string::npos; });
    };
    cut.lake->files->ForEach([&](const lake::LiveFile& live) {
      if (!readable) return;
      if (!live.ours) {
        theirs.insert(live.key);
        return;
      }
      files.push_back(ReadFile(live.key, cut.lake->columns));
      readable = files.back() != nullptr && ReadKept(live, *cut.lake->columns, files.back());
      if (readable && !files.back()->backfilled) files.back()->backfilled = is_backfilled(live.key);
    });
  }
  if (!readable) return false;
  if (cut.lake && options_.table_format_version == 3) {
    // Every row that is there has got an id.
    Expect(cut.lake->metadata->format_version == 3, "a table is of another format");
    Expect(cut.lake->metadata->next_row_id >= static_cast<std::int64_t>(cut.lake->files->rows()),
           "rows of a v3 table have no ids");
  }
  Expect(theirs == others.files, "what another engine committed is not there, or is back");
  oracle_.BeginCut(log, cut.end(), &others.erased, cut.lake ? cut.lake->columns.get() : nullptr);
  oracle_.See(hot);
  for (const KnownFile* file : files) {
    oracle_.See(file->rows, file->backfilled);
    *lake_hash += file->rows_hash;
  }
  oracle_.EndCut();
  return true;
}

// The streams of a project as they were at one moment.
bool CoreLife::ReadCuts(std::size_t project, const tide::Cuts& cuts) {
  for (const tide::Stream stream : tide::kStreams) {
    Hash128 lake_hash;
    if (!ReadCut(LogOf(project, stream), *cuts[stream], &lake_hash)) return false;
    CheckLedger(project, *cuts[stream], lake_hash);
  }
  oracle_.CheckTogether(project, cuts[tide::Stream::kEvents]->end(),
                        cuts[tide::Stream::kQuarantine]->end());
  return true;
}

void CoreLife::Look() {
  bool all = true;
  for (std::size_t project = 0; project < kProjectCount && !failed(); ++project) {
    const auto cuts = core().CutsOf(kProjects[project]);
    for (const tide::Stream stream : tide::kStreams) {
      oracle_.CheckLatest(LogOf(project, stream), (*cuts)[stream]->end());
    }
    all = ReadCuts(project, *cuts) && all;
  }
  if (all && !failed()) oracle_.EndLimbo();
  CheckHeld();
}

void CoreLife::CheckLedger(std::size_t project, const tide::Cut& cut, const Hash128& lake_hash) {
  if (!cut.lake) return;
  const auto& others = foreign_.At(cut.lake->table, cut.lake->metadata_version);
  if (const lake::Snapshot* head = cut.lake->metadata->current()) {
    Expect(!head->Summary(lake::kSummaryOffsets).empty(), "a head does not say its offsets");
  }
  const auto ledger = catalog_.state().ledgers.find(cut.lake->table);
  if (!Expect(ledger != catalog_.state().ledgers.end(), "no ledger")) return;
  Hash128 hash;
  std::uint64_t rows = 0;
  LogOffset at;
  Epoch epoch;
  bool forgotten = false;
  for (const catalog::LedgerRow& row : ledger->second) {
    if (row.end > cut.settled()) break;
    forgotten = forgotten || row.kind == catalog::CommitKind::kForgotten;
    if (row.kind == catalog::CommitKind::kExternal) continue;
    Expect(row.begin == at, "the ledger jumps");
    Expect(row.epoch >= epoch, "an epoch went back");
    epoch = row.epoch;
    at = row.end;
    rows += row.rows;
    hash += row.rows_hash;
  }
  const bool whole = rows == cut.lake->files->rows() - others.rows && hash == lake_hash;
  Expect(at == cut.settled() && (whole || forgotten || !others.erased.empty()), [&] {
    return "the ledger does not account for the lake of " + std::string(kProjects[project]);
  });
}

// What another engine that opened this head still needs.
void CoreLife::CheckHeadFiles(const tide::Cut& cut, std::set<std::string>* seen) {
  if (!cut.lake) return;
  const auto check = [&](const std::string& key) {
    if (!seen->insert(key).second) return;
    const auto there = store_.Exists(key);
    if (there) Expect(*there, [&] { return "a file of a held head is gone: " + key; });
  };
  check(cut.lake->metadata_key);
  if (const lake::Snapshot* head = cut.lake->metadata->current()) {
    check(store_.KeyOf(head->manifest_list).value());
  }
  for (const lake::ManifestFile& manifest : cut.lake->manifests) {
    check(store_.KeyOf(manifest.path).value());
  }
}

void CoreLife::Hold() {
  if (held_.size() == kHeldMax) {
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(dice_.Below(kHeldMax)));
  }
  const std::size_t project = dice_.Below(projects_);
  held_.push_back(
      {project, core().CutsOf(kProjects[project]), clock_.Now() + options_.pin_deadline});
}

// A cut has exactly the offsets below its end, and what is at an offset never changes: so it reads
// the same for as long as it is held.
void CoreLife::CheckHeld() {
  std::erase_if(held_, [this](const HeldCut& held) { return held.until < clock_.Now(); });
  std::set<std::string> seen;  // Held heads have most of their files in common.
  for (const HeldCut& held : held_) {
    if (!ReadCuts(held.project, *held.cuts)) return;
    for (const tide::Stream stream : tide::kStreams) CheckHeadFiles(*(*held.cuts)[stream], &seen);
  }
}

}  // namespace tidemark::sim
