#include "engine/json_functions_duckdb.h"

#include <optional>
#include <utility>
#include <vector>

#include "engine/json_path.h"
#include "engine/wrapped_functions_duckdb.h"

namespace tidemark::engine {
namespace {

constexpr std::array kTextNames = {"json_extract_string", "json_extract_path_text", "->>"};
// The binder makes `->` a json_extract.
constexpr std::array kJsonNames = {"json_extract", "json_extract_path"};

enum class Answer : std::uint8_t { kText, kJson };

// The path of all rows, if there is one and it is simple.
std::optional<JsonPath> PathOf(const duckdb::Vector& argument) {
  if (argument.GetVectorType() != duckdb::VectorType::CONSTANT_VECTOR ||
      duckdb::ConstantVector::IsNull(argument)) {
    return std::nullopt;
  }
  if (argument.GetType().id() == duckdb::LogicalTypeId::BIGINT) {
    const auto index = *duckdb::ConstantVector::GetData<std::int64_t>(argument);
    if (index < 0) return std::nullopt;
    return JsonPath::OfIndex(static_cast<std::uint64_t>(index));
  }
  const auto& text = *duckdb::ConstantVector::GetData<duckdb::string_t>(argument);
  return JsonPath::Parse({text.GetData(), text.GetSize()});
}

void Extract(Answer answer, const duckdb::scalar_function_t& engine, duckdb::DataChunk& arguments,
             duckdb::ExpressionState& state, duckdb::Vector& result) {
  const auto path = PathOf(arguments.data[1]);
  // A list as the answer: the path had a wildcard.
  if (!path || result.GetType().id() != duckdb::LogicalTypeId::VARCHAR) {
    return engine(arguments, state, result);
  }
  const duckdb::idx_t count = arguments.size();
  const bool constant = arguments.AllConstant();
  duckdb::UnifiedVectorFormat input;
  arguments.data[0].ToUnifiedFormat(count, input);
  const auto* texts = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(input);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* out = duckdb::FlatVector::GetData<duckdb::string_t>(result);
  auto& valid = duckdb::FlatVector::Validity(result);
  std::vector<duckdb::idx_t> unsure;
  const duckdb::idx_t rows = constant ? 1 : count;
  for (duckdb::idx_t row = 0; row < rows; ++row) {
    const auto at = input.sel->get_index(row);
    if (!input.validity.RowIsValid(at)) {
      valid.SetInvalid(row);
      continue;
    }
    const JsonFound found = path->Find({texts[at].GetData(), texts[at].GetSize()});
    std::string_view text = found.text;
    switch (found.kind) {
      case JsonFound::Kind::kUnsure:
        unsure.push_back(row);
        continue;
      case JsonFound::Kind::kMissing:
        valid.SetInvalid(row);
        continue;
      case JsonFound::Kind::kNull:
        if (answer == Answer::kText) {
          valid.SetInvalid(row);
          continue;
        }
        text = "null";
        break;
      case JsonFound::Kind::kString:
        if (answer == Answer::kJson) text = found.quoted;
        break;
      case JsonFound::Kind::kOther:
        break;
    }
    out[row] = duckdb::StringVector::AddString(result, text.data(), text.size());
  }
  if (!unsure.empty()) {
    duckdb::Vector parsed(result.GetType(), count);
    engine(arguments, state, parsed);
    duckdb::UnifiedVectorFormat format;
    parsed.ToUnifiedFormat(count, format);
    const auto* values = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
    for (const duckdb::idx_t row : unsure) {
      const auto at = format.sel->get_index(row);
      if (format.validity.RowIsValid(at)) {
        out[row] = duckdb::StringVector::AddString(result, values[at]);
      } else {
        valid.SetInvalid(row);
      }
    }
  }
  if (constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
}

void Wrap(duckdb::ExtensionLoader* loader, const char* name, Answer answer) {
  const auto has_path = [](const duckdb::ScalarFunction& function) {
    const auto& path = function.arguments.at(1).id();
    return path == duckdb::LogicalTypeId::VARCHAR || path == duckdb::LogicalTypeId::BIGINT;
  };
  WrapFunction(loader, name, has_path,
               [answer](const duckdb::scalar_function_t& engine, duckdb::DataChunk& arguments,
                        duckdb::ExpressionState& state, duckdb::Vector& result) {
                 Extract(answer, engine, arguments, state, result);
               });
}

}  // namespace

void KeepDigits(duckdb::DatabaseInstance& instance) {
  duckdb::ExtensionLoader loader(instance, "tidemark");
  for (const char* name : kTextNames) Wrap(&loader, name, Answer::kText);
  for (const char* name : kJsonNames) Wrap(&loader, name, Answer::kJson);
}

}  // namespace tidemark::engine
