#include "lake/bounds.h"

#include "base/bytes.h"

namespace tidemark::lake {
namespace {

constexpr std::uint32_t kCodePointMax = 0x10FFFF;

// Bytes of the first `count` code points of `text`. Bytes that are no UTF-8 count as one each, so
// that a cut never reads past the end.
std::size_t CutAt(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    ++at;
    while (at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80) ++at;
  }
  return at;
}

std::uint32_t DecodeOne(std::string_view bytes) {
  const auto lead = static_cast<std::uint8_t>(bytes[0]);
  std::uint32_t point = bytes.size() == 1   ? lead
                        : bytes.size() == 2 ? lead & 0x1FU
                        : bytes.size() == 3 ? lead & 0x0FU
                                            : lead & 0x07U;
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    point = (point << 6) | (static_cast<std::uint8_t>(bytes[i]) & 0x3FU);
  }
  return point;
}

void EncodeOne(std::string* out, std::uint32_t point) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  const std::uint32_t lead = more == 1 ? 0xC0U : more == 2 ? 0xE0U : 0xF0U;
  out->push_back(static_cast<char>(lead | (point >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(0x80U | ((point >> (6 * i)) & 0x3FU)));
  }
}

template <class T>
std::string Raw(T value) {
  std::string bound;
  PutFixed(&bound, value);
  return bound;
}

}  // namespace

std::string BoundOf(bool value) { return std::string(1, value ? '\1' : '\0'); }
std::string BoundOf(std::int32_t value) { return Raw(value); }
std::string BoundOf(std::int64_t value) { return Raw(value); }
std::string BoundOf(double value) { return Raw(value); }

std::optional<std::int64_t> IntFromBound(std::string_view bound) {
  ByteReader in(bound);
  if (bound.size() == 8) {
    std::int64_t value = 0;
    in.Fixed(&value);
    return value;
  }
  if (bound.size() == 4) {
    std::int32_t value = 0;
    in.Fixed(&value);
    return value;
  }
  return std::nullopt;
}

std::string LowerBoundOf(std::string_view text) {
  return std::string(text.substr(0, CutAt(text, kBoundCodePoints)));
}

std::optional<std::string> UpperBoundOf(std::string_view text) {
  const std::size_t cut = CutAt(text, kBoundCodePoints);
  if (cut == text.size()) return std::string(text);
  for (std::size_t end = cut; end > 0;) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<std::uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
    std::uint32_t point = DecodeOne(text.substr(begin, end - begin)) + 1;
    if (point == 0xD800) point = 0xE000;  // Surrogates are no characters.
    if (point <= kCodePointMax) {
      std::string bound(text.substr(0, begin));
      EncodeOne(&bound, point);
      return bound;
    }
    end = begin;
  }
  return std::nullopt;
}

}  // namespace tidemark::lake
