// Counters, gauges and histograms: declared once by the part that owns them, counted from any
// thread without a lock, exported for Prometheus.
//
// Names are Prometheus names with base units (`tidemark_wal_sync_seconds`); labels are few and
// fixed. Metrics live as long as their registry.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace tidemark::telemetry {

class Counter {
 public:
  void Add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Durations in buckets of powers of two, from 1 microsecond to a little over an hour.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 33;

  void Record(Duration duration);
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  double sum_seconds() const;
  // An upper bound of the smallest duration with at least `q` of the recorded ones at or below it,
  // interpolated inside its bucket; 0 if nothing was recorded.
  double QuantileSeconds(double q) const;
  // Upper bound of bucket `i` and how many were recorded in it.
  static double BucketSeconds(std::size_t i);
  std::uint64_t BucketCount(std::size_t i) const {
    return buckets_[i].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> sum_nanos_{0};
};

class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // `name` may carry fixed labels: `tidemark_events_total{outcome="accepted"}`. One name with one
  // set of labels is added once (checked).
  Counter& AddCounter(std::string_view name, std::string_view sentence);
  Gauge& AddGauge(std::string_view name, std::string_view sentence);
  Histogram& AddHistogram(std::string_view name, std::string_view sentence);

  // Text exposition format 0.0.4, sorted by name.
  std::string ToPrometheus() const;

 private:
  struct Entry;
  struct EntryDeleter {
    void operator()(Entry* entry) const;
  };
  using EntryPointer = std::unique_ptr<Entry, EntryDeleter>;
  Entry& Add(std::string_view name, std::string_view sentence);

  mutable std::mutex mutex_;
  std::vector<EntryPointer> entries_;
};

}  // namespace tidemark::telemetry
