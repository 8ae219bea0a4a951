#include "meta/used_limits.h"

#include <array>
#include <cstdlib>
#include <string_view>

namespace tidemark::meta {
namespace {

constexpr std::int64_t kDifferenceMicros = 1'000'000;
constexpr std::array<std::string_view, 1> kSteps = {
    "CREATE TABLE used_limit(key TEXT NOT NULL, bucket INTEGER NOT NULL, full_at INTEGER NOT NULL,"
    " PRIMARY KEY(key, bucket)) WITHOUT ROWID;"
    "CREATE INDEX used_limit_full ON used_limit(full_at);",
};

}  // namespace

Result<UsedLimits> UsedLimits::Open(Database* database) {
  TM_TRY(database->Migrate({.component = "limits", .steps = kSteps}));
  return UsedLimits(database);
}

Result<std::vector<UsedLimit>> UsedLimits::Load(TimeMicros now) {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list,
            transaction.Prepare("SELECT key,bucket,full_at FROM used_limit"
                                " WHERE full_at>?1 ORDER BY full_at DESC LIMIT ?2"));
  list.Bind(1, now.value).Bind(2, static_cast<std::int64_t>(kUsedLimitsMax));
  std::vector<UsedLimit> used;
  saved_.clear();
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return used;
    const std::int64_t bucket = list.Int(1);
    if (bucket < 0 || bucket >= static_cast<std::int64_t>(KeyLimits::kBuckets)) {
      return Fail(Code::kCorruption, "the table of used limits has a bucket that is none");
    }
    used.push_back({std::string(list.Text(0)), static_cast<KeyLimits::Bucket>(bucket),
                    TimeMicros(list.Int(2))});
    saved_[{used.back().key, used.back().bucket}] = used.back().full_at;
  }
}

Status UsedLimits::Save(std::span<const UsedLimit> used, TimeMicros now) {
  std::vector<const UsedLimit*> changed;
  for (const UsedLimit& one : used) {
    const auto saved = saved_.find({one.key, one.bucket});
    if (saved == saved_.end() ||
        std::abs(saved->second.value - one.full_at.value) >= kDifferenceMicros) {
      changed.push_back(&one);
    }
  }
  if (changed.empty()) return {};
  TM_ASSIGN(Transaction transaction, database_->Begin());
  {
    TM_ASSIGN(Statement forget, transaction.Prepare("DELETE FROM used_limit WHERE full_at<=?1"));
    TM_TRY(forget.Bind(1, now.value).Run());
    TM_ASSIGN(Statement put, transaction.Prepare("INSERT OR REPLACE INTO used_limit"
                                                 " VALUES(?1,?2,?3)"));
    for (const UsedLimit* one : changed) {
      put.Bind(1, one->key).Bind(2, static_cast<std::int64_t>(one->bucket));
      TM_TRY(put.Bind(3, one->full_at.value).Run());
      put.Reset();
    }
  }
  TM_TRY(transaction.Commit());
  std::erase_if(saved_, [now](const auto& entry) { return entry.second <= now; });
  for (const UsedLimit* one : changed) saved_[{one->key, one->bucket}] = one->full_at;
  return {};
}

}  // namespace tidemark::meta
