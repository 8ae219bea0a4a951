#include "engine/stoppable_calls_duckdb.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "duckdb/catalog/catalog_entry/scalar_function_catalog_entry.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/execution/expression_executor_state.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "engine/scan_duckdb.h"

namespace tidemark::engine {
namespace {

using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::scalar_function_t;

enum class Growth : std::uint8_t {
  kSquare,  // Of the size of the first argument.
  kPairs,   // Of the sizes of all that came before and of each argument.
};

// What its own arguments may make of one row; measured at some seconds, but for regular expressions
// and normalizing, where it depends on the pattern and the text: up to a minute or two.
struct Costly {
  std::string_view name;
  Growth growth;
  double steps_max;
  const char* advice;
};
constexpr double kSquareBytesMax = 128 << 10;
constexpr const char* kShorterText = "texts of up to 128 KiB, as in left(text, 131072)";
constexpr const char* kSmallerMaps = "maps of fewer entries";
constexpr const char* kShorterPath = "paths of up to 500 KiB";
constexpr std::array<Costly, 11> kCostly = {{
    {"json_merge_patch", Growth::kPairs, 2e10, "smaller objects"},
    {"json_contains", Growth::kPairs, 2e10, "smaller documents"},
    {"nfc_normalize", Growth::kSquare, kSquareBytesMax* kSquareBytesMax, kShorterText},
    {"map_concat", Growth::kPairs, 1e10 * kElementSteps* kElementSteps, kSmallerMaps},
    {"parse_path", Growth::kSquare, 3e11, kShorterPath},
    {"parse_dirpath", Growth::kSquare, 3e11, kShorterPath},
    {"parse_filename", Growth::kSquare, 3e11, kShorterPath},
    {"regexp_extract_all", Growth::kSquare, kSquareBytesMax* kSquareBytesMax, kShorterText},
    {"regexp_split_to_array", Growth::kSquare, kSquareBytesMax* kSquareBytesMax, kShorterText},
    {"string_split_regex", Growth::kSquare, kSquareBytesMax* kSquareBytesMax, kShorterText},
    {"str_split_regex", Growth::kSquare, kSquareBytesMax* kSquareBytesMax, kShorterText},
}};
// With options, which may be that all matches are meant.
constexpr Costly kReplaceAll = {"regexp_replace", Growth::kSquare, kSquareBytesMax* kSquareBytesMax,
                                kShorterText};
constexpr std::size_t kReplaceAllArguments = 4;
// So much of a step is a step of those that grow faster: some are done a nanosecond.
constexpr double kGrownSteps = 128;
constexpr idx_t kRowsLookedAt = 64;

// They take the same time whatever the size of their arguments is, which they only refer to.
constexpr std::array<std::string_view, 34> kConstantTime = {"array_extract",
                                                            "array_length",
                                                            "array_slice",
                                                            "array_value",
                                                            "cardinality",
                                                            "constant_or_null",
                                                            "element_at",
                                                            "len",
                                                            "list_element",
                                                            "list_extract",
                                                            "list_pack",
                                                            "list_slice",
                                                            "list_value",
                                                            "map_entries",
                                                            "map_keys",
                                                            "map_values",
                                                            "octet_length",
                                                            "remap_struct",
                                                            "row",
                                                            "strlen",
                                                            "struct_concat",
                                                            "struct_extract",
                                                            "struct_extract_at",
                                                            "struct_insert",
                                                            "struct_pack",
                                                            "struct_update",
                                                            "struct_values",
                                                            "switch",
                                                            "typeof",
                                                            "union_extract",
                                                            "union_tag",
                                                            "union_value",
                                                            "unpivot_list",
                                                            "vector_type"};

const Costly* FindCostly(const duckdb::ScalarFunction& function) {
  if (function.name == kReplaceAll.name && function.arguments.size() >= kReplaceAllArguments) {
    return &kReplaceAll;
  }
  const auto* found = std::find_if(kCostly.begin(), kCostly.end(), [&](const Costly& costly) {
    return costly.name == function.name;
  });
  return found == kCostly.end() ? nullptr : found;
}

// Calls `add(row, steps)` for `looked_at` rows of a text or a list, which `place` names.
template <class Place, class Add>
void EachSize(duckdb::Vector& vector, idx_t rows, idx_t looked_at, const Place& place,
              const Add& add) {
  const auto type = vector.GetType().InternalType();
  if (type != duckdb::PhysicalType::VARCHAR && type != duckdb::PhysicalType::LIST) return;
  duckdb::UnifiedVectorFormat format;
  vector.ToUnifiedFormat(rows, format);
  const auto* texts = reinterpret_cast<const duckdb::string_t*>(format.data);
  const auto* lists = reinterpret_cast<const duckdb::list_entry_t*>(format.data);
  for (idx_t i = 0; i < looked_at; ++i) {
    const idx_t row = place(i);
    const idx_t at = format.sel->get_index(row);
    if (!format.validity.RowIsValid(at)) continue;
    add(row, type == duckdb::PhysicalType::VARCHAR
                 ? static_cast<double>(texts[at].GetSize())
                 : static_cast<double>(lists[at].length) * kElementSteps);
  }
}

// The same of all rows.
template <class Add>
void EachSize(duckdb::Vector& vector, idx_t rows, const Add& add) {
  EachSize(vector, rows, rows, [](idx_t row) { return row; }, add);
}

// Places of rows to look at: others than those that a statement could count on.
class Places {
 public:
  explicit Places(idx_t rows) : rows_(rows) {}
  idx_t Next() {
    thread_local std::uint32_t state = 1;
    state = state * 1'664'525 + 1'013'904'223;
    return rows_ * state >> 32;
  }

