// What keys have used up of limits that fill slowly: kept over a restart, so that a quota of a day
// is one. Buckets that fill within the hour are not worth it: they begin full, which is what a
// token bucket grants after an hour of silence anyhow.
//
// UsedLimits: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "meta/database.h"
#include "meta/key_limits.h"

namespace tidemark::meta {

inline constexpr std::size_t kUsedLimitsMax = 300'000;  // Rows; what is used up last is kept.
// How often they are written: what was used since the last time is forgotten by a crash.
inline constexpr Duration kUsedLimitsPause = std::chrono::seconds(5);

struct UsedLimit {
  std::string key;  // Id of the key, or "user:" and a token's subject.
  KeyLimits::Bucket bucket = KeyLimits::Bucket::kRequests;
  TimeMicros full_at;  // By the wall clock: when it is full again if nothing more is taken.
};

class UsedLimits {
 public:
  // Brings the table up to date. `database` must outlive it.
  static Result<UsedLimits> Open(Database* database);

  // Those that are not full at `now`.
  Result<std::vector<UsedLimit>> Load(TimeMicros now);
  // Writes those that differ from what was written last by a second and more, in one transaction;
  // none: nothing is done. Forgets those that are full.
  Status Save(std::span<const UsedLimit> used, TimeMicros now);

 private:
  explicit UsedLimits(Database* database) : database_(database) {}

  Database* database_;
  std::map<std::pair<std::string, KeyLimits::Bucket>, TimeMicros> saved_;
};

}  // namespace tidemark::meta
