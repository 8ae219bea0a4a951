#include "engine/bounded_functions_duckdb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "duckdb/optimizer/optimizer_extension.hpp"
#include "duckdb/planner/expression/bound_function_expression.hpp"
#include "duckdb/planner/expression_iterator.hpp"
#include "duckdb/planner/filter/conjunction_filter.hpp"
#include "duckdb/planner/filter/expression_filter.hpp"
#include "duckdb/planner/logical_operator_visitor.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "engine/stoppable_calls_duckdb.h"
#include "engine/wildcard.h"
#include "engine/wrapped_functions_duckdb.h"

// The library has them, but their header includes one that does not come with it.
namespace duckdb {
idx_t LowerLength(const char* text, idx_t size);
void LowerCase(const char* text, idx_t size, char* lower);
}  // namespace duckdb

namespace tidemark::engine {
namespace {

using duckdb::LogicalTypeId;
using duckdb::scalar_function_t;
using duckdb::string_t;

// The engine's own way takes the square of the length for two.
constexpr std::ptrdiff_t kWildcardsOfTheEngine = 2;

struct Pattern {
  const char* name;
  char any;
  bool folds = false;  // Upper and lower case are one.
  bool negates = false;
};
constexpr std::array<Pattern, 9> kPatterns = {{{"~~", '%'},
                                               {"!~~", '%', false, true},
                                               {"~~*", '%', true},
                                               {"!~~*", '%', true, true},
                                               {"like_escape", '%'},
                                               {"not_like_escape", '%', false, true},
                                               {"ilike_escape", '%', true},
                                               {"not_ilike_escape", '%', true, true},
                                               {"~~~", '*'}}};
constexpr std::array kDistances = {"levenshtein", "editdist3", "jaro_similarity",
                                   "jaro_winkler_similarity"};
constexpr const char* kMatrixDistance = "damerau_levenshtein";
// They compare the second text, all of it, at every place of the first where it could begin.
constexpr std::array kSearches = {"contains",  "instr",   "strpos",
                                  "position",  "replace", "string_split",
                                  "str_split", "split",   "string_to_array"};
constexpr std::array kTimes = {"range", "generate_series"};
constexpr std::array kPadding = {"lpad", "rpad", "bitstring"};

std::string_view View(const string_t& text) { return {text.GetData(), text.GetSize()}; }

std::string Folded(std::string_view text) {
  std::string lower(duckdb::LowerLength(text.data(), text.size()), '\0');
  duckdb::LowerCase(text.data(), text.size(), lower.data());
  return lower;
}

// One argument of a call, by row.
class Argument {
 public:
  Argument(duckdb::Vector& vector, duckdb::idx_t count) { vector.ToUnifiedFormat(count, format_); }

  bool IsNull(duckdb::idx_t row) const { return !format_.validity.RowIsValid(At(row)); }
  template <class T>
  const T& Get(duckdb::idx_t row) const {
    return duckdb::UnifiedVectorFormat::GetData<T>(format_)[At(row)];
  }
  std::string_view Text(duckdb::idx_t row) const { return View(Get<string_t>(row)); }

 private:
  duckdb::idx_t At(duckdb::idx_t row) const { return format_.sel->get_index(row); }
  duckdb::UnifiedVectorFormat format_;
};

// The sum over the rows of the product of both lengths, of second texts of more than `short_max`.
double StepsOf(const Argument& left, const Argument& right, duckdb::idx_t rows,
               std::size_t short_max = 0) {
  double steps = 0;
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    if (left.IsNull(row) || right.IsNull(row) || right.Text(row).size() <= short_max) continue;
    steps +=
        static_cast<double>(left.Text(row).size()) * static_cast<double>(right.Text(row).size());
  }
  return steps;
}

void CheckSearch(const char* name, duckdb::DataChunk& arguments) {
  const Argument wanted(arguments.data[1], arguments.size());
  // What nearly all look for is one short text.
  const bool one = arguments.data[1].GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  if (one && (wanted.IsNull(0) || wanted.Text(0).size() <= kShortTextBytes)) return;
  const duckdb::idx_t rows = arguments.AllConstant() ? 1 : arguments.size();
  const Argument texts(arguments.data[0], arguments.size());
  if (StepsOf(texts, wanted, rows, kShortTextBytes) <= kSearchStepsMax) return;
  throw duckdb::InvalidInputException(
      "%s of texts this long would take too long: look for a shorter one", name);
}

bool IsSlow(const Pattern& pattern, const Argument& patterns, duckdb::idx_t rows) {
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    if (patterns.IsNull(row)) continue;
    const std::string_view text = patterns.Text(row);
    if (std::count(text.begin(), text.end(), pattern.any) > kWildcardsOfTheEngine) return true;
  }
  return false;
}

