#include "engine/counted_rows_duckdb.h"

#include <algorithm>
#include <utility>

#include "duckdb/main/config.hpp"
#include "duckdb/optimizer/optimizer.hpp"
#include "duckdb/optimizer/optimizer_extension.hpp"
#include "duckdb/planner/binder.hpp"
#include "duckdb/planner/expression/bound_aggregate_expression.hpp"
#include "duckdb/planner/expression/bound_constant_expression.hpp"
#include "duckdb/planner/operator/logical_aggregate.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "duckdb/planner/operator/logical_projection.hpp"
#include "duckdb/planner/operator/logical_set_operation.hpp"

namespace tidemark::engine {
namespace {

using Plan = duckdb::unique_ptr<duckdb::LogicalOperator>;

// Whether it says nothing of its input but how many rows that has.
bool OnlyCounts(const duckdb::LogicalOperator& plan) {
  if (plan.type != duckdb::LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) return false;
  if (!plan.Cast<duckdb::LogicalAggregate>().groups.empty()) return false;
  return std::ranges::all_of(plan.expressions, [](const auto& expression) {
    const auto& aggregate = expression->template Cast<duckdb::BoundAggregateExpression>();
    return aggregate.function.name == "count_star" && aggregate.filter == nullptr;
  });
}

// What is below it and, if there are some, below the projections there.
Plan* BelowProjections(Plan* plan) {
  while ((*plan)->type == duckdb::LogicalOperatorType::LOGICAL_PROJECTION) {
    plan = (*plan)->children.data();
  }
  return plan;
}

// A scan of files that no filter looks at.
bool IsWholeScan(const duckdb::LogicalOperator& plan) {
  if (plan.type != duckdb::LogicalOperatorType::LOGICAL_GET) return false;
  const auto& get = plan.Cast<duckdb::LogicalGet>();
  return get.function.name == "tm_files" && get.table_filters.filters.empty() &&
         get.dynamic_filters == nullptr && get.extra_info.sample_options == nullptr;
}

// The scan without a column; nulls stand for those that it had.
void ReadNothing(duckdb::Binder* binder, Plan* scan) {
  auto& get = (*scan)->Cast<duckdb::LogicalGet>();
  get.ResolveOperatorTypes();
  duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> nulls;
  for (const duckdb::LogicalType& type : get.types) {
    nulls.push_back(duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value(type)));
  }
  auto projection = duckdb::make_uniq<duckdb::LogicalProjection>(get.table_index, std::move(nulls));
  get.table_index = binder->GenerateTableIndex();
  get.projection_ids.clear();
  get.ClearColumnIds();
  get.AddColumnId(get.GetAnyColumn());
  projection->children.push_back(std::move(*scan));
  *scan = std::move(projection);
}

void ReadNothingBelow(duckdb::Binder* binder, Plan* plan) {
  plan = BelowProjections(plan);
  if (IsWholeScan(**plan)) return ReadNothing(binder, plan);
  if ((*plan)->type != duckdb::LogicalOperatorType::LOGICAL_UNION) return;
  if (!(*plan)->Cast<duckdb::LogicalSetOperation>().setop_all) return;
  for (Plan& child : (*plan)->children) ReadNothingBelow(binder, &child);
}

void CountIn(duckdb::Binder* binder, Plan* plan) {
  if (OnlyCounts(**plan)) return ReadNothingBelow(binder, (*plan)->children.data());
  for (Plan& child : (*plan)->children) CountIn(binder, &child);
}

// The engine takes a count from the files' statistics where there are no groups, as one row: also
// for GROUP BY GROUPING SETS ((), ()), which asks for two. A group that is in no set says so.
void CountForEachSet(duckdb::LogicalOperator* plan) {
  for (Plan& child : plan->children) CountForEachSet(child.get());
  if (plan->type != duckdb::LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) return;
  auto& aggregate = plan->Cast<duckdb::LogicalAggregate>();
  if (!aggregate.groups.empty() || aggregate.grouping_sets.size() < 2) return;
  aggregate.groups.push_back(
      duckdb::make_uniq<duckdb::BoundConstantExpression>(duckdb::Value::BOOLEAN(true)));
}

}  // namespace

void CountWithoutColumns(duckdb::DatabaseInstance& instance) {
  duckdb::OptimizerExtension extension;
  extension.pre_optimize_function = [](duckdb::OptimizerExtensionInput& /*input*/, Plan& plan) {
    CountForEachSet(plan.get());
  };
  extension.optimize_function = [](duckdb::OptimizerExtensionInput& input, Plan& plan) {
    CountIn(&input.optimizer.binder, &plan);
  };
  duckdb::OptimizerExtension::Register(duckdb::DBConfig::GetConfig(instance), extension);
}

}  // namespace tidemark::engine
