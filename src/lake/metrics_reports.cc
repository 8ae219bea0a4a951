#include "lake/metrics_reports.h"

#include <algorithm>
#include <utility>

namespace tidemark::lake {

std::uint64_t MetricsReport::bytes() const {
  return sizeof(*this) + type.size() + operation.size() + filter.size() + projected_ids.size() +
         projected_names.size() + metrics.size() + metadata.size();
}

void MetricsReports::Add(MetricsReport report) {
  const auto fresh = std::make_shared<const MetricsReport>(std::move(report));
  kept_.Update([&fresh](const std::vector<Shared>& current) {
    auto next = std::make_shared<std::vector<Shared>>();
    next->reserve(current.size() + 1);
    const auto same = [&fresh](const Shared& one) { return one->table == fresh->table; };
    std::size_t too_many = 0;
    const auto of_table = static_cast<std::size_t>(std::ranges::count_if(current, same));
    if (of_table >= kPerTableMax) too_many = of_table - kPerTableMax + 1;
    std::uint64_t bytes = fresh->bytes();
    for (const Shared& one : current) {
      if (too_many > 0 && same(one)) {
        --too_many;
        continue;
      }
      bytes += one->bytes();
      next->push_back(one);
    }
    std::size_t oldest = 0;
    while (bytes > kBytesMax && oldest < next->size()) bytes -= (*next)[oldest++]->bytes();
    next->erase(next->begin(), next->begin() + static_cast<std::ptrdiff_t>(oldest));
    next->push_back(fresh);
    return std::shared_ptr<const std::vector<Shared>>(std::move(next));
  });
}

std::vector<MetricsReports::Shared> MetricsReports::Of(const Uuid& table) const {
  std::vector<Shared> reports;
  const auto kept = kept_.Load();
  for (const Shared& one : *kept) {
    if (one->table == table) reports.push_back(one);
  }
  return reports;
}

}  // namespace tidemark::lake
