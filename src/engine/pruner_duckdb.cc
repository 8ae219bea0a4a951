#include "engine/pruner_duckdb.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "duckdb/execution/expression_executor.hpp"
#include "duckdb/planner/expression/list.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/filter/list.hpp"

namespace tidemark::engine {
namespace {

using duckdb::Expression;
using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalTypeId;
using Kind = Predicate::Kind;

std::optional<BoundValue> ToBound(const duckdb::Value& value) {
  if (value.IsNull()) return std::nullopt;
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
      return BoundValue(value.GetValue<std::int64_t>());
    case LogicalTypeId::DATE:
      return BoundValue(std::int64_t{value.GetValueUnsafe<duckdb::date_t>().days});
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIME:
      return BoundValue(value.GetValueUnsafe<std::int64_t>());
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: {
      const auto number = value.GetValue<double>();
      return std::isnan(number) ? std::nullopt : std::optional<BoundValue>(number);
    }
    case LogicalTypeId::VARCHAR:
      if (!duckdb::StringType::GetCollation(value.type()).empty()) return std::nullopt;
      return BoundValue(duckdb::StringValue::Get(value));
    case LogicalTypeId::BLOB:
      return BoundValue(duckdb::StringValue::Get(value));
    default:
      return std::nullopt;
  }
}

// The same value as the engine has it.
std::optional<duckdb::Value> ToValue(const BoundValue& bound, const duckdb::LogicalType& type) {
  if (!std::holds_alternative<std::int64_t>(bound)) return std::nullopt;
  const std::int64_t micros = std::get<std::int64_t>(bound);
  if (type.id() == LogicalTypeId::TIMESTAMP_TZ) {
    return duckdb::Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(micros));
  }
  if (type.id() == LogicalTypeId::TIMESTAMP) {
    return duckdb::Value::TIMESTAMP(duckdb::timestamp_t(micros));
  }
  return std::nullopt;
}

template <class T>
std::optional<T> Fixed(std::string_view bound) {
  if (bound.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bound.data(), sizeof value);
  return value;
}

template <class T>
std::optional<BoundValue> Whole(std::string_view bound) {
  const auto value = Fixed<T>(bound);
  return value ? std::optional<BoundValue>(std::int64_t{*value}) : std::nullopt;
}

std::optional<BoundValue> Number(std::string_view bound) {
  std::optional<double> value = Fixed<double>(bound);
  if (const auto narrow = Fixed<float>(bound)) value = double{*narrow};
  if (!value || std::isnan(*value)) return std::nullopt;
  return BoundValue(*value);
}

// A bound of a file may be of the narrower type that the column had when it was written.
std::optional<BoundValue> Decode(std::string_view bound, LogicalTypeId type) {
  switch (type) {
    case LogicalTypeId::BOOLEAN:
      if (bound.size() != 1) return std::nullopt;
      return BoundValue(std::int64_t{bound[0] != 0});
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::DATE:
      return Whole<std::int32_t>(bound);
    case LogicalTypeId::BIGINT:
      return bound.size() == 4 ? Whole<std::int32_t>(bound) : Whole<std::int64_t>(bound);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIME:
      return Whole<std::int64_t>(bound);
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
      return Number(bound);
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB:
      return BoundValue(std::string(bound));
    default:
      return std::nullopt;
  }
}

bool IsTime(const duckdb::LogicalType& type) {
  return type.id() == LogicalTypeId::TIMESTAMP || type.id() == LogicalTypeId::TIMESTAMP_TZ;
}

std::optional<Kind> CompareKind(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL:
    case ExpressionType::COMPARE_NOT_DISTINCT_FROM:
      return Kind::kEqual;
    case ExpressionType::COMPARE_NOTEQUAL:
      return Kind::kUnequal;
    case ExpressionType::COMPARE_LESSTHAN:
      return Kind::kLess;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return Kind::kLessOrEqual;
    case ExpressionType::COMPARE_GREATERTHAN:
      return Kind::kGreater;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return Kind::kGreaterOrEqual;
    default:
      return std::nullopt;
  }
}

}  // namespace

ValueRange RangeOf(const ColumnBound& bound, const duckdb::LogicalType& type) {
  ValueRange range;
  range.may_be_null = bound.may_be_null;
  range.may_have_value = bound.may_have_value;
  const bool is_float = type.id() == LogicalTypeId::DOUBLE || type.id() == LogicalTypeId::FLOAT;
  range.may_be_nan = is_float && bound.may_be_nan;
  if (bound.lower) range.lower = Decode(*bound.lower, type.id());
  if (bound.upper) range.upper = Decode(*bound.upper, type.id());
  return range;
}

