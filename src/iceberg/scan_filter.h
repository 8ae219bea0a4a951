// The filter of a scan that a client asks to be planned: an expression in the JSON of the REST
// specification ("Predicate"), as a question that bounds, partitions and summaries of manifests can
// answer. What cannot be read from them may match: a client filters the rows itself.
//
// Pure; immutable but for the making; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/column_bounds.h"
#include "engine/predicate.h"
#include "iceberg/problem.h"
#include "iceberg/schema.h"
#include "lake/manifest.h"
#include "lake/partition_values.h"

namespace tidemark::iceberg {

inline constexpr std::size_t kFilterLiteralsMax = 100'000;

// A field of a partition spec, and the column that it is of.
struct ScanPartitionField {
  std::int32_t source_id = 0;
  lake::Transform transform = lake::Transform::kOther;
  std::string source_type;  // Empty: the table has forgotten the column.
  std::string result_type;  // Of the partition's value.
};
struct ScanSpec {
  std::vector<ScanPartitionField> fields;
};
// `schemas`: the fields of all of the table's schemas.
ScanSpec ScanSpecOf(const lake::PartitionSpec& spec, const FieldIndex& schemas);

class ScanFilter {
 public:
  // Every file.
  ScanFilter() = default;
  // 400: no expression, a column that the schema does not have, or too many literals.
  static Outcome<ScanFilter> Read(const JsonValue& json, const FieldIndex& fields,
                                  bool case_sensitive);

  bool MayMatch(const engine::ColumnBounds* bounds, const std::vector<lake::PartitionValue>& tuple,
                const ScanSpec& spec) const;
  bool MayMatch(const lake::ManifestFile& manifest, const ScanSpec& spec) const;

 private:
  class Reader;
  struct Operand {
    std::int32_t field_id = 0;
    std::string type;
    lake::Transform transform = lake::Transform::kIdentity;
  };
  // `column`: what is known of it from its own bounds; `part`: of the spec's i-th field.
  using RangeOfColumn = std::function<engine::ValueRange(const Operand& operand)>;
  using RangeOfPart =
      std::function<engine::ValueRange(std::size_t i, const ScanPartitionField& field)>;
  bool MayMatch(const RangeOfColumn& column, const RangeOfPart& part, const ScanSpec& spec) const;

  engine::Predicate predicate_;
  std::vector<Operand> operands_;
};

}  // namespace tidemark::iceberg
