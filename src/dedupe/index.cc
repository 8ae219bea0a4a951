#include "dedupe/index.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "env/faults.h"
#include "telemetry/log_line.h"

namespace tidemark::dedupe {
namespace {

constexpr std::uint32_t kTicksOfWindow = 200;
constexpr std::size_t kLookAhead = 64;  // Items whose memory is asked for at once.

std::uint32_t SecondsOf(Duration window) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(window).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, 3'650LL * 86'400));
}

}  // namespace

Index::Index(IndexOptions options, IndexParts parts)
    : options_(std::move(options)),
      parts_(parts),
      window_seconds_(SecondsOf(options_.window)),
      tick_seconds_((window_seconds_ + kTicksOfWindow - 1) / kTicksOfWindow),
      state_(std::make_shared<const State>()) {
  NewTables();
}

Index::~Index() = default;

void Index::NewTables() {
  for (std::size_t i = 0; i < kFamilies; ++i) {
    active_[i] = std::make_shared<Table>(kValueBytes[i], options_.table_entries_max, parts_.budget);
  }
  active_since_ = parts_.clock->Now();
  oldest_received_.reset();
}

Hash128 Index::HashOf(char kind, std::string_view project, std::string_view id) const {
  char bytes[512];
  std::string longer;
  const std::size_t size = 2 + project.size() + id.size();
  char* at = bytes;
  if (size > sizeof bytes) {
    longer.resize(size);
    at = longer.data();
  }
  // A project's name has no byte 0.
  at[0] = kind;
  std::memcpy(at + 1, project.data(), project.size());
  at[1 + project.size()] = '\0';
  if (!id.empty()) std::memcpy(at + 2 + project.size(), id.data(), id.size());
  Hash128 hash = HashKeyed(secret_, {at, size});
  if (hash == Hash128{}) hash.low = 1;
  return hash;
}

std::uint32_t Index::SecondMin(std::uint32_t second) const {
  return second > window_seconds_ ? second - window_seconds_ : 0;
}

Status Index::Begin(std::size_t ids, std::size_t keys) {
  clock_before_ = clock_;
  const std::size_t wanted[kFamilies] = {ids, keys};
  for (std::size_t i = 0; i < kFamilies; ++i) {
    if (wanted[i] == 0 || active_[i]->TryReserve(wanted[i])) continue;
    if (!Seal()) {
      return Fail(Code::kOverloaded, "the index of ids waits for the disk");
    }
    break;
  }
  for (std::size_t i = 0; i < kFamilies; ++i) {
    if (wanted[i] > 0) active_[i]->ReserveAlways(wanted[i]);
  }
  return {};
}

Status Index::FindOrAdd(std::span<Item> ids, TimeMicros received_at) {
  const std::uint32_t second = clock_.SecondOf(received_at);
  const std::uint32_t second_min = SecondMin(second);
  Table& active = *active_[static_cast<std::size_t>(Family::kIds)];
  const auto state = state_.Load();
  const std::size_t mark = active.mark();
  for (std::size_t from = 0; from < ids.size(); from += kLookAhead) {
    const auto some = ids.subspan(from, std::min(kLookAhead, ids.size() - from));
    for (const Item& item : some) active.Prefetch(item.hash);
    if (auto looked = FindInRuns(*state, some, second_min); !looked) {
      active.Rollback(mark);
      return looked;
    }
    for (Item& item : some) {
      if (item.hash == Hash128{} || item.found) continue;
      item.found = active.FindOrAdd(item.hash, second, second_min, &item.value);
    }
  }
  return {};
}

Status Index::FindInRuns(const State& state, std::span<Item> items, std::uint32_t second_min) {
  constexpr auto kIds = static_cast<std::size_t>(Family::kIds);
  for (const auto& sealed : state.sealed) {
    const Table& table = *sealed->tables[kIds];
    if (table.count() == 0) continue;
    for (const Item& item : items) table.Prefetch(item.hash);
    for (Item& item : items) {
      if (item.hash == Hash128{}) continue;
      const char* slot = table.Find(item.hash);
      if (slot == nullptr || table.SecondOf(slot) < second_min) continue;
      table.CopyValue(slot, &item.value);
      item.found = true;
    }
  }
  for (const auto& run : state.runs[kIds]) {
    for (const Item& item : items) run->Prefetch(item.hash);
    for (Item& item : items) {
      if (item.found || item.hash == Hash128{} || !run->MayHave(item.hash)) continue;
      TM_ASSIGN(const auto entry, FindInRun(*run, item.hash));
      if (!entry || entry->second < second_min) continue;
      item.value = entry->value;
      item.found = true;
    }
  }
  return {};
}

