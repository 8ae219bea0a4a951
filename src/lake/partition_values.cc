#include "lake/partition_values.h"

#include "base/bytes.h"

namespace tidemark::lake {
namespace {

// Avro's long: zigzag, then a varint.
bool ReadLong(ByteReader* in, std::int64_t* value) {
  std::uint64_t raw = 0;
  if (!in->Varint(&raw)) return false;
  *value = static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
  return true;
}

bool ReadBytes(ByteReader* in, std::string* bytes) {
  std::int64_t size = 0;
  std::string_view view;
  if (!ReadLong(in, &size) || size < 0 || !in->Bytes(static_cast<std::size_t>(size), &view)) {
    return false;
  }
  *bytes = view;
  return true;
}

// An optional float has the number of its branch before it; of a null there is nothing else.
void Unwrap(PartitionValue* value) {
  const std::size_t size = value->bytes.size();
  if (size == 5 || size == 9) value->bytes.erase(0, 1);
  if (size < 4) *value = PartitionValue();
}

}  // namespace

std::vector<PartitionValue> PartitionValuesOf(std::string_view key) {
  std::vector<PartitionValue> values;
  ByteReader in(key);
  while (in.remaining() > 0) {
    std::int64_t kind = 0;
    PartitionValue value;
    if (!ReadLong(&in, &kind) || kind < 0 || kind > 3) return values;
    value.kind = static_cast<PartitionValue::Kind>(kind);
    if (value.kind == PartitionValue::Kind::kNumber && !ReadLong(&in, &value.number)) return values;
    if (kind >= 2 && !ReadBytes(&in, &value.bytes)) return values;
    if (value.kind == PartitionValue::Kind::kEncoded) Unwrap(&value);
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace tidemark::lake
