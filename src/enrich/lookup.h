// Dimensions of a key (the tier of a user, ...) from a table that somebody else keeps, stored with
// the row. Remembered for 15 minutes (`age`), 100,000 keys at most. A key that was not asked for
// yet, or whose source is down, is "unknown": ingest never waits. A value that is too old counts
// until there is a newer one.
//
// LookupTable: any thread, a lock for a few lines; Step is the background's and may block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "enrich/enricher.h"
#include "enrich/metrics.h"
#include "env/clock.h"

namespace tidemark::enrich {

inline constexpr std::size_t kLookupEntriesMax = 100'000;
inline constexpr std::size_t kLookupWaitingMax = 10'000;  // Keys that are asked for next.
inline constexpr std::size_t kLookupBatchMax = 500;
inline constexpr Duration kLookupAge = std::chrono::minutes(15);
// After the source failed: the first time, and twice as long after each failure more, up to the
// last.
inline constexpr Duration kLookupRetry = std::chrono::seconds(5);
inline constexpr Duration kLookupRetryMax = std::chrono::seconds(40);
inline constexpr std::string_view kUnknownValue = "unknown";

// One text for each column of the source; empty: the source has none.
using DimensionValues = std::vector<std::string>;

// Where dimensions come from. One thread.
class DimensionSource {
 public:
  DimensionSource() = default;
  DimensionSource(const DimensionSource&) = delete;
  DimensionSource& operator=(const DimensionSource&) = delete;
  virtual ~DimensionSource() = default;

  virtual event::Column key_column() const = 0;
  virtual const std::vector<event::Column>& columns() const = 0;
  // The values of each key, or nothing where there is no such key. May block. After an error (the
  // source is down) it is asked again.
  virtual Result<std::vector<std::optional<DimensionValues>>> Find(
      std::span<const std::string> keys) = 0;
};

class LookupTable {
 public:
  // `wake` is called when Step has something to do. All pointers must outlive it.
  LookupTable(std::unique_ptr<DimensionSource> source, const env::Clock* clock,
              EnrichMetrics* metrics, std::function<void()> wake, Duration age = kLookupAge);
  LookupTable(const LookupTable&) = delete;
  LookupTable& operator=(const LookupTable&) = delete;

  // nullptr: unknown, for now or for good. Never blocks.
  std::shared_ptr<const DimensionValues> Find(std::string_view key);
  // Asks the source for what is waited for. Returns how long it may sleep.
  Duration Step();

  event::Column key_column() const { return key_column_; }
  const std::vector<event::Column>& columns() const { return columns_; }

 private:
  struct Entry {
    std::shared_ptr<const DimensionValues> values;  // nullptr: the source has no such key.
    Duration until{};
  };
  using Entries = std::unordered_map<std::string, Entry>;
  const Entry* Remembered(const std::string& key);  // Under the lock.

  const std::unique_ptr<DimensionSource> source_;
  const event::Column key_column_;
  const std::vector<event::Column> columns_;
  const env::Clock* const clock_;
  EnrichMetrics* const metrics_;
  const std::function<void()> wake_;
  const Duration age_;

  Duration retry_ = kLookupRetry;  // Step's own.

  std::mutex mutex_;
  // Two halves: when the young one is full it becomes the old one. What is used moves to the young.
  Entries young_;
  Entries old_;
  std::unordered_set<std::string> waiting_;
};

class Lookup final : public Enricher {
 public:
  explicit Lookup(std::shared_ptr<LookupTable> table) : table_(std::move(table)) {}
  // Fills the source's columns where the client said nothing: with "unknown" if need be.
  void Enrich(const RequestFacts& facts, event::EventView* event) override;

 private:
  const std::shared_ptr<LookupTable> table_;
  std::shared_ptr<const DimensionValues> values_;  // Holds the texts of the last event.
};

}  // namespace tidemark::enrich
