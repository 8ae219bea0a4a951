#include "engine/format_duckdb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "duckdb/common/types/date.hpp"
#include "duckdb/common/types/decimal.hpp"
#include "duckdb/common/types/time.hpp"
#include "duckdb/common/types/timestamp.hpp"
#include "duckdb/common/types/uuid.hpp"
#include "engine/arrow_rows_duckdb.h"

namespace tidemark::engine {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using Format = duckdb::RecursiveUnifiedVectorFormat;

template <class Number>
void AppendNumber(std::string* out, Number number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out->append(digits.data(), end);
}

template <class Float>
void AppendFloat(std::string* out, Float number) {
  if (std::isfinite(number)) {
    AppendNumber(out, number);
  } else {
    out->append("null");
  }
}

// Types that Append knows; the others are cast to text by the engine first.
bool IsKnown(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT:
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
    case LogicalTypeId::DECIMAL:
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB:
    case LogicalTypeId::DATE:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIMESTAMP_NS:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIME:
    case LogicalTypeId::UUID:
    case LogicalTypeId::SQLNULL:
      return true;
    case LogicalTypeId::LIST:
      return IsKnown(duckdb::ListType::GetChildType(type));
    case LogicalTypeId::MAP:
      return IsKnown(duckdb::MapType::KeyType(type)) && IsKnown(duckdb::MapType::ValueType(type));
    case LogicalTypeId::STRUCT:
      for (const auto& child : duckdb::StructType::GetChildTypes(type)) {
        if (!IsKnown(child.second)) return false;
      }
      return true;
    default:
      return false;
  }
}

// The type with lists in the place of arrays, which are written alike.
LogicalType WithoutArrays(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::ARRAY:
      return LogicalType::LIST(WithoutArrays(duckdb::ArrayType::GetChildType(type)));
    case LogicalTypeId::LIST:
      return LogicalType::LIST(WithoutArrays(duckdb::ListType::GetChildType(type)));
    case LogicalTypeId::MAP:
      return LogicalType::MAP(WithoutArrays(duckdb::MapType::KeyType(type)),
                              WithoutArrays(duckdb::MapType::ValueType(type)));
    case LogicalTypeId::STRUCT: {
      duckdb::child_list_t<LogicalType> children;
      for (const auto& [name, child] : duckdb::StructType::GetChildTypes(type)) {
        children.emplace_back(name, WithoutArrays(child));
      }
      return LogicalType::STRUCT(std::move(children));
    }
    default:
      return type;
  }
}

// As what it is written: of a type that Append does not know its text.
LogicalType WrittenType(const LogicalType& type) {
  if (IsKnown(type)) return type;
  LogicalType lists = WithoutArrays(type);
  return IsKnown(lists) ? lists : LogicalType::VARCHAR;
}

bool IsNested(const LogicalType& type) { return type.IsNested(); }

template <class T>
T Get(const Format& format, duckdb::idx_t at) {
  return duckdb::UnifiedVectorFormat::GetData<T>(format.unified)[at];
}

std::string EngineDecimalText(const Format& format, const LogicalType& type, duckdb::idx_t at) {
  const auto width = duckdb::DecimalType::GetWidth(type);
  const auto scale = duckdb::DecimalType::GetScale(type);
  switch (type.InternalType()) {
    case duckdb::PhysicalType::INT16:
      return duckdb::Decimal::ToString(Get<std::int16_t>(format, at), width, scale);
    case duckdb::PhysicalType::INT32:
      return duckdb::Decimal::ToString(Get<std::int32_t>(format, at), width, scale);
    case duckdb::PhysicalType::INT64:
      return duckdb::Decimal::ToString(Get<std::int64_t>(format, at), width, scale);
    default:
      return duckdb::Decimal::ToString(Get<duckdb::hugeint_t>(format, at), width, scale);
  }
}

// The engine writes no zero before the point where all digits are behind it, which is no JSON.
std::string DecimalText(const Format& format, const LogicalType& type, duckdb::idx_t at) {
  std::string text = EngineDecimalText(format, type, at);
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  if (text.compare(digits, 1, ".") == 0) text.insert(digits, 1, '0');
  return text;
}

