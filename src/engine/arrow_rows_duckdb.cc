#include "engine/arrow_rows_duckdb.h"

#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "duckdb/common/types/uuid.hpp"

// Types nest as deep as a statement writes them, which the engine bounds.

namespace tidemark::engine {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::PhysicalType;
using Format = duckdb::RecursiveUnifiedVectorFormat;

// Rows of a format by number. kNoRow is one whose parent is null.
using RowList = std::vector<duckdb::idx_t>;
constexpr duckdb::idx_t kNoRow = std::numeric_limits<duckdb::idx_t>::max();

template <class T>
T ValueAt(const Format& format, duckdb::idx_t at) {
  return duckdb::UnifiedVectorFormat::GetData<T>(format.unified)[at];
}

// The value's place, or kNoRow if it is null.
duckdb::idx_t PlaceOf(const Format& format, duckdb::idx_t row) {
  if (row == kNoRow) return kNoRow;
  const auto at = format.unified.sel->get_index(row);
  return format.unified.validity.RowIsValid(at) ? at : kNoRow;
}

void SetInt(int bits, bool is_signed, arrow::Field* field) {
  field->type = arrow::Type::kInt;
  field->bits = bits;
  field->is_signed = is_signed;
}

void SetTime(arrow::Unit unit, bool utc, arrow::Field* field) {
  field->type = arrow::Type::kTimestamp;
  field->unit = unit;
  field->utc = utc;
}

// What Arrow has as a decimal, of 16 bytes however few the engine needs.
bool IsDecimal(const LogicalType& type) {
  return type.id() == LogicalTypeId::DECIMAL || type.id() == LogicalTypeId::HUGEINT;
}

// False: of another type.
bool SetNumber(const LogicalType& type, arrow::Field* field) {
  switch (type.id()) {
    case LogicalTypeId::TINYINT:
      SetInt(8, true, field);
      return true;
    case LogicalTypeId::SMALLINT:
      SetInt(16, true, field);
      return true;
    case LogicalTypeId::INTEGER:
      SetInt(32, true, field);
      return true;
    case LogicalTypeId::BIGINT:
      SetInt(64, true, field);
      return true;
    case LogicalTypeId::UTINYINT:
      SetInt(8, false, field);
      return true;
    case LogicalTypeId::USMALLINT:
      SetInt(16, false, field);
      return true;
    case LogicalTypeId::UINTEGER:
      SetInt(32, false, field);
      return true;
    case LogicalTypeId::UBIGINT:
      SetInt(64, false, field);
      return true;
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
      field->type = arrow::Type::kFloat;
      field->bits = type.id() == LogicalTypeId::DOUBLE ? 64 : 32;
      return true;
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::DECIMAL: {
      const bool decimal = type.id() == LogicalTypeId::DECIMAL;
      field->type = arrow::Type::kDecimal;
      field->precision = decimal ? duckdb::DecimalType::GetWidth(type) : 38;
      field->scale = decimal ? duckdb::DecimalType::GetScale(type) : 0;
      return true;
    }
    default:
      return false;
  }
}

void SetNested(const LogicalType& type, arrow::Field* field) {
  switch (type.id()) {
    case LogicalTypeId::LIST:
      field->type = arrow::Type::kList;
      field->children.push_back(ArrowField("item", duckdb::ListType::GetChildType(type)));
      return;
    case LogicalTypeId::MAP: {
      field->type = arrow::Type::kMap;
      arrow::Field& entries = field->children.emplace_back();
      entries.name = "entries";
      entries.type = arrow::Type::kStruct;
      entries.nullable = false;
      entries.children.push_back(ArrowField("key", duckdb::MapType::KeyType(type)));
      entries.children.back().nullable = false;
      entries.children.push_back(ArrowField("value", duckdb::MapType::ValueType(type)));
      return;
    }
    default: {
      field->type = arrow::Type::kStruct;
      const bool unnamed = duckdb::StructType::IsUnnamed(type);
      for (const auto& [name, child] : duckdb::StructType::GetChildTypes(type)) {
        const std::string number = std::to_string(field->children.size() + 1);
        field->children.push_back(ArrowField(unnamed ? number : name, child));
      }
    }
  }
}

void MarkBit(std::string* bits, std::size_t at) {
  (*bits)[at / 8] = static_cast<char>(static_cast<unsigned char>((*bits)[at / 8]) | 1U << at % 8);
}

// Bytes of a value of fixed width in Arrow.
std::size_t WidthOf(const LogicalType& type) {
  const bool wide = IsDecimal(type) || type.id() == LogicalTypeId::UUID;
  return wide ? 16 : duckdb::GetTypeIdSize(type.InternalType());
}

// The bytes of a value of fixed width, as wide as Arrow has it.
void AppendFixed(const Format& format, const LogicalType& type, duckdb::idx_t at,
                 std::string* out) {
  if (type.id() == LogicalTypeId::UUID) {
    std::array<duckdb::data_t, 16> bytes{};
    duckdb::BaseUUID::ToBlob(ValueAt<duckdb::hugeint_t>(format, at), bytes.data());
    out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return;
  }
  if (!IsDecimal(type)) {
    const std::size_t size = WidthOf(type);
    out->append(reinterpret_cast<const char*>(format.unified.data) + at * size, size);
    return;
  }
  duckdb::hugeint_t number;
  switch (type.InternalType()) {
    case PhysicalType::INT16:
      number = duckdb::hugeint_t(ValueAt<std::int16_t>(format, at));
      break;
    case PhysicalType::INT32:
      number = duckdb::hugeint_t(ValueAt<std::int32_t>(format, at));
      break;
    case PhysicalType::INT64:
      number = duckdb::hugeint_t(ValueAt<std::int64_t>(format, at));
      break;
    default:
      number = ValueAt<duckdb::hugeint_t>(format, at);
  }
  out->append(reinterpret_cast<const char*>(&number.lower), 8);
  out->append(reinterpret_cast<const char*>(&number.upper), 8);
}

void AppendOffset(std::size_t offset, arrow::Column* column) {
  if (offset > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw duckdb::OutOfRangeException("one value of a column has more than 2 GiB");
  }
  const auto number = static_cast<std::int32_t>(offset);
  column->offsets.append(reinterpret_cast<const char*>(&number), sizeof number);
}

arrow::Column Gather(const Format& format, const LogicalType& type, const arrow::Field& field,
                     const RowList& rows);

void GatherTexts(const Format& format, const LogicalType& type, const RowList& places,
                 arrow::Column* column) {
  AppendOffset(0, column);
  for (const duckdb::idx_t at : places) {
    if (at != kNoRow && type.InternalType() == PhysicalType::VARCHAR) {
      const auto text = ValueAt<duckdb::string_t>(format, at);
      column->data.append(text.GetData(), text.GetSize());
    } else if (at != kNoRow) {
      column->data.append(ValueAt<duckdb::uhugeint_t>(format, at).ToString());
    }
    AppendOffset(column->data.size(), column);
  }
}

void GatherLists(const Format& format, const LogicalType& type, const arrow::Field& field,
                 const RowList& places, arrow::Column* column) {
  RowList inner;
  AppendOffset(0, column);
  for (const duckdb::idx_t at : places) {
    const auto range =
        at == kNoRow ? duckdb::list_entry_t(0, 0) : ValueAt<duckdb::list_entry_t>(format, at);
    const std::size_t before = inner.size();
    inner.resize(before + range.length);
    std::iota(inner.begin() + static_cast<std::ptrdiff_t>(before), inner.end(), range.offset);
    AppendOffset(inner.size(), column);
  }
  // A map is a list of structs.
  const LogicalType& child = duckdb::ListType::GetChildType(type);
  column->children.push_back(Gather(format.children[0], child, field.children[0], inner));
}

void GatherStructs(const Format& format, const LogicalType& type, const arrow::Field& field,
                   const RowList& places, arrow::Column* column) {
  const auto& children = duckdb::StructType::GetChildTypes(type);
  for (std::size_t i = 0; i < children.size(); ++i) {
    column->children.push_back(
        Gather(format.children[i], children[i].second, field.children[i], places));
  }
}

void GatherFixed(const Format& format, const LogicalType& type, const RowList& places,
                 arrow::Column* column) {
  const std::size_t width = WidthOf(type);
  column->data.reserve(width * places.size());
  for (const duckdb::idx_t at : places) {
    if (at == kNoRow) {
      column->data.append(width, '\0');
    } else {
      AppendFixed(format, type, at, &column->data);
    }
  }
}

arrow::Column Gather(const Format& format, const LogicalType& type, const arrow::Field& field,
                     const RowList& rows) {
  arrow::Column column;
  column.rows = static_cast<std::int64_t>(rows.size());
  column.validity.assign((rows.size() + 7) / 8, '\0');
  RowList places(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    places[i] = PlaceOf(format, rows[i]);
    if (places[i] == kNoRow) {
      ++column.nulls;
    } else {
      MarkBit(&column.validity, i);
    }
  }
  switch (field.type) {
    case arrow::Type::kUtf8:
    case arrow::Type::kBinary:
      GatherTexts(format, type, places, &column);
      break;
    case arrow::Type::kList:
    case arrow::Type::kMap:
      GatherLists(format, type, field, places, &column);
      break;
    case arrow::Type::kStruct:
      GatherStructs(format, type, field, places, &column);
      break;
    case arrow::Type::kBool:
      column.data.assign(column.validity.size(), '\0');
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (places[i] != kNoRow && ValueAt<bool>(format, places[i])) MarkBit(&column.data, i);
      }
      break;
    default:
      GatherFixed(format, type, places, &column);
  }
  return column;
}