// Reads filters into a Predicate. What it does not understand may be anything.
class Pruner::Maker {
 public:
  Maker(duckdb::ClientContext& context, const ColumnOf& column_of, std::vector<Operand>* operands)
      : context_(context), column_of_(column_of), operands_(*operands) {}

  // Of `expression` being true; with `negated` of its being false.
  Predicate Make(const Expression& expression, bool negated) {
    switch (expression.GetExpressionClass()) {
      case ExpressionClass::BOUND_CONSTANT:
        return Constant(expression.Cast<duckdb::BoundConstantExpression>().value, negated);
      case ExpressionClass::BOUND_COMPARISON: {
        const auto& compare = expression.Cast<duckdb::BoundComparisonExpression>();
        return Compare(compare.GetExpressionType(), *compare.left, *compare.right, negated);
      }
      case ExpressionClass::BOUND_BETWEEN:
        return Between(expression.Cast<duckdb::BoundBetweenExpression>(), negated);
      case ExpressionClass::BOUND_CONJUNCTION: {
        const auto& conjunction = expression.Cast<duckdb::BoundConjunctionExpression>();
        const bool is_and = conjunction.GetExpressionType() == ExpressionType::CONJUNCTION_AND;
        Predicate made{.kind = is_and != negated ? Kind::kAll : Kind::kAny};
        for (const auto& child : conjunction.children)
          made.children.push_back(Make(*child, negated));
        return made;
      }
      case ExpressionClass::BOUND_OPERATOR:
        return Operator(expression.Cast<duckdb::BoundOperatorExpression>(), negated);
      case ExpressionClass::BOUND_FUNCTION:
        return negated ? Predicate() : Prefix(expression.Cast<duckdb::BoundFunctionExpression>());
      default:
        return {};
    }
  }

 private:
  static Predicate Constant(const duckdb::Value& value, bool negated) {
    if (value.type().id() != LogicalTypeId::BOOLEAN) return {};
    if (value.IsNull() || value.GetValue<bool>() == negated) return Predicate::Nothing();
    return {};
  }

  // A constant of the statement; null: it is none.
  std::optional<duckdb::Value> ValueOf(const Expression& expression) const {
    if (!expression.IsFoldable()) return std::nullopt;
    duckdb::Value value;
    if (!duckdb::ExpressionExecutor::TryEvaluateScalar(context_, expression, value)) {
      return std::nullopt;
    }
    return value;
  }

  std::size_t Add(Operand operand) {
    operands_.push_back(std::move(operand));
    return operands_.size() - 1;
  }

  // Functions that give no smaller value for a greater time, and the argument that is the time.
  static const Expression* TimeIn(const Expression& expression) {
    if (expression.GetExpressionClass() == ExpressionClass::BOUND_CAST) {
      const auto& cast = expression.Cast<duckdb::BoundCastExpression>();
      const bool grows = IsTime(cast.child->return_type) &&
                         (cast.return_type.id() == LogicalTypeId::DATE || IsTime(cast.return_type));
      return grows ? cast.child.get() : nullptr;
    }
    if (expression.GetExpressionClass() != ExpressionClass::BOUND_FUNCTION) return nullptr;
    const auto& call = expression.Cast<duckdb::BoundFunctionExpression>();
    const bool grows = call.function.name == "date_trunc" || call.function.name == "time_bucket";
    if (!grows || call.children.size() != 2 || !call.children[0]->IsFoldable()) return nullptr;
    return call.children[1].get();
  }

  std::optional<std::size_t> OperandOf(const Expression& expression) {
    if (const auto column = column_of_(expression)) return Add({*column, nullptr});
    const Expression* time = TimeIn(expression);
    if (time == nullptr || !IsTime(time->return_type)) return std::nullopt;
    const auto column = column_of_(*time);
    if (!column) return std::nullopt;
    return Add({*column, std::shared_ptr<const Expression>(expression.Copy().release())});
  }

  Predicate Compare(ExpressionType type, const Expression& left, const Expression& right,
                    bool negated) {
    const Expression* constant = &right;
    std::optional<duckdb::Value> value = ValueOf(right);
    const Expression* other = &left;
    if (!value) {
      std::swap(constant, other);
      value = ValueOf(*constant);
      if (!value) return {};
      type = duckdb::FlipComparisonExpression(type);
    }
    const bool distinct = type == ExpressionType::COMPARE_DISTINCT_FROM ||
                          type == ExpressionType::COMPARE_NOT_DISTINCT_FROM;
    if (negated && distinct) return {};
    if (negated) type = duckdb::NegateComparisonExpression(type);
    if (value->IsNull() && !distinct) return Predicate::Nothing();
    const auto operand = OperandOf(*other);
    if (!operand) return {};
    if (value->IsNull()) {
      return {.kind = type == ExpressionType::COMPARE_DISTINCT_FROM ? Kind::kNotNull : Kind::kNull,
              .operand = *operand};
    }
    const auto kind = CompareKind(type);
    auto bound = ToBound(*value);
    if (!kind || !bound) return {};
    return {.kind = *kind, .operand = *operand, .values = {*std::move(bound)}};
  }

