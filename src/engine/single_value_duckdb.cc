#include "engine/single_value_duckdb.h"

#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "duckdb/common/types/hugeint.hpp"

namespace tidemark::engine {
namespace {

using duckdb::LogicalTypeId;
using duckdb::Value;

template <class T>
std::optional<T> FixedOf(std::string_view bytes) {
  if (bytes.size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::optional<std::int64_t> Whole(std::string_view bytes) {
  if (const auto narrow = FixedOf<std::int32_t>(bytes)) return *narrow;
  return FixedOf<std::int64_t>(bytes);
}

std::optional<double> DoubleOf(std::string_view bytes) {
  if (const auto narrow = FixedOf<float>(bytes)) return double{*narrow};
  return FixedOf<double>(bytes);
}

// The unscaled number, big endian, in as few bytes as it needs or more.
std::optional<Value> Decimal(std::string_view bytes, const duckdb::LogicalType& type) {
  if (bytes.empty() || bytes.size() > 16) return std::nullopt;
  const bool negative = (static_cast<std::uint8_t>(bytes[0]) & 0x80) != 0;
  std::uint64_t upper = negative ? ~std::uint64_t{0} : 0;
  std::uint64_t lower = upper;
  for (const char c : bytes) {
    upper = upper << 8 | lower >> 56;
    lower = lower << 8 | static_cast<std::uint8_t>(c);
  }
  duckdb::hugeint_t whole;
  whole.lower = lower;
  whole.upper = static_cast<std::int64_t>(upper);
  const auto width = duckdb::DecimalType::GetWidth(type);
  const auto scale = duckdb::DecimalType::GetScale(type);
  const auto number = static_cast<std::int64_t>(whole.lower);
  switch (type.InternalType()) {
    case duckdb::PhysicalType::INT16:
      return Value::DECIMAL(static_cast<std::int16_t>(number), width, scale);
    case duckdb::PhysicalType::INT32:
      return Value::DECIMAL(static_cast<std::int32_t>(number), width, scale);
    case duckdb::PhysicalType::INT64:
      return Value::DECIMAL(number, width, scale);
    default:
      return Value::DECIMAL(whole, width, scale);
  }
}

std::optional<Value> Time(std::int64_t number, LogicalTypeId type) {
  switch (type) {
    case LogicalTypeId::TIME:
      return Value::TIME(duckdb::dtime_t(number));
    case LogicalTypeId::TIMESTAMP:
      return Value::TIMESTAMP(duckdb::timestamp_t(number));
    case LogicalTypeId::TIMESTAMP_TZ:
      return Value::TIMESTAMPTZ(duckdb::timestamp_tz_t(number));
    default:
      return Value::TIMESTAMPNS(duckdb::timestamp_ns_t(number));
  }
}

std::optional<Value> Text(std::string_view bytes, LogicalTypeId type) {
  if (type == LogicalTypeId::BLOB) {
    return Value::BLOB(reinterpret_cast<duckdb::const_data_ptr_t>(bytes.data()), bytes.size());
  }
  if (type == LogicalTypeId::UUID) {
    return bytes.size() == 16 ? std::optional(Value::UUID(ToHex(AsBytes(bytes)))) : std::nullopt;
  }
  return Value(std::string(bytes));
}

}  // namespace

std::optional<Value> SingleValue(std::string_view bytes, const duckdb::LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN:
      return bytes.size() == 1 ? std::optional(Value::BOOLEAN(bytes[0] != 0)) : std::nullopt;
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::DATE: {
      const auto whole = Whole(bytes);
      if (!whole) return std::nullopt;
      if (type.id() == LogicalTypeId::BIGINT) return Value::BIGINT(*whole);
      const auto narrow = static_cast<std::int32_t>(*whole);
      if (narrow != *whole) return std::nullopt;
      return type.id() == LogicalTypeId::DATE ? Value::DATE(duckdb::date_t(narrow))
                                              : Value::INTEGER(narrow);
    }
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: {
      const auto number = DoubleOf(bytes);
      if (!number) return std::nullopt;
      return type.id() == LogicalTypeId::DOUBLE ? Value::DOUBLE(*number)
                                                : Value::FLOAT(static_cast<float>(*number));
    }
    case LogicalTypeId::DECIMAL:
      return Decimal(bytes, type);
    case LogicalTypeId::TIME:
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ:
    case LogicalTypeId::TIMESTAMP_NS: {
      const auto number = FixedOf<std::int64_t>(bytes);
      return number ? Time(*number, type.id()) : std::nullopt;
    }
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB:
    case LogicalTypeId::UUID:
      return Text(bytes, type.id());
    default:
      return std::nullopt;
  }
}

}  // namespace tidemark::engine
