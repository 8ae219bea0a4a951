#include "fuzz/statistics.h"

#include <algorithm>

#include "base/check.h"
#include "base/json_reader.h"
#include "engine/column_bounds.h"
#include "fuzz/seeds.h"
#include "fuzz/texts.h"
#include "iceberg/scan_filter.h"
#include "lake/bounds.h"
#include "lake/metadata.h"

namespace tidemark::fuzz {
namespace {

engine::ColumnBound BoundIn(std::string_view bytes) {
  const auto flags = static_cast<unsigned char>(bytes.empty() ? 0 : bytes.front());
  bytes.remove_prefix(bytes.empty() ? 0 : 1);
  engine::ColumnBound bound{(flags & 1) != 0, (flags & 2) == 0, (flags & 4) != 0, {}, {}};
  const std::size_t half = bytes.size() / 2;
  if ((flags & 8) == 0) bound.lower = bytes.substr(0, half);
  if ((flags & 16) == 0) bound.upper = bytes.substr(half);
  return bound;
}

// What was packed is found; a bound that is too long is not known.
void CheckPacked(const engine::ColumnBound& bound) {
  engine::ColumnBounds packed;
  packed.Add(1, {});
  packed.Add(7, bound);
  const engine::ColumnBound found = packed.Find(7);
  TM_CHECK(found.may_be_null == bound.may_be_null && found.may_have_value == bound.may_have_value &&
           found.may_be_nan == bound.may_be_nan);
  const auto same = [](const auto& was, const auto& is) {
    return is ? was && *is == *was : !was || was->size() > engine::kColumnBoundBytesMax;
  };
  TM_CHECK(same(bound.lower, found.lower) && same(bound.upper, found.upper));
  TM_CHECK(!packed.Find(2).lower && packed.Find(2).may_be_null);
}

// A text lies within the bounds that are written of it.
void CheckText(std::string_view text) {
  static_cast<void>(lake::IntFromBound(text));
  if (!IsUtf8(text)) return;
  const std::string lower = lake::LowerBoundOf(text);
  TM_CHECK(lower <= text && IsUtf8(lower));
  const auto upper = lake::UpperBoundOf(text);
  TM_CHECK(!upper || (*upper >= text && IsUtf8(*upper)));
}

}  // namespace

// Whatever filter a client wants a scan planned for, and whatever is said of a file: the filter is
// refused with a reason, or the more is known of a file the fewer of its rows may match.
void RunScanFilter(std::string_view bytes) {
  static const lake::TableMetadata table = *lake::ParseMetadata(MetadataSeeds().front());
  static const iceberg::FieldIndex fields =
      iceberg::IndexFields(*JsonValue::Parse(table.schemas.front()->json));
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  const engine::ColumnBound said = BoundIn(bytes.substr(std::min(line + 1, bytes.size())));
  CheckPacked(said);
  if (said.lower) CheckText(*said.lower);
  const auto json = JsonValue::Parse(bytes.substr(0, line));
  if (!json) return;
  const auto filter = iceberg::ScanFilter::Read(*json, fields, bytes.size() % 2 == 0);
  if (!filter) {
    TM_CHECK_EQ(filter.error().status, 400);
    TM_CHECK(!filter.error().message.empty());
    return;
  }
  const iceberg::ScanSpec spec = iceberg::ScanSpecOf(table.specs.front(), fields);
  engine::ColumnBounds bounds;
  for (const auto& [id, field] : fields) bounds.Add(id, said);
  const lake::PartitionValue part{.kind = lake::PartitionValue::Kind::kNumber, .number = 400'000};
  const bool unknown = filter->MayMatch(nullptr, {}, spec);
  TM_CHECK(unknown || !filter->MayMatch(nullptr, {part}, spec));
  TM_CHECK(unknown || !filter->MayMatch(&bounds, {}, spec));
  TM_CHECK(filter->MayMatch(nullptr, {part}, spec) || !filter->MayMatch(&bounds, {part}, spec));
}

std::vector<std::string> ScanFilterSeeds() {
  return {
      R"({"type":"and","left":{"type":"eq","term":"event_type","value":"click"},"right":{"type":)"
      R"("or","left":{"type":"lt","term":"timestamp","value":"2026-03-01T00:00:00+00:00"},)"
      R"("right":{"type":"not-null","term":"user_id"}}})",
      R"({"type":"not","child":{"type":"in","term":"log_offset","values":[1,2,3]}})"
      "\n" +
          std::string(9, '\1') + std::string(7, '\2') + '\3',
      R"({"type":"gt-eq","left":{"type":"reference","name":"value"},"right":{"type":"literal",)"
      R"("value":1.5}})",
      R"({"type":"eq","term":{"type":"transform","transform":"day","term":"timestamp"},)"
      R"("value":20000})",
      R"({"type":"starts-with","child":{"type":"reference","id":2},"value":"a"})",
      "false\n\x03" + std::string(15, 'm') + '\xff',
  };
}

}  // namespace tidemark::fuzz