// `2024-01-15T10:30:00.123456789`: without a zone, always nine digits.
std::string NanosText(std::int64_t nanos) {
  constexpr std::int64_t kNanosOfMicro = 1'000;
  const duckdb::timestamp_t engine_time(nanos);
  if (!duckdb::Timestamp::IsFinite(engine_time)) return duckdb::Timestamp::ToString(engine_time);
  std::int64_t micros = nanos / kNanosOfMicro;
  if (nanos % kNanosOfMicro < 0) --micros;
  std::string text = FormatTime(TimeMicros(micros));
  text.pop_back();  // The Z.
  const std::string digits = std::to_string(nanos - micros * kNanosOfMicro);
  return text.append(3 - digits.size(), '0') + digits;
}

// As the engine writes it: `2024-01-15 10:30:00`.
std::string CoarseText(std::int64_t number, bool seconds) {
  const duckdb::timestamp_t as_is(number);
  if (!duckdb::Timestamp::IsFinite(as_is)) return duckdb::Timestamp::ToString(as_is);
  return duckdb::Timestamp::ToString(seconds ? duckdb::Timestamp::FromEpochSeconds(number)
                                             : duckdb::Timestamp::FromEpochMs(number));
}

// The text of a value that JSON puts into quotes; nothing for the others.
std::optional<std::string> QuotedText(const Format& format, const LogicalType& type,
                                      duckdb::idx_t at) {
  switch (type.id()) {
    case LogicalTypeId::BLOB: {
      const auto bytes = Get<duckdb::string_t>(format, at);
      return ToBase64(AsBytes({bytes.GetData(), bytes.GetSize()}));
    }
    case LogicalTypeId::DATE:
      return duckdb::Date::ToString(Get<duckdb::date_t>(format, at));
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIMESTAMP: {
      const auto time = Get<duckdb::timestamp_t>(format, at);
      const bool zoned = type.id() == LogicalTypeId::TIMESTAMP_TZ;
      if (TimeMicros(time.value) < kTimeMin || TimeMicros(time.value) > kTimeMax) {
        return duckdb::Timestamp::ToString(time);
      }
      std::string text = FormatTime(TimeMicros(time.value));
      if (!zoned) text.pop_back();  // No Z: it has no zone.
      return text;
    }
    case LogicalTypeId::TIMESTAMP_NS:
      return NanosText(Get<std::int64_t>(format, at));
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_SEC:
      return CoarseText(Get<std::int64_t>(format, at), type.id() == LogicalTypeId::TIMESTAMP_SEC);
    case LogicalTypeId::TIME:
      return duckdb::Time::ToString(Get<duckdb::dtime_t>(format, at));
    case LogicalTypeId::UUID:
      return duckdb::UUID::ToString(Get<duckdb::hugeint_t>(format, at));
    default:
      return std::nullopt;
  }
}

// JSON text of the engine is valid but may have line ends between its tokens.
void AppendRawJson(std::string* out, std::string_view json) {
  const std::size_t from = out->size();
  out->append(json);
  for (std::size_t i = from; i < out->size(); ++i) {
    if ((*out)[i] == '\n' || (*out)[i] == '\r') (*out)[i] = ' ';
  }
}

void AppendScalar(std::string* out, const Format& format, const LogicalType& type,
                  duckdb::idx_t at) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      out->append(Get<bool>(format, at) ? "true" : "false");
      return;
    case LogicalTypeId::TINYINT:
      return AppendNumber(out, static_cast<int>(Get<std::int8_t>(format, at)));
    case LogicalTypeId::SMALLINT:
      return AppendNumber(out, Get<std::int16_t>(format, at));
    case LogicalTypeId::INTEGER:
      return AppendNumber(out, Get<std::int32_t>(format, at));
    case LogicalTypeId::BIGINT:
      return AppendNumber(out, Get<std::int64_t>(format, at));
    case LogicalTypeId::UTINYINT:
      return AppendNumber(out, static_cast<unsigned>(Get<std::uint8_t>(format, at)));
    case LogicalTypeId::USMALLINT:
      return AppendNumber(out, Get<std::uint16_t>(format, at));
    case LogicalTypeId::UINTEGER:
      return AppendNumber(out, Get<std::uint32_t>(format, at));
    case LogicalTypeId::UBIGINT:
      return AppendNumber(out, Get<std::uint64_t>(format, at));
    case LogicalTypeId::HUGEINT:
      out->append(Get<duckdb::hugeint_t>(format, at).ToString());
      return;
    case LogicalTypeId::UHUGEINT:
      out->append(Get<duckdb::uhugeint_t>(format, at).ToString());
      return;
    case LogicalTypeId::FLOAT:
      return AppendFloat(out, Get<float>(format, at));
    case LogicalTypeId::DOUBLE:
      return AppendFloat(out, Get<double>(format, at));
    case LogicalTypeId::DECIMAL:
      out->append(DecimalText(format, type, at));
      return;
    default: {
      if (const auto text = QuotedText(format, type, at)) return AppendJsonString(out, *text);
      const auto text = Get<duckdb::string_t>(format, at);
      const std::string_view view(text.GetData(), text.GetSize());
      if (type.IsJSONType()) return AppendRawJson(out, view);
      AppendJsonString(out, view);
    }
  }
}

