// The filters of a statement above one scan as a Predicate over the scan's columns. Filters stay in
// place: what is skipped is only what they would drop.
//
// Understood are comparisons of a column with constants, IN, BETWEEN, IS [NOT] NULL, AND, OR, NOT,
// prefixes (starts_with, LIKE 'a%'); of `timestamp` columns also of their date, of date_trunc and
// of time_bucket, which only grow with the time (the session's zone is UTC).
//
// Internal to this folder. Immutable but for the making; any thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "duckdb.hpp"
#include "duckdb/planner/table_filter.hpp"
#include "engine/column_bounds.h"
#include "engine/predicate.h"

namespace tidemark::engine {

// What a bound of a column of the engine's type says; nothing for types whose bounds are not read.
ValueRange RangeOf(const ColumnBound& bound, const duckdb::LogicalType& type);

class Pruner {
 public:
  // The place of the scan's column that an expression is; nothing: it is none, or another type.
  using ColumnOf = std::function<std::optional<std::size_t>(const duckdb::Expression&)>;

  Pruner(duckdb::ClientContext& context,
         const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters,
         const ColumnOf& column_of);

  // Of filters as a scan is given them when it begins, those that a join made of its other side
  // too. `column_of`: from their key to the scan's column and its type.
  struct ScanColumn {
    std::size_t place = 0;
    duckdb::LogicalType type;
  };
  using ColumnOfKey = std::function<std::optional<ScanColumn>(duckdb::idx_t key)>;
  Pruner(const duckdb::TableFilterSet& filters, const ColumnOfKey& column_of);

  // Nothing can be skipped.
  bool idle() const { return predicate_.children.empty(); }
  // Whether some column is compared with texts for being equal.
  bool asks_for_texts() const;
  // `range_of`: of a column of the scan.
  bool MayMatch(duckdb::ClientContext& context,
                const std::function<ValueRange(std::size_t column)>& range_of) const;
  // Where the column of whole numbers or times lies in rows that match; see engine/predicate.h.
  WholeRange RangeWanted(std::size_t column) const;
  // Whether that is all that MayMatch asks.
  bool IsRangeOf(std::size_t column) const;

 private:
  // Tells the operands that are the column itself.
  std::function<bool(std::size_t)> IsColumn(std::size_t column) const;

  class Maker;
  // A column, or a function of one that never falls when the column grows.
  struct Operand {
    std::size_t column = 0;
    std::shared_ptr<const duckdb::Expression> of;  // Null: the column itself.
  };

  static Predicate FromFilter(const duckdb::TableFilter& filter, std::size_t operand,
                              const duckdb::LogicalType& type);
  static ValueRange RangeOf(duckdb::ClientContext& context, const Operand& operand,
                            const ValueRange& column);

  std::vector<Operand> operands_;
  Predicate predicate_{.kind = Predicate::Kind::kAll};
};

}  // namespace tidemark::engine
