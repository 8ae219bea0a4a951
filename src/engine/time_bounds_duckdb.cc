#include <algorithm>

#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/bound_between_expression.hpp"
#include "duckdb/planner/expression/bound_comparison_expression.hpp"
#include "duckdb/planner/expression/bound_conjunction_expression.hpp"
#include "engine/scan_duckdb.h"

namespace tidemark::engine {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using event::TimeRange;

constexpr TimeRange kAllTimes{kTimeMin, kTimeMax};

struct Finder {
  duckdb::ClientContext& context;
  const std::function<bool(const Expression&)>& is_time;

  std::optional<TimeMicros> Constant(const Expression& expression) const {
    if (expression.return_type.id() != duckdb::LogicalTypeId::TIMESTAMP_TZ ||
        !expression.IsFoldable()) {
      return std::nullopt;
    }
    duckdb::Value value;
    if (!duckdb::ExpressionExecutor::TryEvaluateScalar(context, expression, value) ||
        value.IsNull()) {
      return std::nullopt;
    }
    return TimeMicros(value.GetValue<duckdb::timestamp_tz_t>().value);
  }

  TimeRange Compare(ExpressionType type, const Expression& left, const Expression& right) const {
    const Expression* constant = &right;
    if (!is_time(left)) {
      if (!is_time(right)) return kAllTimes;
      constant = &left;
      type = duckdb::FlipComparisonExpression(type);
    }
    const auto time = Constant(*constant);
    if (!time) return kAllTimes;
    switch (type) {
      case ExpressionType::COMPARE_EQUAL:
        return {*time, *time};
      case ExpressionType::COMPARE_GREATERTHAN:
      case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
        return {*time, kTimeMax};
      case ExpressionType::COMPARE_LESSTHAN:
      case ExpressionType::COMPARE_LESSTHANOREQUALTO:
        return {kTimeMin, *time};
      default:
        return kAllTimes;
    }
  }

  TimeRange Conjunction(const duckdb::BoundConjunctionExpression& expression) const {
    const bool is_and = expression.GetExpressionType() == ExpressionType::CONJUNCTION_AND;
    TimeRange all = is_and ? kAllTimes : TimeRange{};
    for (const auto& child : expression.children) {
      const TimeRange one = Find(*child);
      all.min = is_and ? std::max(all.min, one.min) : std::min(all.min, one.min);
      all.max = is_and ? std::min(all.max, one.max) : std::max(all.max, one.max);
    }
    return all;
  }

  TimeRange Find(const Expression& expression) const {
    switch (expression.GetExpressionClass()) {
      case ExpressionClass::BOUND_COMPARISON: {
        const auto& compare = expression.Cast<duckdb::BoundComparisonExpression>();
        return Compare(compare.GetExpressionType(), *compare.left, *compare.right);
      }
      case ExpressionClass::BOUND_BETWEEN: {
        const auto& between = expression.Cast<duckdb::BoundBetweenExpression>();
        const TimeRange low =
            Compare(between.LowerComparisonType(), *between.input, *between.lower);
        const TimeRange high =
            Compare(between.UpperComparisonType(), *between.input, *between.upper);
        return {std::max(low.min, high.min), std::min(low.max, high.max)};
      }
      case ExpressionClass::BOUND_CONJUNCTION:
        return Conjunction(expression.Cast<duckdb::BoundConjunctionExpression>());
      default:
        return kAllTimes;
    }
  }
};

}  // namespace

TimeRange TimeBounds(duckdb::ClientContext& context,
                     const duckdb::vector<duckdb::unique_ptr<Expression>>& filters,
                     const std::function<bool(const Expression&)>& is_time) {
  const Finder finder{context, is_time};
  TimeRange bounds = kAllTimes;
  for (const auto& filter : filters) {
    const TimeRange one = finder.Find(*filter);
    bounds.min = std::max(bounds.min, one.min);
    bounds.max = std::min(bounds.max, one.max);
  }
  return bounds;
}

}  // namespace tidemark::engine
