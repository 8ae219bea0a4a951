#include "engine/mentions_duckdb.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "duckdb/parser/expression/list.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/list.hpp"
#include "engine/table_calls_duckdb.h"

namespace tidemark::engine {
namespace {

using duckdb::LogicalTypeId;
using duckdb::StringUtil;

duckdb::unique_ptr<duckdb::TableRef> Subquery(duckdb::unique_ptr<duckdb::SelectNode> node) {
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(node);
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
}

// The rows below the relation's end, as it selects them.
duckdb::unique_ptr<duckdb::TableRef> Shape(duckdb::unique_ptr<duckdb::TableRef> rows,
                                           const Relation& relation) {
  if (!relation.end && relation.select_list.empty()) return rows;
  auto select = SelectAll(std::move(rows));
  if (!relation.select_list.empty()) {
    select->select_list = duckdb::Parser::ParseExpressionList(relation.select_list);
  }
  if (relation.end) {
    const std::string& column = relation.schema->columns[relation.schema->log_offset].name;
    select->where_clause = duckdb::make_uniq<duckdb::ComparisonExpression>(
        duckdb::ExpressionType::COMPARE_LESSTHAN,
        duckdb::make_uniq<duckdb::ColumnRefExpression>(column),
        duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value::BIGINT(relation.end->value)));
  }
  return Subquery(std::move(select));
}

std::string TextOf(const Parameter& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return std::to_string(number); }
    std::string operator()(const std::string& text) const { return "'" + text; }
    std::string operator()(TimeMicros time) const { return "@" + std::to_string(time.value); }
  };
  return std::visit(Visitor{}, value);
}

// Unlike that of every other mention.
std::string KeyOf(const Mention& mention) {
  std::string key;
  // Names may have dots of their own.
  for (const std::string& part : mention.name) key += part + '\x1d';
  if (mention.as_of) {
    key += mention.as_of->unit == AsOf::Unit::kVersion ? '\x1e' : '\x1f';
    key += TextOf(mention.as_of->value);
  }
  if (mention.is_call) key += '(';
  for (const Parameter& argument : mention.arguments) key += TextOf(argument) + '\x1f';
  return key;
}

Result<Parameter> ToParameter(const duckdb::Value& value) {
  if (value.IsNull()) return Parameter();  // Whether it may be is for who asked.
  switch (value.type().id()) {
    case LogicalTypeId::VARCHAR:
      return Parameter(duckdb::StringValue::Get(value));
    case LogicalTypeId::DATE:
      return Parameter(TimeMicros(value.GetValueUnsafe<duckdb::date_t>().days * kMicrosPerDay));
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
      return Parameter(TimeMicros(value.GetValueUnsafe<std::int64_t>()));
    case LogicalTypeId::DECIMAL:
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
      return Parameter(value.GetValue<double>());
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
      return Parameter(value.GetValue<std::int64_t>());
    default:
      return Fail(Code::kInvalidArgument,
                  "a version or time may not be a " + value.type().ToString());
  }
}

// What a version or time may be computed with: nothing that takes long or much.
constexpr std::array<std::string_view, 21> kTimeFunctions = {"+",
                                                             "-",
                                                             "*",
                                                             "now",
                                                             "today",
                                                             "get_current_timestamp",
                                                             "current_date",
                                                             "current_timestamp",
                                                             "to_timestamp",
                                                             "date_trunc",
                                                             "trunc",
                                                             "to_years",
                                                             "to_months",
                                                             "to_weeks",
                                                             "to_days",
                                                             "to_hours",
                                                             "to_minutes",
                                                             "to_seconds",
                                                             "to_milliseconds",
                                                             "to_microseconds",
                                                             "transaction_timestamp"};
constexpr int kTimeDepthMax = 16;

bool IsQuick(const duckdb::ParsedExpression& expression, int depth) {
  bool quick = depth <= kTimeDepthMax;
  switch (expression.GetExpressionClass()) {
    case duckdb::ExpressionClass::CONSTANT:
    case duckdb::ExpressionClass::CAST:
      break;
    case duckdb::ExpressionClass::FUNCTION: {
      const std::string name =
          StringUtil::Lower(expression.Cast<duckdb::FunctionExpression>().function_name);
      quick &=
          std::find(kTimeFunctions.begin(), kTimeFunctions.end(), name) != kTimeFunctions.end();
      break;
    }
    case duckdb::ExpressionClass::COLUMN_REF: {  // As the parser has them.
      const auto& names = expression.Cast<duckdb::ColumnRefExpression>().column_names;
      return names.size() == 1 && (StringUtil::CIEquals(names[0], "current_timestamp") ||
                                   StringUtil::CIEquals(names[0], "current_date"));
    }
    default:
      return false;
  }
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      expression,
      [&](const duckdb::ParsedExpression& child) { quick = quick && IsQuick(child, depth + 1); });
  return quick;
}

}  // namespace

