#include "engine/tree_walk_duckdb.h"

#include <algorithm>
#include <utility>

#include "duckdb/common/enum_util.hpp"
#include "duckdb/parser/common_table_expression_info.hpp"
#include "duckdb/parser/expression/list.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/statement/explain_statement.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/list.hpp"
#include "duckdb/parser/tableref/pivotref.hpp"
#include "duckdb/parser/tableref/showref.hpp"

namespace tidemark::engine {
namespace {

using duckdb::ExpressionClass;
using duckdb::QueryNodeType;
using duckdb::StringUtil;
using duckdb::TableReferenceType;

constexpr std::size_t kDepthMax = 500;  // Of nested queries and expressions.

// Kinds of expressions that a parser makes and that may be looked through.
bool IsKnown(ExpressionClass kind) {
  switch (kind) {
    case ExpressionClass::CASE:
    case ExpressionClass::CAST:
    case ExpressionClass::COLUMN_REF:
    case ExpressionClass::COMPARISON:
    case ExpressionClass::CONJUNCTION:
    case ExpressionClass::CONSTANT:
    case ExpressionClass::FUNCTION:
    case ExpressionClass::OPERATOR:
    case ExpressionClass::STAR:
    case ExpressionClass::SUBQUERY:
    case ExpressionClass::WINDOW:
    case ExpressionClass::PARAMETER:
    case ExpressionClass::COLLATE:
    case ExpressionClass::LAMBDA:
    case ExpressionClass::POSITIONAL_REFERENCE:
    case ExpressionClass::BETWEEN:
    case ExpressionClass::LAMBDA_REF:
    case ExpressionClass::TYPE:
    case ExpressionClass::DEFAULT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Status TreeWalk::Walk(duckdb::SQLStatement& statement) {
  switch (statement.type) {
    case duckdb::StatementType::SELECT_STATEMENT:
      return WalkNode(*statement.Cast<duckdb::SelectStatement>().node);
    case duckdb::StatementType::EXPLAIN_STATEMENT:
      return Walk(*statement.Cast<duckdb::ExplainStatement>().stmt);
    case duckdb::StatementType::MULTI_STATEMENT:  // What PIVOT becomes that asks for values first.
      return Fail(Code::kInvalidArgument,
                  "PIVOT needs the values that become columns: ON event_type IN ('page_view', "
                  "'purchase')");
    default:
      return Fail(Code::kPermissionDenied,
                  "only queries are allowed, not " + duckdb::StatementTypeToString(statement.type));
  }
}

bool TreeWalk::IsCte(const std::string& name) const {
  return std::find(ctes_.begin(), ctes_.end(), StringUtil::Lower(name)) != ctes_.end();
}

Status TreeWalk::WalkNode(duckdb::QueryNode& node) {
  if (++depth_ > kDepthMax) return Fail(Code::kInvalidArgument, "the query is nested too deeply");
  const std::size_t outer = ctes_.size();
  // A CTE sees those before it; only a recursive one sees itself.
  for (auto& [name, info] : node.cte_map.map) {
    for (auto& target : info->key_targets) TM_TRY(WalkExpression(target));
    TM_TRY(WalkNode(*info->query->node));
    ctes_.push_back(StringUtil::Lower(name));
  }
  TM_TRY(WalkKind(node));
  Status failed;
  duckdb::ParsedExpressionIterator::EnumerateQueryNodeModifiers(node, [&](Expression& expression) {
    if (failed && expression != nullptr) failed = WalkExpression(expression);
  });
  TM_TRY(std::move(failed));
  ctes_.resize(outer);
  --depth_;
  return {};
}

Status TreeWalk::WalkKind(duckdb::QueryNode& node) {
  switch (node.type) {
    case QueryNodeType::SELECT_NODE:
      return WalkSelect(node.Cast<duckdb::SelectNode>());
    case QueryNodeType::SET_OPERATION_NODE:
      for (auto& child : node.Cast<duckdb::SetOperationNode>().children) TM_TRY(WalkNode(*child));
      return {};
    case QueryNodeType::RECURSIVE_CTE_NODE: {
      auto& recursive = node.Cast<duckdb::RecursiveCTENode>();
      for (auto& target : recursive.key_targets) TM_TRY(WalkExpression(target));
      TM_TRY(WalkNode(*recursive.left));
      ctes_.push_back(StringUtil::Lower(recursive.ctename));
      TM_TRY(WalkNode(*recursive.right));
      ctes_.pop_back();
      return {};
    }
    default:
      return Fail(Code::kPermissionDenied,
                  "this kind of query is not allowed: " + duckdb::EnumUtil::ToString(node.type));
  }
}

Status TreeWalk::WalkSelect(duckdb::SelectNode& node) {
  TM_TRY(OnSelect(node));
  if (node.from_table != nullptr) TM_TRY(WalkTable(node.from_table));
  for (auto& item : node.select_list) {
    TM_TRY(OnSelectItem(item));
    TM_TRY(WalkExpression(item));
  }
  for (auto& group : node.groups.group_expressions) TM_TRY(WalkExpression(group));
  for (auto* clause : {&node.where_clause, &node.having, &node.qualify}) {
    if (*clause != nullptr) TM_TRY(WalkExpression(*clause));
  }
  return {};
}

Status TreeWalk::WalkExpression(Expression& expression) {
  if (++depth_ > kDepthMax) return Fail(Code::kInvalidArgument, "the query is nested too deeply");
  const ExpressionClass kind = expression->GetExpressionClass();
  if (!IsKnown(kind)) {
    return Fail(Code::kPermissionDenied,
                "this kind of expression is not allowed: " + duckdb::EnumUtil::ToString(kind));
  }
  TM_TRY(OnExpression(expression));
  if (expression->GetExpressionClass() == ExpressionClass::SUBQUERY) {
    TM_TRY(WalkNode(*expression->Cast<duckdb::SubqueryExpression>().subquery->node));
  }
  Status failed;
  duckdb::ParsedExpressionIterator::EnumerateChildren(*expression, [&](Expression& child) {
    if (failed && child != nullptr) failed = WalkExpression(child);
  });
  --depth_;
  return failed;
}

Status TreeWalk::WalkTable(Table& table) {
  if (++depth_ > kDepthMax) return Fail(Code::kInvalidArgument, "the query is nested too deeply");
  bool replaced = false;
  TM_TRY(OnTable(table, &replaced));
  if (!replaced) TM_TRY(WalkTableKind(*table));
  --depth_;
  return {};
}

Status TreeWalk::WalkTableKind(duckdb::TableRef& table) {
  switch (table.type) {
    case TableReferenceType::BASE_TABLE:
    case TableReferenceType::EMPTY_FROM:
      return {};
    case TableReferenceType::SUBQUERY:
      return WalkNode(*table.Cast<duckdb::SubqueryRef>().subquery->node);
    case TableReferenceType::JOIN: {
      auto& join = table.Cast<duckdb::JoinRef>();
      TM_TRY(WalkTable(join.left));
      TM_TRY(WalkTable(join.right));
      for (auto& column : join.duplicate_eliminated_columns) TM_TRY(WalkExpression(column));
      if (join.condition != nullptr) TM_TRY(WalkExpression(join.condition));
      return {};
    }
    case TableReferenceType::TABLE_FUNCTION: {
      auto& function = table.Cast<duckdb::TableFunctionRef>();
      if (function.subquery != nullptr) TM_TRY(WalkNode(*function.subquery->node));
      Status failed;
      // The function itself was looked at by OnTable.
      duckdb::ParsedExpressionIterator::EnumerateChildren(*function.function,
                                                          [&](Expression& child) {
                                                            if (failed && child != nullptr)
                                                              failed = WalkExpression(child);
                                                          });
      return failed;
    }
    case TableReferenceType::EXPRESSION_LIST:
      for (auto& row : table.Cast<duckdb::ExpressionListRef>().values) {
        for (auto& value : row) TM_TRY(WalkExpression(value));
      }
      return {};
    case TableReferenceType::PIVOT:
      return WalkPivot(table.Cast<duckdb::PivotRef>());
    case TableReferenceType::SHOW_REF: {
      auto& show = table.Cast<duckdb::ShowRef>();
      if (show.query != nullptr) return WalkNode(*show.query);
      return Fail(Code::kPermissionDenied, "SHOW is not allowed");
    }
    default:
      return Fail(Code::kPermissionDenied,
                  "this kind of table is not allowed: " + duckdb::EnumUtil::ToString(table.type));
  }
}

Status TreeWalk::WalkPivot(duckdb::PivotRef& table) {
  TM_TRY(WalkTable(table.source));
  for (auto& aggregate : table.aggregates) TM_TRY(WalkExpression(aggregate));
  for (auto& pivot : table.pivots) {
    if (pivot.subquery != nullptr || !pivot.pivot_enum.empty()) {
      return Fail(Code::kPermissionDenied, "PIVOT over a query is not allowed: list its values");
    }
    for (auto& expression : pivot.pivot_expressions) TM_TRY(WalkExpression(expression));
    for (auto& entry : pivot.entries) {
      if (entry.expr != nullptr) TM_TRY(WalkExpression(entry.expr));
    }
  }
  return {};
}

}  // namespace tidemark::engine