void AppendJson(std::string* out, const Format& format, const LogicalType& type, duckdb::idx_t row);

void AppendMap(std::string* out, const Format& entries, const LogicalType& type,
               duckdb::list_entry_t range) {
  const auto& key_type = duckdb::MapType::KeyType(type);
  out->push_back('{');
  for (duckdb::idx_t i = 0; i < range.length; ++i) {
    if (i > 0) out->push_back(',');
    const auto at = entries.unified.sel->get_index(range.offset + i);
    std::string key;
    AppendJson(&key, entries.children[0], key_type, at);
    if (key.starts_with('"')) {
      out->append(key);
    } else {
      AppendJsonString(out, key);
    }
    out->push_back(':');
    AppendJson(out, entries.children[1], duckdb::MapType::ValueType(type), at);
  }
  out->push_back('}');
}

void AppendJson(std::string* out, const Format& format, const LogicalType& type,
                duckdb::idx_t row) {
  const auto at = format.unified.sel->get_index(row);
  if (!format.unified.validity.RowIsValid(at)) {
    out->append("null");
    return;
  }
  switch (type.id()) {
    case LogicalTypeId::LIST: {
      const auto range = Get<duckdb::list_entry_t>(format, at);
      out->push_back('[');
      for (duckdb::idx_t i = 0; i < range.length; ++i) {
        if (i > 0) out->push_back(',');
        AppendJson(out, format.children[0], duckdb::ListType::GetChildType(type), range.offset + i);
      }
      out->push_back(']');
      return;
    }
    case LogicalTypeId::MAP:
      return AppendMap(out, format.children[0], type, Get<duckdb::list_entry_t>(format, at));
    case LogicalTypeId::STRUCT: {
      const auto& children = duckdb::StructType::GetChildTypes(type);
      const bool unnamed = duckdb::StructType::IsUnnamed(type);
      out->push_back(unnamed ? '[' : '{');
      for (std::size_t i = 0; i < children.size(); ++i) {
        if (i > 0) out->push_back(',');
        if (!unnamed) {
          AppendJsonString(out, children[i].first);
          out->push_back(':');
        }
        AppendJson(out, format.children[i], children[i].second, at);
      }
      out->push_back(unnamed ? ']' : '}');
      return;
    }
    default:
      AppendScalar(out, format, type, at);
  }
}