duckdb::unique_ptr<duckdb::TableRef> StatementRows(const std::string& sql) {
  duckdb::Parser parser;
  parser.ParseQuery(sql);
  TM_CHECK_EQ(parser.statements.size(), 1U);
  return duckdb::make_uniq<duckdb::SubqueryRef>(
      duckdb::unique_ptr_cast<duckdb::SQLStatement, duckdb::SelectStatement>(
          std::move(parser.statements[0])));
}

std::string FullName(const std::vector<std::string>& parts) {
  std::string name;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    if (!name.empty()) name += '.';
    name += StringUtil::Lower(part);
  }
  return name;
}

std::vector<std::string> NameParts(const duckdb::BaseTableRef& table) {
  std::vector<std::string> parts;
  for (const std::string* part : {&table.catalog_name, &table.schema_name, &table.table_name}) {
    if (!part->empty()) parts.push_back(*part);
  }
  return parts;
}

std::optional<std::size_t> Mentions::FindGiven(const std::string& name) const {
  for (std::size_t i = 0; i < request_.relations.size(); ++i) {
    for (const std::string& known : request_.relations[i].names) {
      if (StringUtil::Lower(known) == name) return i;
    }
  }
  return std::nullopt;
}

bool Mentions::IsKnown(const std::string& name) const {
  return FindGiven(name) || std::find(names_.begin(), names_.end(), name) != names_.end();
}

Result<std::optional<Mentions::Place>> Mentions::Find(const Mention& mention) {
  const std::string name = FullName(mention.name);
  if (!mention.as_of && !mention.is_call) {
    if (const auto given = FindGiven(name)) return std::optional<Place>({*given, *given});
  }
  if (request_.find == nullptr) return std::optional<Place>();
  const std::string key = KeyOf(mention);
  if (const auto before = found_.find(key); before != found_.end()) {
    return std::optional<Place>(before->second);
  }
  TM_ASSIGN(auto relation, request_.find(mention));
  if (relation == nullptr) return std::optional<Place>();
  const Place place{state_->relations.size(), state_->scans.size()};
  state_->scans.push_back({relation, relation->files, {}});
  state_->relations.push_back(std::move(relation));
  found_.emplace(key, place);
  names_.push_back(name);
  return std::optional<Place>(place);
}

// The hot rows, the lake files, or one after the other.
duckdb::unique_ptr<duckdb::TableRef> Mentions::RowsOf(Place place, const Relation& relation) const {
  auto rows = CallTable("tm_rows", duckdb::Value::UBIGINT(place.relation));
  if (relation.files == nullptr || relation.files->empty()) return rows;
  auto files = CallTable("tm_files", duckdb::Value(std::to_string(place.scan)));
  if (relation.hot.empty()) return files;
  auto both = duckdb::make_uniq<duckdb::SetOperationNode>();
  both->setop_type = duckdb::SetOperationType::UNION;
  both->setop_all = true;
  both->children.push_back(SelectAll(std::move(files)));
  both->children.push_back(SelectAll(std::move(rows)));
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  statement->node = std::move(both);
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
}

Result<duckdb::unique_ptr<duckdb::TableRef>> Mentions::ScanOf(const Mention& mention,
                                                              const std::vector<KeptUse>* uses) {
  TM_ASSIGN(const auto place, Find(mention));
  if (!place) return duckdb::unique_ptr<duckdb::TableRef>();
  const Relation& relation = *state_->relations[place->relation];
  if (!relation.statement.empty()) return StatementRows(relation.statement);
  return Shape(uses == nullptr ? RowsOf(*place, relation)
                               : ScanWithKept(place->relation, relation, *uses, state_),
               relation);
}

Result<std::vector<std::string>> Mentions::RequiredColumns(const Mention& mention) {
  std::vector<std::string> names;
  TM_ASSIGN(const auto place, Find(mention));
  if (!place) return names;
  const Relation& relation = *state_->relations[place->relation];
  for (const FileColumn& column : relation.file_columns) {
    if (column.required) names.push_back(column.name);
  }
  if (!relation.file_columns.empty() || !relation.statement.empty()) return names;
  for (const event::TableColumn& column : relation.schema->columns) {
    if (column.required) names.push_back(column.name);
  }
  return names;
}

Result<Parameter> Mentions::ValueOf(const duckdb::ParsedExpression& expression) {
  if (!IsQuick(expression, 0)) {
    return Fail(Code::kInvalidArgument,
                "a version or time must be a constant, or times and intervals added up; the "
                "request's as_of takes it beside the statement");
  }
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::CONSTANT) {
    return ToParameter(expression.Cast<duckdb::ConstantExpression>().value);
  }
  // A session of its own: that of the statement has not begun.
  duckdb::Connection connection(*context_.db);
  const auto result = connection.Query("SELECT " + expression.ToString());
  if (result->HasError()) result->ThrowError();
  return ToParameter(result->GetValue(0, 0));
}

}  // namespace tidemark::engine