// Whether values differ in size: only these are looked at one by one.
bool IsSized(const LogicalType& type) {
  const PhysicalType physical = type.InternalType();
  return physical == PhysicalType::VARCHAR || physical == PhysicalType::LIST ||
         physical == PhysicalType::STRUCT;
}

std::size_t BytesOf(const Format& format, const LogicalType& type, duckdb::idx_t row);

std::size_t BytesOfStruct(const Format& format, const LogicalType& type, duckdb::idx_t at) {
  std::size_t bytes = 0;
  const auto& children = duckdb::StructType::GetChildTypes(type);
  for (std::size_t i = 0; i < children.size(); ++i) {
    bytes += sizeof(std::int64_t) + BytesOf(format.children[i], children[i].second, at);
  }
  return bytes;
}

std::size_t BytesOfList(const Format& format, const LogicalType& type, duckdb::idx_t at) {
  const auto range = ValueAt<duckdb::list_entry_t>(format, at);
  std::size_t bytes = range.length * sizeof(std::int64_t);
  const LogicalType& child = duckdb::ListType::GetChildType(type);
  if (!IsSized(child)) return bytes;
  for (duckdb::idx_t i = 0; i < range.length; ++i) {
    bytes += BytesOf(format.children[0], child, range.offset + i);
  }
  return bytes;
}