bool Matches(const Pattern& pattern, std::string_view text, std::string_view with,
             std::string_view escape) {
  if (pattern.any == '*') return MatchesGlob(text, with);
  if (escape.size() > 1) {
    throw duckdb::InvalidInputException("ESCAPE is followed by one character or none");
  }
  const char escaping = escape.empty() ? '\0' : escape.front();
  const auto matches = pattern.folds ? MatchesLike(Folded(text), Folded(with), escaping)
                                     : MatchesLike(text, with, escaping);
  if (!matches) throw duckdb::InvalidInputException(matches.error().message());
  return *matches;
}

void MatchRows(const Pattern& pattern, const scalar_function_t& engine,
               duckdb::DataChunk& arguments, duckdb::ExpressionState& state,
               duckdb::Vector& result) {
  CheckSearch("LIKE or GLOB", arguments);
  const bool constant = arguments.AllConstant();
  const duckdb::idx_t rows = constant ? 1 : arguments.size();
  const Argument texts(arguments.data[0], arguments.size());
  const Argument patterns(arguments.data[1], arguments.size());
  if (!IsSlow(pattern, patterns, rows)) return engine(arguments, state, result);
  std::optional<Argument> escapes;
  if (arguments.ColumnCount() > 2) escapes.emplace(arguments.data[2], arguments.size());
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* out = duckdb::FlatVector::GetData<bool>(result);
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    if (texts.IsNull(row) || patterns.IsNull(row) || (escapes && escapes->IsNull(row))) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    out[row] = Matches(pattern, texts.Text(row), patterns.Text(row),
                       escapes ? escapes->Text(row) : "") != pattern.negates;
  }
  if (constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

void CheckDistance(const char* name, duckdb::DataChunk& arguments) {
  const duckdb::idx_t rows = arguments.AllConstant() ? 1 : arguments.size();
  const Argument left(arguments.data[0], arguments.size());
  const Argument right(arguments.data[1], arguments.size());
  if (StepsOf(left, right, rows) <= kDistanceStepsMax) return;
  throw duckdb::InvalidInputException(
      "%s of texts this long would take too long: compare shorter ones, as in left(text, 1000)",
      name);
}

// The engine makes a matrix of 8 bytes a step, which no limit of memory knows of.
void CheckMatrix(const char* name, duckdb::DataChunk& arguments) {
  const duckdb::idx_t rows = arguments.AllConstant() ? 1 : arguments.size();
  const Argument left(arguments.data[0], arguments.size());
  const Argument right(arguments.data[1], arguments.size());
  bool fits = StepsOf(left, right, rows) <= kMatrixStepsMax;
  for (duckdb::idx_t row = 0; row < rows && fits; ++row) {
    if (left.IsNull(row) || right.IsNull(row)) continue;
    fits = (left.Text(row).size() + 2) * (right.Text(row).size() + 2) <= kMatrixCellsMax;
  }
  if (fits) return;
  throw duckdb::InvalidInputException(
      "%s of texts this long would take too long: compare shorter ones, as in left(text, 250)",
      name);
}

void CheckPadding(const char* name, duckdb::DataChunk& arguments) {
  const duckdb::idx_t rows = arguments.AllConstant() ? 1 : arguments.size();
  const Argument lengths(arguments.data[1], arguments.size());
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    if (lengths.IsNull(row) || lengths.Get<std::int32_t>(row) <= kPaddedBytesMax) continue;
    throw duckdb::InvalidInputException("%s makes at most %lld characters or bits", name,
                                        static_cast<long long>(kPaddedBytesMax));
  }
}

