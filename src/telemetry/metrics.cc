#include "telemetry/metrics.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace tidemark::telemetry {
namespace {

constexpr std::uint64_t kFirstBucketNanos = 1'000;
constexpr double kNanosPerSecond = 1e9;

void AppendDouble(std::string* out, double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out->append(text, static_cast<std::size_t>(end - text));
}

std::string_view BaseName(std::string_view name) { return name.substr(0, name.find('{')); }

// `name_suffix{labels,extra} `
void AppendSeries(std::string* out, std::string_view name, std::string_view suffix,
                  std::string_view extra) {
  const std::string_view base = BaseName(name);
  std::string_view labels = name.substr(base.size());
  if (!labels.empty()) labels = labels.substr(1, labels.size() - 2);
  out->append(base).append(suffix);
  if (!labels.empty() || !extra.empty()) {
    out->append("{").append(labels);
    if (!labels.empty() && !extra.empty()) out->append(",");
    out->append(extra).append("}");
  }
  out->append(" ");
}

}  // namespace

void Histogram::Record(Duration duration) {
  const auto nanos = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
  const std::uint64_t units = (nanos + kFirstBucketNanos - 1) / kFirstBucketNanos;
  const std::size_t bucket =
      units <= 1 ? 0
                 : std::min<std::size_t>(kBuckets - 1,
                                         static_cast<std::size_t>(std::bit_width(units - 1)));
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
  sum_nanos_.fetch_add(nanos, std::memory_order_relaxed);
}

double Histogram::sum_seconds() const {
  return static_cast<double>(sum_nanos_.load(std::memory_order_relaxed)) / kNanosPerSecond;
}

double Histogram::BucketSeconds(std::size_t i) {
  // Divided, not multiplied by 1e-9, which is no number of a double: the quotient is the double
  // that the shortest decimal names, "2e-06" and not "2.0000000000000003e-06".
  return static_cast<double>(kFirstBucketNanos << i) / kNanosPerSecond;
}

double Histogram::QuantileSeconds(double q) const {
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) total += counts[i] = BucketCount(i);
  if (total == 0) return 0;
  const double rank = q * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : BucketSeconds(i - 1);
      return low + (BucketSeconds(i) - low) * std::clamp((rank - below) / here, 0.0, 1.0);
    }
    below += here;
  }
  return BucketSeconds(kBuckets - 1);
}

struct Registry::Entry {
  std::string name;
  std::string sentence;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;

  std::string_view TypeName() const { return counter ? "counter" : gauge ? "gauge" : "histogram"; }
  void Append(std::string* out) const {
    if (counter) {
      AppendSeries(out, name, "", "");
      out->append(std::to_string(counter->value())).append("\n");
    } else if (gauge) {
      AppendSeries(out, name, "", "");
      out->append(std::to_string(gauge->value())).append("\n");
    } else {
      AppendHistogram(out);
    }
  }
  void AppendHistogram(std::string* out) const {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
      below += histogram->BucketCount(i);
      std::string bound = "le=\"";
      AppendDouble(&bound, Histogram::BucketSeconds(i));
      AppendSeries(out, name, "_bucket", bound + "\"");
      out->append(std::to_string(below)).append("\n");
    }
    AppendSeries(out, name, "_bucket", "le=\"+Inf\"");
    out->append(std::to_string(below)).append("\n");
    AppendSeries(out, name, "_sum", "");
    AppendDouble(out, histogram->sum_seconds());
    out->append("\n");
    AppendSeries(out, name, "_count", "");
    out->append(std::to_string(below)).append("\n");
  }
};

void Registry::EntryDeleter::operator()(Entry* entry) const { delete entry; }

Registry::Entry& Registry::Add(std::string_view name, std::string_view sentence) {
  const std::lock_guard lock(mutex_);
  for (const EntryPointer& entry : entries_) TM_CHECK(entry->name != name);
  EntryPointer entry(new Entry);
  entry->name = name;
  entry->sentence = sentence;
  entries_.push_back(std::move(entry));
  return *entries_.back();
}

Counter& Registry::AddCounter(std::string_view name, std::string_view sentence) {
  Entry& entry = Add(name, sentence);
  entry.counter = std::make_unique<Counter>();
  return *entry.counter;
}

Gauge& Registry::AddGauge(std::string_view name, std::string_view sentence) {
  Entry& entry = Add(name, sentence);
  entry.gauge = std::make_unique<Gauge>();
  return *entry.gauge;
}

Histogram& Registry::AddHistogram(std::string_view name, std::string_view sentence) {
  Entry& entry = Add(name, sentence);
  entry.histogram = std::make_unique<Histogram>();
  return *entry.histogram;
}

std::string Registry::ToPrometheus() const {
  const std::lock_guard lock(mutex_);
  std::vector<const Entry*> sorted;
  for (const EntryPointer& entry : entries_) sorted.push_back(entry.get());
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return a->name < b->name; });
  std::string out;
  std::string_view family;
  for (const Entry* entry : sorted) {
    if (const std::string_view base = BaseName(entry->name); base != family) {
      family = base;
      out.append("# HELP ").append(base).append(" ").append(entry->sentence).append("\n# TYPE ");
      out.append(base).append(" ").append(entry->TypeName()).append("\n");
    }
    entry->Append(&out);
  }
  return out;
}

}  // namespace tidemark::telemetry
