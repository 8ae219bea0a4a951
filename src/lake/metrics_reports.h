// What engines report of their scans of tables and their commits to them (Iceberg's metrics
// reports): the newest ones of each table, for people to look at. In memory: a restart forgets
// them. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/published.h"
#include "base/time.h"
#include "base/units.h"
#include "base/uuid.h"

namespace tidemark::lake {

struct MetricsReport {
  Uuid table;  // A table that is renamed keeps its reports; one that takes its name has none.
  TimeMicros received;
  std::string type;  // "scan-report", "commit-report", or what a later specification has.
  std::optional<std::int64_t> snapshot_id;
  std::optional<std::int64_t> sequence_number;  // Of a commit.
  std::optional<std::int64_t> schema_id;        // Of a scan.
  std::optional<std::int64_t> duration_ns;      // Of the whole commit, or of a scan's planning.
  std::string operation;                        // Of a commit.
  // JSON; empty: not said, or too long to be kept.
  std::string filter;           // The expression of a scan.
  std::string projected_ids;    // Array of numbers.
  std::string projected_names;  // Array of texts.
  std::string metrics;          // Object: counters, and timers in nanoseconds, by name.
  std::string metadata;         // Object of texts.

  std::uint64_t bytes() const;  // In memory, about.
};

class MetricsReports {
 public:
  static constexpr std::size_t kPerTableMax = 100;
  static constexpr std::uint64_t kBytesMax = 8_MiB;  // Of all tables.

  // Forgets the table's oldest beyond kPerTableMax, then the oldest of all beyond kBytesMax.
  void Add(MetricsReport report);

  using Shared = std::shared_ptr<const MetricsReport>;
  // In the order in which they came.
  std::vector<Shared> Of(const Uuid& table) const;

 private:
  Published<std::vector<Shared>> kept_{std::make_shared<const std::vector<Shared>>()};
};

}  // namespace tidemark::lake