double MicrosOf(const duckdb::interval_t& step) {
  constexpr double kDay = 86'400e6;
  return (step.months * 30.0 + step.days) * kDay + static_cast<double>(step.micros);
}

// The engine counts the steps before it takes memory for them.
void CheckTimes(const char* name, duckdb::DataChunk& arguments) {
  const duckdb::idx_t rows = arguments.AllConstant() ? 1 : arguments.size();
  const Argument begins(arguments.data[0], arguments.size());
  const Argument ends(arguments.data[1], arguments.size());
  const Argument steps(arguments.data[2], arguments.size());
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    if (begins.IsNull(row) || ends.IsNull(row) || steps.IsNull(row)) continue;
    const double span = static_cast<double>(ends.Get<std::int64_t>(row)) -
                        static_cast<double>(begins.Get<std::int64_t>(row));
    const double step = MicrosOf(steps.Get<duckdb::interval_t>(row));
    if (span <= 0 ? step >= 0 : step <= 0) continue;  // None, or refused.
    if (span / step <= kTimesMax) continue;
    throw duckdb::InvalidInputException("%s makes at most %lld times: take a longer step", name,
                                        static_cast<long long>(kTimesMax));
  }
}

// Texts become such numbers, and those texts, in the square of their length.
bool CastBigNumber(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t count,
                   duckdb::CastParameters& parameters);

struct BigNumberCast final : duckdb::BoundCastData {
  explicit BigNumberCast(duckdb::cast_function_t from) : engine(from) {}
  duckdb::unique_ptr<duckdb::BoundCastData> Copy() const override {
    return duckdb::make_uniq<BigNumberCast>(engine);
  }
  duckdb::cast_function_t engine;
};

duckdb::BoundCastInfo BindBigNumber(duckdb::BindCastInput& input, const duckdb::LogicalType& from,
                                    const duckdb::LogicalType& to) {
  const auto engine = duckdb::DefaultCasts::GetDefaultCastFunction(input, from, to);
  return {CastBigNumber, duckdb::make_uniq<BigNumberCast>(engine.function)};
}

bool CastBigNumber(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t count,
                   duckdb::CastParameters& parameters) {
  const bool constant = source.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  const Argument numbers(source, count);
  double steps = 0;
  for (duckdb::idx_t row = 0; row < (constant ? 1 : count); ++row) {
    if (numbers.IsNull(row)) continue;
    const auto size = static_cast<double>(numbers.Text(row).size());
    steps += size * size;
  }
  if (steps > kBigNumberStepsMax) {
    throw duckdb::InvalidInputException(
        "numbers this long would take too long: a BIGNUM may have some 200000 digits");
  }
  return parameters.cast_data->Cast<BigNumberCast>().engine(source, result, count, parameters);
}

template <class Check>
void WrapWithCheck(duckdb::ExtensionLoader* loader, const char* name, LogicalTypeId second,
                   Check check) {
  const auto is_meant = [second](const duckdb::ScalarFunction& function) {
    return function.arguments.size() >= 2 && function.arguments[1].id() == second;
  };
  WrapFunction(loader, name, is_meant,
               [name, check](const scalar_function_t& engine, duckdb::DataChunk& arguments,
                             duckdb::ExpressionState& state, duckdb::Vector& result) {
                 check(name, arguments);
                 engine(arguments, state, result);
               });
}

void WrapPattern(duckdb::ExtensionLoader* loader, const Pattern& pattern) {
  const auto is_meant = [](duckdb::ScalarFunction& function) {
    // It would put a callback of its own in this one's place.
    function.SetStatisticsCallback(nullptr);
    return true;
  };
  WrapFunction(loader, pattern.name, is_meant,
               [pattern](const scalar_function_t& engine, duckdb::DataChunk& arguments,
                         duckdb::ExpressionState& state, duckdb::Vector& result) {
                 MatchRows(pattern, engine, arguments, state, result);
               });
}

