#include "enrich/lookup.h"

#include <algorithm>
#include <utility>

#include "event/text.h"
#include "telemetry/log_line.h"

namespace tidemark::enrich {
namespace {

constexpr Duration kIdlePause = std::chrono::seconds(10);

}  // namespace

LookupTable::LookupTable(std::unique_ptr<DimensionSource> source, const env::Clock* clock,
                         EnrichMetrics* metrics, std::function<void()> wake, Duration age)
    : source_(std::move(source)),
      key_column_(source_->key_column()),
      columns_(source_->columns()),
      clock_(clock),
      metrics_(metrics),
      wake_(std::move(wake)),
      age_(age) {}

const LookupTable::Entry* LookupTable::Remembered(const std::string& key) {
  const auto young = young_.find(key);
  if (young != young_.end()) return &young->second;
  const auto old = old_.find(key);
  if (old == old_.end()) return nullptr;
  if (young_.size() >= kLookupEntriesMax / 2) return &old->second;
  return &young_.insert_or_assign(key, old->second).first->second;
}

std::shared_ptr<const DimensionValues> LookupTable::Find(std::string_view key) {
  const std::string name(key);
  const Duration now = clock_->Now();
  bool asks = false;
  std::shared_ptr<const DimensionValues> values;
  {
    const std::lock_guard lock(mutex_);
    const Entry* entry = Remembered(name);
    if (entry == nullptr) {
      metrics_->lookups_late.Add();
    } else {
      values = entry->values;
      (values ? metrics_->lookups_found : metrics_->lookups_missed).Add();
    }
    if ((entry == nullptr || entry->until <= now) && waiting_.size() < kLookupWaitingMax) {
      asks = waiting_.insert(name).second && waiting_.size() == 1;
    }
  }
  if (asks) wake_();
  return values;
}

Duration LookupTable::Step() {
  std::vector<std::string> keys;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && keys.size() < kLookupBatchMax) {
      keys.push_back(std::move(waiting_.extract(waiting_.begin()).value()));
    }
  }
  if (keys.empty()) return kIdlePause;
  auto found = source_->Find(keys);
  const std::lock_guard lock(mutex_);
  if (!found) {
    metrics_->source_failures.Add();
    TM_LOG(kWarning, "the source of dimensions failed", {"error", found.error().ToString()});
    for (std::string& key : keys) {
      if (waiting_.size() < kLookupWaitingMax) waiting_.insert(std::move(key));
    }
    return std::exchange(retry_, std::min(retry_ * 2, kLookupRetryMax));
  }
  retry_ = kLookupRetry;
  const Duration until = clock_->Now() + age_;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Entry entry{nullptr, until};
    if ((*found)[i]) {
      for (std::string& value : *(*found)[i]) {
        if (!event::IsText(value)) value.clear();
      }
      entry.values = std::make_shared<const DimensionValues>(*std::move((*found)[i]));
    }
    if (young_.size() >= kLookupEntriesMax / 2) {
      old_ = std::move(young_);
      young_.clear();
    }
    young_.insert_or_assign(std::move(keys[i]), std::move(entry));
  }
  metrics_->lookup_entries.Set(static_cast<std::int64_t>(young_.size() + old_.size()));
  return waiting_.empty() ? kIdlePause : Duration::zero();
}

void Lookup::Enrich(const RequestFacts&, event::EventView* event) {
  if (!event->Has(table_->key_column())) return;
  values_ = table_->Find(event->Text(table_->key_column()));
  const auto& columns = table_->columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (event->Has(columns[i])) continue;
    const bool known = values_ && !(*values_)[i].empty();
    event->SetText(columns[i], known ? std::string_view((*values_)[i]) : kUnknownValue);
  }
}

}  // namespace tidemark::enrich