 private:
  const idx_t rows_;
};

// Of many rows some are looked at and stand for the others.
double SumOfSizes(duckdb::DataChunk& arguments, idx_t rows) {
  double sum = 0;
  for (duckdb::Vector& vector : arguments.data) {
    const bool once = vector.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
    const bool some = !once && rows > kRowsLookedAt;
    const idx_t looked_at = once ? 1 : std::min(rows, kRowsLookedAt);
    double of_vector = 0;
    Places places(rows);
    EachSize(
        vector, rows, looked_at, [&](idx_t row) { return some ? places.Next() : row; },
        [&](idx_t, double size) { of_vector += size; });
    sum += of_vector * static_cast<double>(rows) / static_cast<double>(looked_at);
  }
  return sum;
}

// So large is none of them.
double LargestSize(duckdb::DataChunk& arguments, idx_t rows) {
  double largest = 0;
  for (duckdb::Vector& vector : arguments.data) {
    const bool once = vector.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
    EachSize(vector, once ? 1 : rows,
             [&](idx_t, double size) { largest = std::max(largest, size); });
  }
  return largest;
}

// Of each row; `costly` may be null.
std::vector<double> StepsOfRows(duckdb::DataChunk& arguments, idx_t rows, const Costly* costly) {
  std::vector<double> steps(rows);
  if (costly == nullptr) {
    for (duckdb::Vector& vector : arguments.data) {
      EachSize(vector, rows, [&](idx_t row, double size) { steps[row] += size; });
    }
    return steps;
  }
  if (costly->growth == Growth::kSquare) {
    EachSize(arguments.data[0], rows, [&](idx_t row, double size) { steps[row] = size * size; });
    return steps;
  }
  std::vector<double> before(rows);
  for (duckdb::Vector& vector : arguments.data) {
    EachSize(vector, rows, [&](idx_t row, double size) {
      steps[row] += before[row] * size;
      before[row] += size;
    });
  }
  return steps;
}

void LookAtLimits(duckdb::ExpressionState& state, double steps) {
  thread_local double not_looked = 0;
  not_looked += steps + kCallSteps;
  if (not_looked < kLookSteps) return;
  not_looked = 0;
  if (!state.HasContext()) return;
  const auto scan = state.GetContext().registered_state->Get<ScanState>(ScanState::kKey);
  if (scan != nullptr && scan->must_end && scan->must_end()) throw duckdb::InterruptException();
}

class StoppableCall {
 public:
  StoppableCall(scalar_function_t engine, const Costly* costly)
      : engine_(std::move(engine)), costly_(costly) {}

  void operator()(duckdb::DataChunk& arguments, duckdb::ExpressionState& state,
                  duckdb::Vector& result) const {
    const bool constant = arguments.AllConstant();
    const idx_t rows = constant ? 1 : arguments.size();
    if (costly_ != nullptr) return CallCostly(rows, arguments, state, result);
    const double sum = SumOfSizes(arguments, rows);
    LookAtLimits(state, sum);
    if (sum <= kWholeSteps || rows <= 1) return engine_(arguments, state, result);
    InPieces(StepsOfRows(arguments, rows, nullptr), arguments, state, result);
  }

