#include "engine/scan_filters_duckdb.h"

#include <algorithm>
#include <utility>

#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/constant_filter.hpp"
#include "duckdb/planner/filter/optional_filter.hpp"

namespace tidemark::engine {
namespace {

using Columns = duckdb::vector<duckdb::MultiFileColumnDefinition>;
using Predicate = bool (*)(const duckdb::TableFilter& filter);

// Whether it, or one that it is made of, is of the kind.
bool Has(const duckdb::TableFilter& filter, Predicate kind) {
  if (kind(filter)) return true;
  const auto has = [&](const auto& child) { return Has(*child, kind); };
  switch (filter.filter_type) {
    case duckdb::TableFilterType::CONJUNCTION_OR:
      return std::ranges::any_of(filter.Cast<duckdb::ConjunctionOrFilter>().child_filters, has);
    case duckdb::TableFilterType::CONJUNCTION_AND:
      return std::ranges::any_of(filter.Cast<duckdb::ConjunctionAndFilter>().child_filters, has);
    case duckdb::TableFilterType::OPTIONAL_FILTER: {
      const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
      return child != nullptr && Has(*child, kind);
    }
    default:
      return false;
  }
}

bool IsDistinctFrom(const duckdb::TableFilter& filter) {
  return filter.filter_type == duckdb::TableFilterType::CONSTANT_COMPARISON &&
         filter.Cast<duckdb::ConstantFilter>().comparison_type ==
             duckdb::ExpressionType::COMPARE_DISTINCT_FROM;
}

// The engine skips a row group by `x IS DISTINCT FROM 5 OR ..` as if a null were not distinct.
bool SkipsNulls(const duckdb::TableFilter& filter) {
  return filter.filter_type == duckdb::TableFilterType::OPTIONAL_FILTER &&
         Has(filter, IsDistinctFrom);
}

bool IsOfHashes(const duckdb::TableFilter& filter) {
  return filter.filter_type == duckdb::TableFilterType::BLOOM_FILTER;
}

bool AsksHashes(const duckdb::TableFilter& filter) { return Has(filter, IsOfHashes); }

// Whether nothing is left of the filter once those are out of it that it is a conjunction of.
bool DropParts(duckdb::TableFilter* filter, Predicate kind) {
  if (filter->filter_type != duckdb::TableFilterType::CONJUNCTION_AND) return kind(*filter);
  auto& all = filter->Cast<duckdb::ConjunctionAndFilter>().child_filters;
  std::erase_if(all, [&](const auto& child) { return kind(*child); });
  return all.empty();
}

bool IsOfTheTablesType(const Columns& in_file, const duckdb::MultiFileColumnDefinition& column) {
  const auto found = std::ranges::find_if(
      in_file, [&](const auto& one) { return one.identifier == column.identifier; });
  return found == in_file.end() || found->type == column.type;
}

}  // namespace

void DropWrongSkips(duckdb::TableFilterSet* filters) {
  std::erase_if(filters->filters,
                [](auto& entry) { return DropParts(entry.second.get(), SkipsNulls); });
}

duckdb::unique_ptr<duckdb::TableFilterSet> FiltersFor(
    const Columns& in_file, const Columns& in_table, const duckdb::vector<duckdb::ColumnIndex>& ids,
    const duckdb::TableFilterSet* filters) {
  if (filters == nullptr) return nullptr;
  duckdb::unique_ptr<duckdb::TableFilterSet> fitting;
  for (const auto& [place, filter] : filters->filters) {
    const std::size_t column = ids.at(place).GetPrimaryIndex();
    if (column >= in_table.size() || !AsksHashes(*filter)) continue;  // A virtual one.
    if (IsOfTheTablesType(in_file, in_table[column])) continue;
    if (fitting == nullptr) fitting = filters->Copy();
    const auto copy = fitting->filters.find(place);
    if (DropParts(copy->second.get(), AsksHashes)) fitting->filters.erase(copy);
  }
  return fitting;
}

}  // namespace tidemark::engine
