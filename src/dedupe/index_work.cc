// Opening the index, and what its own thread does: tables become runs, runs become larger runs.
#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "dedupe/index.h"
#include "dedupe/run_writer.h"
#include "env/faults.h"
#include "telemetry/log_line.h"

namespace tidemark::dedupe {
namespace {

constexpr std::size_t kMergeInputsMax = 64;

// Runs of one size are those between one power of four and the next.
unsigned SizeOf(const Run& run) {
  return static_cast<unsigned>(std::bit_width(run.count()) + 1) / 2;
}

}  // namespace

Result<std::unique_ptr<Index>> Index::Open(IndexOptions options, IndexParts parts) {
  std::unique_ptr<Index> index(new Index(std::move(options), parts));
  if (const Status loaded = index->Load(); !loaded) {
    return Fail(Error(loaded.error()).With("index of ids"));
  }
  return index;
}

Status Index::Load() {
  env::Disk& disk = *parts_.disk;
  TM_TRY(disk.MakeDir(options_.folder));
  TM_TRY(disk.SyncDir(env::ParentOf(options_.folder)));
  const std::string path = options_.folder + "/" + std::string(kManifestName);
  TM_ASSIGN(const bool known, disk.Exists(path));
  auto state = std::make_shared<State>();
  if (known) {
    TM_ASSIGN(const std::string bytes, env::ReadFile(disk, path, kManifestBytesMax));
    manifest_hashes_ = {Hash64(bytes)};
    auto manifest = DecodeManifest(bytes);
    if (!manifest) {
      return Fail(Code::kCorruption, path + " is damaged: remove the folder " + options_.folder +
                                         " to begin with the ids that the log still holds");
    }
    manifest_ = *std::move(manifest);
    for (std::size_t i = 0; i < kFamilies; ++i) {
      for (const std::uint64_t run : manifest_.runs[i]) {
        TM_ASSIGN(auto opened,
                  Run::Open(&disk, options_.folder + "/" + RunName(static_cast<Family>(i), run),
                            parts_.budget));
        state->runs[i].push_back(std::move(opened));
      }
    }
  } else {
    for (std::size_t i = 0; i < kSecretBytes / sizeof(std::uint64_t); ++i) {
      const std::uint64_t word = parts_.random->Next();
      manifest_.secret.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
  }
  // Two owners never give two files one name.
  manifest_.next_run = parts_.random->Next() << 20;
  secret_ = manifest_.secret;
  clock_ = WindowClock(manifest_.clock);
  committed_ = manifest_.sequence;
  checkpoint_ = manifest_.sequence;
  now_second_ = clock_.second();
  Measure(*state);
  state_.Store(std::move(state));
  // The manifest may be seen only because its name was changed just before a crash, or because its
  // sync failed: then a power failure brings the one before back, and its runs must be there.
  if (known) TM_TRY(WriteManifest(manifest_));
  return RemoveStrangers();
}

// Runs that no manifest names: of writes that a crash interrupted.
Status Index::RemoveStrangers() {
  TM_ASSIGN(const auto names, parts_.disk->List(options_.folder));
  for (const std::string& name : names) {
    if (!name.ends_with(".run")) continue;
    bool named = false;
    for (std::size_t i = 0; i < kFamilies; ++i) {
      for (const std::uint64_t run : manifest_.runs[i]) {
        named = named || RunName(static_cast<Family>(i), run) == name;
      }
    }
    if (!named) TM_TRY(parts_.disk->Remove(options_.folder + "/" + name));
  }
  return {};
}

Status Index::Reset() {
  Manifest empty;
  empty.secret = manifest_.secret;
  empty.next_run = manifest_.next_run;
  TM_TRY(WriteManifest(empty));
  manifest_ = std::move(empty);
  clock_ = WindowClock();
  committed_ = 0;
  checkpoint_ = 0;
  merging_.reset();
  NewTables();
  state_.Store(std::make_shared<const State>());
  parts_.metrics->resets.Add();
  return RemoveStrangers();
}

Result<bool> Index::Work() {
  const auto state = state_.Load();
  auto done = [&]() -> Result<bool> {
    if (!state->sealed.empty()) {
      TM_TRY(WriteSealed(*state->sealed.front()));
      return true;
    }
    return MergeSome();
  }();
  if (!done) {
    parts_.metrics->failed_steps.Add();
    // What was sealed does not care about a merge, but both are begun again: it is rare.
    if (merging_) RemoveLater(merging_->path);
    merging_.reset();
  }
  return done;
}

Status Index::WriteSealed(const Sealed& sealed) {
  State next = *state_.Load();
  const std::uint32_t second =
      static_cast<std::uint32_t>(sealed.clock.micros / WindowClock::kMicrosPerSecond);
  for (std::size_t i = 0; i < kFamilies; ++i) {
    if (sealed.tables[i]->count() == 0) continue;
    TM_ASSIGN(auto run, WriteTable(static_cast<Family>(i), *sealed.tables[i], SecondMin(second)));
    next.runs[i].push_back(std::move(run));
  }
  TM_TRY(PublishManifest(next, sealed.sequence, sealed.clock));
  PublishRuns(next, OldestSealed::kWritten);
  checkpoint_.store(sealed.sequence, std::memory_order_release);
  return {};
}

Result<std::shared_ptr<const Run>> Index::WriteTable(Family family, const Table& table,
                                                     std::uint32_t second_min) {
  const std::string path = NewRunPath(family);
  RemoveLater(path);  // Until the manifest names it.
  const RunWriter::Plan plan{kValueBytes[static_cast<std::size_t>(family)], tick_seconds_,
                             second_min, table.count()};
  TM_ASSIGN(auto writer, RunWriter::Create(parts_.disk, path, plan, parts_.budget));
  const std::uint64_t sorted_bytes = table.count() * sizeof(Entry);
  parts_.budget->ReserveAlways(sorted_bytes);
  Status written;
  for (const Entry& entry : table.Sorted()) {
    if (entry.second < second_min) continue;
    written = writer->Add(entry);
    if (!written) break;
  }
  parts_.budget->Release(sorted_bytes);
  TM_TRY(std::move(written));
  TM_TRY(writer->Finish());
  writer.reset();  // Its filter makes room for the run's.
  return Run::Open(parts_.disk, path, parts_.budget);
}

std::string Index::NewRunPath(Family family) {
  return options_.folder + "/" + RunName(family, manifest_.next_run++);
}

// Runs of which every entry has left the window.
bool Index::DropOld(State* state) const {
  const std::uint32_t second_min = SecondMin(now_second_.load(std::memory_order_relaxed));
  bool dropped = false;
  for (RunList& runs : state->runs) {
    dropped |= std::erase_if(runs, [&](const std::shared_ptr<const Run>& run) {
                 return run->header().second_max < second_min;
               }) > 0;
  }
  return dropped;
}

Status Index::WriteManifest(const Manifest& manifest) {
  const std::string path = options_.folder + "/" + std::string(kManifestName);
  TM_ASSIGN(const bool exists, parts_.disk->Exists(path));
  if (exists) {
    TM_ASSIGN(const std::string there, env::ReadFile(*parts_.disk, path, kManifestBytesMax));
    if (std::find(manifest_hashes_.begin(), manifest_hashes_.end(), Hash64(there)) ==
        manifest_hashes_.end()) {
      return Fail(Code::kConflict, path + ": another process writes this index");
    }
  }
  const std::string bytes = EncodeManifest(manifest);
  manifest_hashes_.push_back(Hash64(bytes));
  TM_TRY(env::WriteFileDurably(parts_.disk, path, bytes));
  manifest_hashes_ = {Hash64(bytes)};
  return {};
}

Status Index::PublishManifest(const State& state, std::uint64_t sequence,
                              WindowClock::State clock) {
  std::vector<std::string> before;
  std::vector<std::string> after;
  Manifest next = manifest_;
  next.sequence = sequence;
  next.clock = clock;
  for (std::size_t i = 0; i < kFamilies; ++i) {
    for (const std::uint64_t run : next.runs[i]) {
      before.push_back(options_.folder + "/" + RunName(static_cast<Family>(i), run));
    }
    next.runs[i].clear();
    for (const auto& run : state.runs[i]) {
      const std::string_view path = run->path();
      next.runs[i].push_back(
          std::stoull(std::string(path.substr(path.size() - 20, 16)), nullptr, 16));
      after.emplace_back(path);
    }
  }
  TM_TRY(WriteManifest(next));
  manifest_ = std::move(next);
  for (std::string& path : before) garbage_.push_back(std::move(path));
  for (const std::string& path : garbage_) {
    if (std::find(after.begin(), after.end(), path) != after.end()) continue;
    // What stays is removed by the next start: no manifest names it.
    const auto removed = parts_.disk->Remove(path);
    if (!removed && removed.error().code() != Code::kNotFound) {
      TM_LOG(kWarning, "a file of the index of ids stays for now",
             {"error", removed.error().ToString()});
    }
  }
  garbage_.clear();
  return {};
}

Result<bool> Index::MergeSome() {
  if (!merging_) {
    TM_ASSIGN(bool started, StartMerge(Family::kIds));
    if (!started) {
      TM_ASSIGN(started, StartMerge(Family::kKeys));
    }
    if (!started) return DropOldRuns();
  }
  TM_ASSIGN(const bool done, merging_->merge->Step(options_.merge_entries_per_step));
  if (done) TM_TRY(FinishMerge());
  return true;
}

// The newest runs of which none is larger than a size, if enough of them have it: each entry is
// written again only when it becomes part of a run some times as large.
Result<bool> Index::StartMerge(Family family) {
  const RunList runs = state_.Load()->runs[static_cast<std::size_t>(family)];
  unsigned size = 0;
  std::size_t of_size = 0;
  std::size_t begin = runs.size();
  while (begin > 0 && runs.size() - begin < kMergeInputsMax) {
    const unsigned next = SizeOf(*runs[begin - 1]);
    if (next > size) {
      if (of_size >= options_.merge_runs) break;
      size = next;
      of_size = 0;
    }
    if (next == size) ++of_size;
    --begin;
  }
  if (of_size < options_.merge_runs) return false;
  const std::uint32_t second_min = SecondMin(now_second_.load(std::memory_order_relaxed));
  std::string path = NewRunPath(family);
  const RunWriter::Plan plan{kValueBytes[static_cast<std::size_t>(family)], tick_seconds_,
                             second_min, 0};
  auto merge = Merge::Start(parts_.disk, path,
                            RunList(runs.begin() + static_cast<std::ptrdiff_t>(begin), runs.end()),
                            plan, parts_.budget);
  if (!merge) {
    RemoveLater(path);
    return Fail(std::move(merge).error());
  }
  merging_ = Merging{family, std::move(path), *std::move(merge)};
  return true;
}

Status Index::FinishMerge() {
  const RunList inputs = merging_->merge->inputs();
  merging_->merge.reset();  // Its filter makes room for the run's.
  TM_ASSIGN(auto run, Run::Open(parts_.disk, merging_->path, parts_.budget));
  const auto family = static_cast<std::size_t>(merging_->family);
  State next = *state_.Load();
  RunList& runs = next.runs[family];
  const auto first = std::find(runs.begin(), runs.end(), inputs.front());
  TM_CHECK(static_cast<std::size_t>(runs.end() - first) >= inputs.size());
  const auto place = runs.erase(first, first + static_cast<std::ptrdiff_t>(inputs.size()));
  if (run->count() > 0) runs.insert(place, std::move(run));
  DropOld(&next);
  TM_TRY(PublishManifest(next, manifest_.sequence, manifest_.clock));
  PublishRuns(next, OldestSealed::kStays);
  merging_.reset();
  return {};
}

Result<bool> Index::DropOldRuns() {
  State next = *state_.Load();
  if (!DropOld(&next)) return false;
  TM_TRY(PublishManifest(next, manifest_.sequence, manifest_.clock));
  PublishRuns(next, OldestSealed::kStays);
  return false;
}

void Index::PublishRuns(const State& next, OldestSealed oldest) {
  state_.Update([&](const State& current) {
    auto after = std::make_shared<State>(current);
    if (oldest == OldestSealed::kWritten) after->sealed.erase(after->sealed.begin());
    for (std::size_t i = 0; i < kFamilies; ++i) after->runs[i] = next.runs[i];
    Measure(*after);
    return std::shared_ptr<const State>(std::move(after));
  });
}

void Index::Measure(const State& state) {
  std::uint64_t entries = 0;
  std::uint64_t runs = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t memory_bytes = 0;
  for (const auto& sealed : state.sealed) {
    for (const auto& table : sealed->tables) {
      entries += table->count();
      memory_bytes += table->memory_bytes();
    }
  }
  for (const RunList& list : state.runs) {
    for (const auto& run : list) {
      ++runs;
      entries += run->count();
      disk_bytes += run->header().file_bytes();
      memory_bytes += run->memory_bytes();
    }
  }
  parts_.metrics->entries.Set(static_cast<std::int64_t>(entries));
  parts_.metrics->runs.Set(static_cast<std::int64_t>(runs));
  parts_.metrics->disk_bytes.Set(static_cast<std::int64_t>(disk_bytes));
  parts_.metrics->memory_bytes.Set(static_cast<std::int64_t>(memory_bytes));
}

}  // namespace tidemark::dedupe