 private:
  void CallCostly(idx_t rows, duckdb::DataChunk& arguments, duckdb::ExpressionState& state,
                  duckdb::Vector& result) const {
    const double size = LargestSize(arguments, rows) * static_cast<double>(arguments.ColumnCount());
    double sum = size * size * static_cast<double>(rows) / kGrownSteps;
    std::vector<double> steps;
    if (sum > kWholeSteps) {
      sum = 0;
      steps = StepsOfRows(arguments, rows, costly_);
      for (double& of_row : steps) {
        Refuse(of_row);
        sum += of_row /= kGrownSteps;
      }
    }
    LookAtLimits(state, sum);
    if (sum <= kWholeSteps || rows <= 1) return engine_(arguments, state, result);
    InPieces(steps, arguments, state, result);
  }

  void Refuse(double steps) const {
    if (steps <= costly_->steps_max) return;
    throw duckdb::InvalidInputException("%s of values this large would take too long: use it on %s",
                                        std::string(costly_->name), costly_->advice);
  }

  void InPieces(const std::vector<double>& steps, duckdb::DataChunk& arguments,
                duckdb::ExpressionState& state, duckdb::Vector& result) const {
    result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
    for (idx_t begin = 0; begin < steps.size();) {
      idx_t end = begin;
      for (double sum = 0; end < steps.size() && sum < kPieceSteps; ++end) sum += steps[end];
      duckdb::SelectionVector selected(end - begin);
      for (idx_t row = begin; row < end; ++row) selected.set_index(row - begin, row);
      duckdb::DataChunk piece;
      piece.InitializeEmpty(arguments.GetTypes());
      piece.Slice(arguments, selected, end - begin);
      piece.SetCardinality(end - begin);
      duckdb::Vector part(result.GetType(), end - begin);
      LookAtLimits(state, kLookSteps);
      engine_(piece, state, part);
      duckdb::VectorOperations::Copy(part, result, end - begin, 0, begin);
      begin = end;
    }
  }

  scalar_function_t engine_;
  const Costly* costly_;
};

// Numbers, times and the like are never large.
bool IsNeverLarge(const LogicalType& type) {
  return type.IsNumeric() || type.IsTemporal() || type.id() == LogicalTypeId::BOOLEAN ||
         type.id() == LogicalTypeId::INTERVAL || type.id() == LogicalTypeId::UUID;
}

bool IsMeant(const duckdb::ScalarFunction& function) {
  const bool is_small =
      !function.HasVarArgs() &&
      std::all_of(function.arguments.begin(), function.arguments.end(), IsNeverLarge);
  return !is_small && std::find(kConstantTime.begin(), kConstantTime.end(), function.name) ==
                          kConstantTime.end();
}

}  // namespace

bool IsCallStoppable(const duckdb::ScalarFunction& function) {
  const scalar_function_t callback = function.GetFunctionCallback();
  return callback.target<StoppableCall>() != nullptr;
}

void MakeCallStoppable(duckdb::ScalarFunction* function) {
  scalar_function_t callback = function->GetFunctionCallback();
  if (!callback || callback.target<StoppableCall>() != nullptr || !IsMeant(*function)) return;
  function->SetFunctionCallback(StoppableCall(std::move(callback), FindCostly(*function)));
}

void MakeCallsStoppable(duckdb::Connection& connection) {
  const auto names = connection.Query(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'scalar'");
  if (names->HasError()) names->ThrowError();
  duckdb::ExtensionLoader loader(*connection.context->db, "tidemark");
  for (idx_t row = 0; row < names->RowCount(); ++row) {
    auto entry = loader.TryGetFunction(names->GetValue(0, row).ToString());
    if (!entry || entry->type != duckdb::CatalogType::SCALAR_FUNCTION_ENTRY) continue;
    auto& functions = entry->Cast<duckdb::ScalarFunctionCatalogEntry>().functions.functions;
    for (duckdb::ScalarFunction& function : functions) MakeCallStoppable(&function);
  }
}

}  // namespace tidemark::engine
