#include "engine/column_bounds.h"

#include "base/bytes.h"

namespace tidemark::engine {
namespace {

// A column: its id in 4 bytes, these bits in one, and of each bound that is there its length in one
// byte and its bytes.
constexpr std::uint8_t kNull = 1;
constexpr std::uint8_t kValue = 2;
constexpr std::uint8_t kNan = 4;
constexpr std::uint8_t kLower = 8;
constexpr std::uint8_t kUpper = 16;

bool IsKept(const std::optional<std::string_view>& bound) {
  return bound.has_value() && bound->size() <= kColumnBoundBytesMax;
}

std::string_view Take(std::string_view packed, std::size_t* at) {
  const std::size_t size = static_cast<std::uint8_t>(packed[(*at)++]);
  const std::string_view bound = packed.substr(*at, size);
  *at += size;
  return bound;
}

}  // namespace

void ColumnBounds::Add(std::int32_t field_id, const ColumnBound& bound) {
  if (count_ == kBoundedColumnsMax) return;
  ++count_;
  PutFixed(&packed_, field_id);
  std::uint8_t bits = 0;
  if (bound.may_be_null) bits |= kNull;
  if (bound.may_have_value) bits |= kValue;
  if (bound.may_be_nan) bits |= kNan;
  if (IsKept(bound.lower)) bits |= kLower;
  if (IsKept(bound.upper)) bits |= kUpper;
  packed_.push_back(static_cast<char>(bits));
  for (const auto* one : {&bound.lower, &bound.upper}) {
    if (!IsKept(*one)) continue;
    packed_.push_back(static_cast<char>((*one)->size()));
    packed_.append(**one);
  }
}

ColumnBound ColumnBounds::Find(std::int32_t field_id) const {
  const std::string_view packed = packed_;
  for (std::size_t at = 0; at < packed.size();) {
    std::int32_t id = 0;
    std::memcpy(&id, packed.data() + at, sizeof id);
    at += sizeof id;
    const auto bits = static_cast<std::uint8_t>(packed[at++]);
    ColumnBound bound;
    if ((bits & kLower) != 0) bound.lower = Take(packed, &at);
    if ((bits & kUpper) != 0) bound.upper = Take(packed, &at);
    if (id != field_id) continue;
    bound.may_be_null = (bits & kNull) != 0;
    bound.may_have_value = (bits & kValue) != 0;
    bound.may_be_nan = (bits & kNan) != 0;
    return bound;
  }
  return {};
}

}  // namespace tidemark::engine