Result<std::optional<Entry>> Index::FindInRun(const Run& run, const Hash128& hash) {
  parts_.metrics->page_reads.Add();
  return run.Find(hash);
}

Result<std::optional<Value>> Index::FindKey(const Hash128& hash, TimeMicros received_at) {
  constexpr auto kKeys = static_cast<std::size_t>(Family::kKeys);
  const std::uint32_t second_min = SecondMin(clock_.SecondOf(received_at));
  const auto state = state_.Load();
  Value value{};
  const auto in_table = [&](const Table& table) {
    const char* slot = table.Find(hash);
    if (slot == nullptr || table.SecondOf(slot) < second_min) return false;
    table.CopyValue(slot, &value);
    return true;
  };
  // The newest counts: a producer's entry is written again and again.
  if (in_table(*active_[kKeys])) return std::optional(value);
  for (auto sealed = state->sealed.rbegin(); sealed != state->sealed.rend(); ++sealed) {
    if (in_table(*(*sealed)->tables[kKeys])) return std::optional(value);
  }
  const RunList& runs = state->runs[kKeys];
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (!(*run)->MayHave(hash)) continue;
    TM_ASSIGN(const auto entry, FindInRun(**run, hash));
    if (entry && entry->second >= second_min) return std::optional(entry->value);
  }
  return std::optional<Value>();
}

void Index::PutKey(const Hash128& hash, const Value& value, TimeMicros received_at) {
  active_[static_cast<std::size_t>(Family::kKeys)]->Put(
      {hash, clock_.SecondOf(received_at), value});
}

void Index::ChangeKey(const Hash128& hash, const Value& value) {
  Table& active = *active_[static_cast<std::size_t>(Family::kKeys)];
  const char* slot = active.Find(hash);
  TM_CHECK(slot != nullptr);
  active.Put({hash, active.SecondOf(slot), value});
}

void Index::Rollback() {
  for (const auto& table : active_) table->Rollback();
  clock_ = clock_before_;
}

void Index::Advance(TimeMicros received_at) {
  if (!oldest_received_) oldest_received_ = received_at;
  if (!clock_.Advance(received_at)) return;
  parts_.metrics->time_jumps.Add();
  TM_LOG(kWarning, "received times jump ahead; the window of ids goes on by an hour only",
         {"received_at", received_at.value});
}

void Index::Commit(std::uint64_t sequence) {
  TM_CHECK_GE(sequence, committed_);
  committed_ = sequence;
  now_second_.store(clock_.second(), std::memory_order_relaxed);
  for (const auto& table : active_) table->Commit();
}

void Index::EndReplay() {
  if (!oldest_received_ || env::Planted(env::Bug::kReplayedIsNew)) return;
  const std::chrono::microseconds age(parts_.clock->WallNow() - *oldest_received_);
  active_since_ -= std::clamp<Duration>(age, Duration::zero(), options_.checkpoint_age);
}

bool Index::Tend() {
  const auto state = state_.Load();
  if (parts_.clock->Now() - active_since_ >= options_.checkpoint_age) {
    const std::uint64_t sealed =
        state->sealed.empty() ? checkpoint() : state->sealed.back()->sequence;
    if (committed_ > sealed) {
      Seal();
    } else {
      active_since_ = parts_.clock->Now();
    }
  }
  return std::exchange(sealed_now_, false);
}

std::uint64_t Index::memory_bytes() const {
  const auto state = state_.Load();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < kFamilies; ++i) {
    bytes += active_[i]->memory_bytes();
    for (const auto& sealed : state->sealed) bytes += sealed->tables[i]->memory_bytes();
    for (const auto& run : state->runs[i]) bytes += run->memory_bytes();
  }
  return bytes;
}

bool Index::Seal() {
  if (state_.Load()->sealed.size() >= options_.sealed_max) return false;
  auto sealed = std::make_shared<Sealed>();
  for (std::size_t i = 0; i < kFamilies; ++i) sealed->tables[i] = active_[i];
  sealed->sequence = committed_;
  sealed->clock = clock_.state();
  state_.Update([&](const State& current) {
    auto next = std::make_shared<State>(current);
    next->sealed.push_back(std::move(sealed));
    return std::shared_ptr<const State>(std::move(next));
  });
  NewTables();
  sealed_now_ = true;
  return true;
}

}  // namespace tidemark::dedupe