void BoundMade(duckdb::Expression* expression) {
  duckdb::ExpressionIterator::EnumerateChildren(
      *expression, [](duckdb::Expression& child) { BoundMade(&child); });
  if (expression->GetExpressionClass() != duckdb::ExpressionClass::BOUND_FUNCTION) return;
  auto& function = expression->Cast<duckdb::BoundFunctionExpression>().function;
  if (IsCallStoppable(function)) return;  // As it is in the catalog.
  const bool searches =
      function.name == "contains" || function.name == "~~" || function.name == "!~~";
  if (searches && function.arguments.size() >= 2 &&
      function.arguments[1].id() == LogicalTypeId::VARCHAR) {
    function.SetFunctionCallback(
        [engine = function.GetFunctionCallback()](
            duckdb::DataChunk& arguments, duckdb::ExpressionState& state, duckdb::Vector& result) {
          CheckSearch("LIKE or contains", arguments);
          engine(arguments, state, result);
        });
  }
  MakeCallStoppable(&function);
}

void BoundFilter(duckdb::TableFilter* filter) {
  if (filter->filter_type == duckdb::TableFilterType::EXPRESSION_FILTER) {
    return BoundMade(filter->Cast<duckdb::ExpressionFilter>().expr.get());
  }
  if (filter->filter_type != duckdb::TableFilterType::CONJUNCTION_AND &&
      filter->filter_type != duckdb::TableFilterType::CONJUNCTION_OR) {
    return;
  }
  for (const auto& child : reinterpret_cast<duckdb::ConjunctionFilter*>(filter)->child_filters) {
    BoundFilter(child.get());
  }
}

// Binding a call may give it another callback than the catalog's, and the optimizer makes searches
// of patterns that are constants, with the engine's callbacks.
void BoundPlan(duckdb::LogicalOperator* plan) {
  for (const auto& child : plan->children) BoundPlan(child.get());
  duckdb::LogicalOperatorVisitor::EnumerateExpressions(
      *plan, [](duckdb::unique_ptr<duckdb::Expression>* one) { BoundMade(one->get()); });
  if (plan->type != duckdb::LogicalOperatorType::LOGICAL_GET) return;
  for (const auto& [column, filter] : plan->Cast<duckdb::LogicalGet>().table_filters.filters) {
    BoundFilter(filter.get());
  }
}

}  // namespace

void BoundFunctions(duckdb::DatabaseInstance& instance) {
  duckdb::ExtensionLoader loader(instance, "tidemark");
  for (const Pattern& pattern : kPatterns) WrapPattern(&loader, pattern);
  for (const char* name : kDistances) {
    WrapWithCheck(&loader, name, LogicalTypeId::VARCHAR, CheckDistance);
  }
  WrapWithCheck(&loader, kMatrixDistance, LogicalTypeId::VARCHAR, CheckMatrix);
  for (const char* name : kSearches) {
    WrapWithCheck(&loader, name, LogicalTypeId::VARCHAR, CheckSearch);
  }
  for (const char* name : kPadding) {
    WrapWithCheck(&loader, name, LogicalTypeId::INTEGER, CheckPadding);
  }
  for (const char* name : kTimes) {
    WrapWithCheck(&loader, name, LogicalTypeId::TIMESTAMP, CheckTimes);
    WrapWithCheck(&loader, name, LogicalTypeId::TIMESTAMP_TZ, CheckTimes);
  }
  auto& casts = duckdb::DBConfig::GetConfig(instance).GetCastFunctions();
  casts.RegisterCastFunction(duckdb::LogicalType::VARCHAR, duckdb::LogicalType::BIGNUM,
                             BindBigNumber);
  casts.RegisterCastFunction(duckdb::LogicalType::BIGNUM, duckdb::LogicalType::VARCHAR,
                             BindBigNumber);
  duckdb::OptimizerExtension extension;
  // Before, for calls of constants are made by the optimizer, and after it for those that it makes.
  extension.pre_optimize_function = extension.optimize_function =
      [](duckdb::OptimizerExtensionInput&, duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
        BoundPlan(plan.get());
      };
  duckdb::OptimizerExtension::Register(duckdb::DBConfig::GetConfig(instance), extension);
}

}  // namespace tidemark::engine