// What a value adds to an answer beside the fixed width of its column.
std::size_t BytesOf(const Format& format, const LogicalType& type, duckdb::idx_t row) {
  if (!IsSized(type)) return 0;
  const duckdb::idx_t at = PlaceOf(format, row);
  if (at == kNoRow) return 0;
  switch (type.InternalType()) {
    case PhysicalType::STRUCT:
      return BytesOfStruct(format, type, at);
    case PhysicalType::LIST:
      return BytesOfList(format, type, at);
    default:
      return ValueAt<duckdb::string_t>(format, at).GetSize();
  }
}

}  // namespace

arrow::Field ArrowField(std::string name, const LogicalType& type) {
  arrow::Field field;
  field.name = std::move(name);
  if (SetNumber(type, &field)) return field;
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      field.type = arrow::Type::kBool;
      break;
    case LogicalTypeId::BLOB:
      field.type = arrow::Type::kBinary;
      break;
    case LogicalTypeId::UUID:
      field.type = arrow::Type::kUuid;
      break;
    case LogicalTypeId::DATE:
      field.type = arrow::Type::kDate;
      break;
    case LogicalTypeId::TIME:
      field.type = arrow::Type::kTime;
      break;
    case LogicalTypeId::TIMESTAMP_SEC:
      SetTime(arrow::Unit::kSecond, false, &field);
      break;
    case LogicalTypeId::TIMESTAMP_MS:
      SetTime(arrow::Unit::kMilli, false, &field);
      break;
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
      SetTime(arrow::Unit::kMicro, type.id() == LogicalTypeId::TIMESTAMP_TZ, &field);
      break;
    case LogicalTypeId::TIMESTAMP_NS:
      SetTime(arrow::Unit::kNano, false, &field);
      break;
    case LogicalTypeId::LIST:
    case LogicalTypeId::MAP:
    case LogicalTypeId::STRUCT:
      SetNested(type, &field);
      break;
    default:
      break;
  }
  return field;
}

arrow::Column ArrowColumn(const Format& format, const LogicalType& type, const arrow::Field& field,
                          std::size_t begin, std::size_t end) {
  RowList rows(end - begin);
  std::iota(rows.begin(), rows.end(), begin);
  return Gather(format, type, field, rows);
}

std::size_t EndOfArrowSlice(const std::vector<Format>& formats,
                            const std::vector<LogicalType>& types, std::size_t begin,
                            std::size_t end, std::size_t bytes_max) {
  std::size_t bytes = 0;
  for (std::size_t row = begin; row < end; ++row) {
    for (std::size_t i = 0; i < formats.size(); ++i) bytes += BytesOf(formats[i], types[i], row);
    if (bytes >= bytes_max) return row + 1;
  }
  return end;
}

}  // namespace tidemark::engine