void AppendCsvText(std::string* out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (const char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

void AppendCsv(std::string* out, const Format& format, const LogicalType& type, duckdb::idx_t row) {
  const auto at = format.unified.sel->get_index(row);
  if (!format.unified.validity.RowIsValid(at)) return;
  if (IsNested(type)) {
    std::string json;
    AppendJson(&json, format, type, row);
    return AppendCsvText(out, json);
  }
  if (type.id() == LogicalTypeId::VARCHAR) {
    const auto text = Get<duckdb::string_t>(format, at);
    return AppendCsvText(out, {text.GetData(), text.GetSize()});
  }
  if (const auto text = QuotedText(format, type, at)) return AppendCsvText(out, *text);
  const std::size_t from = out->size();
  AppendScalar(out, format, type, at);
  if (std::string_view(*out).substr(from) == "null") out->resize(from);
}

}  // namespace

// A chunk and its columns as they are written.
struct RowFormatter::Columns {
  Columns(const duckdb::vector<LogicalType>& declared, duckdb::unique_ptr<duckdb::DataChunk> rows)
      : chunk(std::move(rows)), types(declared.begin(), declared.end()), formats(declared.size()) {
    for (std::size_t i = 0; i < types.size(); ++i) {
      duckdb::Vector* vector = &chunk->data[i];
      LogicalType written = WrittenType(types[i]);
      if (written != types[i]) {
        cast.push_back(duckdb::make_uniq<duckdb::Vector>(written));
        duckdb::VectorOperations::DefaultCast(*vector, *cast.back(), chunk->size());
        vector = cast.back().get();
        types[i] = std::move(written);
      }
      if (IsNested(types[i])) vector->Flatten(chunk->size());
      duckdb::Vector::RecursiveToUnifiedFormat(*vector, chunk->size(), formats[i]);
    }
  }

  duckdb::unique_ptr<duckdb::DataChunk> chunk;
  std::vector<LogicalType> types;
  std::vector<Format> formats;
  std::vector<duckdb::unique_ptr<duckdb::Vector>> cast;
};

RowFormatter::RowFormatter(duckdb::vector<LogicalType> types, duckdb::vector<std::string> names)
    : types_(std::move(types)), names_(std::move(names)) {
  for (const std::string& name : names_) {
    AppendJsonString(&json_keys_.emplace_back(), name);
    json_keys_.back().push_back(':');
  }
  for (std::size_t i = 0; i < types_.size(); ++i) {
    fields_.push_back(ArrowField(names_[i], WrittenType(types_[i])));
  }
}

RowFormatter::~RowFormatter() = default;

void RowFormatter::Take(duckdb::unique_ptr<duckdb::DataChunk> chunk) {
  columns_ = std::make_unique<Columns>(types_, std::move(chunk));
  next_row_ = 0;
}

std::size_t RowFormatter::rows_left() const {
  return columns_ == nullptr ? 0 : columns_->chunk->size() - next_row_;
}

void RowFormatter::Drop() { columns_.reset(); }

std::size_t RowFormatter::ArrowRows(std::size_t begin, std::size_t end, std::string* out) const {
  const Columns& from = *columns_;
  end = EndOfArrowSlice(from.formats, from.types, begin, end, kSliceBytes);
  std::vector<arrow::Column> columns(from.types.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    columns[i] = ArrowColumn(from.formats[i], from.types[i], fields_[i], begin, end);
  }
  out->append(arrow::BatchMessage(fields_, columns, static_cast<std::int64_t>(end - begin)));
  return end - begin;
}

void RowFormatter::TextRow(RowFormat format, std::size_t row, std::string* out) const {
  const Columns& from = *columns_;
  const std::size_t columns = from.types.size();
  if (format == RowFormat::kCsv) {
    for (std::size_t i = 0; i < columns; ++i) {
      if (i > 0) out->push_back(',');
      AppendCsv(out, from.formats[i], from.types[i], row);
    }
    out->append("\r\n");
    return;
  }
  out->push_back('{');
  for (std::size_t i = 0; i < columns; ++i) {
    if (i > 0) out->push_back(',');
    out->append(json_keys_[i]);
    AppendJson(out, from.formats[i], from.types[i], row);
  }
  out->append(format == RowFormat::kNdjson ? "}\n" : "}");
}

void RowFormatter::Header(RowFormat format, std::string* out) const {
  if (format == RowFormat::kArrow) out->append(arrow::SchemaMessage(fields_));
  if (format != RowFormat::kCsv) return;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendCsvText(out, names_[i]);
  }
  out->append("\r\n");
}

std::size_t RowFormatter::Rows(RowFormat format, std::size_t rows_max, bool first,
                               std::string* out) {
  const std::size_t begin = next_row_;
  const std::size_t end = begin + std::min(rows_max, rows_left());
  if (format == RowFormat::kArrow) {
    next_row_ += ArrowRows(begin, end, out);
    return next_row_ - begin;
  }
  const std::size_t from = out->size();
  std::size_t row = begin;
  for (; row < end && (row == begin || out->size() - from < kSliceBytes); ++row) {
    if (format == RowFormat::kJson && !(first && row == begin)) out->push_back(',');
    TextRow(format, row, out);
  }
  next_row_ = row;
  return row - begin;
}

}  // namespace tidemark::engine