  Predicate Between(const duckdb::BoundBetweenExpression& between, bool negated) {
    Predicate made{.kind = negated ? Kind::kAny : Kind::kAll};
    made.children.push_back(
        Compare(between.LowerComparisonType(), *between.input, *between.lower, negated));
    made.children.push_back(
        Compare(between.UpperComparisonType(), *between.input, *between.upper, negated));
    return made;
  }

  Predicate Operator(const duckdb::BoundOperatorExpression& call, bool negated) {
    switch (call.GetExpressionType()) {
      case ExpressionType::OPERATOR_NOT:
        return Make(*call.children[0], !negated);
      case ExpressionType::OPERATOR_IS_NULL:
        return Null(*call.children[0], !negated);
      case ExpressionType::OPERATOR_IS_NOT_NULL:
        return Null(*call.children[0], negated);
      case ExpressionType::COMPARE_IN:
        return negated ? Predicate() : OneOf(call);
      default:
        return {};
    }
  }

  Predicate Null(const Expression& of, bool is_null) {
    const auto operand = OperandOf(of);
    if (!operand) return {};
    return {.kind = is_null ? Kind::kNull : Kind::kNotNull, .operand = *operand};
  }

  Predicate OneOf(const duckdb::BoundOperatorExpression& call) {
    Predicate made{.kind = Kind::kEqual};
    for (std::size_t i = 1; i < call.children.size(); ++i) {
      const auto value = ValueOf(*call.children[i]);
      if (!value) return {};
      if (value->IsNull()) continue;  // Equal to nothing.
      auto bound = ToBound(*value);
      if (!bound) return {};
      made.values.push_back(*std::move(bound));
    }
    const auto operand = OperandOf(*call.children[0]);
    if (!operand) return {};
    made.operand = *operand;
    std::sort(made.values.begin(), made.values.end());
    return made;
  }

  Predicate Prefix(const duckdb::BoundFunctionExpression& call) {
    const std::string_view name = call.function.name;
    const bool like = name == "~~";
    if ((!like && name != "prefix" && name != "starts_with" && name != "^@") ||
        call.children.size() != 2) {
      return {};
    }
    const auto value = ValueOf(*call.children[1]);
    if (!value) return {};
    if (value->IsNull()) return Predicate::Nothing();
    auto bound = ToBound(*value);
    if (!bound || !std::holds_alternative<std::string>(*bound)) return {};
    const auto operand = OperandOf(*call.children[0]);
    if (!operand) return {};
    auto& text = std::get<std::string>(*bound);
    if (like) text.resize(std::min(text.find_first_of("%_"), text.size()));
    return {.kind = Kind::kPrefix, .operand = *operand, .values = {*std::move(bound)}};
  }

  duckdb::ClientContext& context_;
  const ColumnOf& column_of_;
  std::vector<Operand>& operands_;
};

Pruner::Pruner(duckdb::ClientContext& context,
               const duckdb::vector<duckdb::unique_ptr<Expression>>& filters,
               const ColumnOf& column_of) {
  Maker maker(context, column_of, &operands_);
  for (const auto& filter : filters) {
    Predicate made = maker.Make(*filter, false);
    if (made.kind != Kind::kAnything) predicate_.children.push_back(std::move(made));
  }
}

Pruner::Pruner(const duckdb::TableFilterSet& filters, const ColumnOfKey& column_of) {
  for (const auto& [key, filter] : filters.filters) {
    const auto column = column_of(key);
    if (!column) continue;
    operands_.push_back({column->place, nullptr});
    Predicate made = FromFilter(*filter, operands_.size() - 1, column->type);
    if (made.kind != Kind::kAnything) predicate_.children.push_back(std::move(made));
  }
}

