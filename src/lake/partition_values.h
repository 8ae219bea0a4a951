// The values of a partition tuple, back from DataFile::partition_key. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::lake {

struct PartitionValue {
  enum class Kind : std::uint8_t {
    kNull,
    kNumber,   // Of int, long, date, time, timestamps and boolean.
    kBytes,    // Of string, binary, fixed, uuid and decimal: as Avro has them.
    kEncoded,  // Of float and double: 4 or 8 bytes, little-endian.
  };
  Kind kind = Kind::kNull;
  std::int64_t number = 0;
  std::string bytes = {};
  friend bool operator==(const PartitionValue&, const PartitionValue&) = default;
};

// Of a uuid or decimal, as people write it: "f79c3e09-677c-4bbd-a479-3f349cb785e7", "-3.05".
// Nothing of other types, or if it cannot be one. `type`: as the schema has it, "decimal(9, 2)".
std::optional<std::string> BytesText(std::string_view type, std::string_view bytes);

// One a field of the spec; fewer if `key` is none that ReadManifest made.
std::vector<PartitionValue> PartitionValuesOf(std::string_view key);

}  // namespace tidemark::lake