Predicate Pruner::FromFilter(const duckdb::TableFilter& filter, std::size_t operand,
                             const duckdb::LogicalType& type) {
  using duckdb::TableFilterType;
  const auto bound_of = [&](const duckdb::Value& value) {
    return value.type() == type ? ToBound(value) : std::nullopt;
  };
  const auto of_children = [&](Kind kind, const duckdb::ConjunctionFilter& conjunction) {
    Predicate made{.kind = kind};
    for (const auto& child : conjunction.child_filters) {
      made.children.push_back(FromFilter(*child, operand, type));
    }
    return made;
  };
  switch (filter.filter_type) {
    case TableFilterType::CONSTANT_COMPARISON: {
      const auto& compare = filter.Cast<duckdb::ConstantFilter>();
      const auto kind = CompareKind(compare.comparison_type);
      auto bound = bound_of(compare.constant);
      if (!kind || !bound) return {};
      return {.kind = *kind, .operand = operand, .values = {*std::move(bound)}};
    }
    case TableFilterType::IN_FILTER: {
      Predicate made{.kind = Kind::kEqual, .operand = operand};
      for (const duckdb::Value& value : filter.Cast<duckdb::InFilter>().values) {
        auto bound = bound_of(value);
        if (!bound) return {};
        made.values.push_back(*std::move(bound));
      }
      std::sort(made.values.begin(), made.values.end());
      return made;
    }
    case TableFilterType::IS_NULL:
      return {.kind = Kind::kNull, .operand = operand};
    case TableFilterType::IS_NOT_NULL:
      return {.kind = Kind::kNotNull, .operand = operand};
    case TableFilterType::CONJUNCTION_AND:
      return of_children(Kind::kAll, filter.Cast<duckdb::ConjunctionAndFilter>());
    case TableFilterType::CONJUNCTION_OR:
      return of_children(Kind::kAny, filter.Cast<duckdb::ConjunctionOrFilter>());
    case TableFilterType::OPTIONAL_FILTER: {
      const auto& child = filter.Cast<duckdb::OptionalFilter>().child_filter;
      return child == nullptr ? Predicate() : FromFilter(*child, operand, type);
    }
    case TableFilterType::DYNAMIC_FILTER: {
      const auto& data = filter.Cast<duckdb::DynamicFilter>().filter_data;
      if (data == nullptr || !data->initialized) return {};
      const duckdb::lock_guard<duckdb::mutex> lock(data->lock);
      return data->filter == nullptr ? Predicate() : FromFilter(*data->filter, operand, type);
    }
    default:
      return {};
  }
}

// The values of the function at both ends; what it cannot be asked for is not known.
ValueRange Pruner::RangeOf(duckdb::ClientContext& context, const Operand& operand,
                           const ValueRange& column) {
  if (operand.of == nullptr) return column;
  ValueRange range = column;
  const auto at = [&](const std::optional<BoundValue>& end) -> std::optional<BoundValue> {
    if (!end) return std::nullopt;
    auto expression = operand.of->Copy();
    bool placed = false;
    duckdb::ExpressionIterator::EnumerateExpression(
        expression, [&](duckdb::unique_ptr<Expression>& child) {
          if (child->GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF) return;
          const auto value = ToValue(*end, child->return_type);
          if (!value) return;
          child = duckdb::make_uniq<duckdb::BoundConstantExpression>(*value);
          placed = true;
        });
    duckdb::Value value;
    if (!placed || !duckdb::ExpressionExecutor::TryEvaluateScalar(context, *expression, value)) {
      return std::nullopt;
    }
    return ToBound(value);
  };
  range.lower = at(column.lower);
  range.upper = at(column.upper);
  range.may_have_text = nullptr;
  // What the function makes of a value may be null, of a null nothing else.
  range.may_be_null = true;
  return range;
}

bool Pruner::asks_for_texts() const {
  const auto asks = [](const auto& self, const Predicate& predicate) -> bool {
    if (predicate.kind == Kind::kEqual) {
      return !predicate.values.empty() &&
             std::holds_alternative<std::string>(predicate.values.front());
    }
    return std::any_of(predicate.children.begin(), predicate.children.end(),
                       [&](const Predicate& child) { return self(self, child); });
  };
  return asks(asks, predicate_);
}

bool Pruner::MayMatch(duckdb::ClientContext& context,
                      const std::function<ValueRange(std::size_t column)>& range_of) const {
  return engine::MayMatch(predicate_, [&](std::size_t i) {
    return RangeOf(context, operands_[i], range_of(operands_[i].column));
  });
}

std::function<bool(std::size_t)> Pruner::IsColumn(std::size_t column) const {
  return [this, column](std::size_t i) {
    return operands_[i].of == nullptr && operands_[i].column == column;
  };
}

WholeRange Pruner::RangeWanted(std::size_t column) const {
  return engine::RangeWanted(predicate_, IsColumn(column));
}

bool Pruner::IsRangeOf(std::size_t column) const {
  return engine::IsRange(predicate_, IsColumn(column));
}

}  // namespace tidemark::engine
