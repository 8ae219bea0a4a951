#include "engine/parquet_encoding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace tidemark::engine {
namespace {

constexpr std::size_t kGroup = 8;
constexpr std::size_t kRunMin = 16;  // Shorter runs are cheaper packed.
constexpr std::size_t kBlock = 128;
constexpr std::size_t kMini = 32;

// Packs values of a fixed width, least significant bit first.
class Packer {
 public:
  // Makes room for `bits` bits; no more may be put.
  Packer(std::string* out, std::size_t bits) : out_(out), begin_(out->size()) {
    out->resize(begin_ + (bits + 31) / 32 * sizeof(std::uint32_t));
    at_ = out->data() + begin_;
  }
  void Put(std::uint32_t value, std::uint32_t width) {
    bits_ |= std::uint64_t{value} << used_;
    used_ += width;
    if (used_ < 32) return;
    const auto word = static_cast<std::uint32_t>(bits_);
    std::memcpy(at_, &word, sizeof word);
    at_ += sizeof word;
    bits_ >>= 32;
    used_ -= 32;
  }
  void PutWide(std::uint64_t value, std::uint32_t width) {
    if (width <= 32) return Put(static_cast<std::uint32_t>(value), width);
    Put(static_cast<std::uint32_t>(value), 32);
    Put(static_cast<std::uint32_t>(value >> 32), width - 32);
  }
  void Finish() {
    for (; used_ > 0; used_ -= std::min(used_, 8U), bits_ >>= 8) *at_++ = static_cast<char>(bits_);
    out_->resize(static_cast<std::size_t>(at_ - out_->data()));
  }

 private:
  std::string* const out_;
  const std::size_t begin_;
  char* at_ = nullptr;
  std::uint64_t bits_ = 0;
  std::uint32_t used_ = 0;
};

std::size_t RunAt(std::span<const std::uint32_t> values, std::size_t at, std::size_t max) {
  const std::size_t end =
      std::min(values.size(), max < values.size() - at ? at + max : values.size());
  std::size_t i = at + 1;
  while (i < end && values[i] == values[at]) ++i;
  return i - at;
}

void PutZigzag(std::string* out, std::int64_t value) {
  PutVarint(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

// One block of differences, at most kBlock.
void AppendBlock(std::span<const std::int64_t> deltas, std::string* out) {
  const std::int64_t least = *std::min_element(deltas.begin(), deltas.end());
  PutZigzag(out, least);
  const std::size_t widths = out->size();
  out->append(kBlock / kMini, '\0');
  for (std::size_t mini = 0; mini * kMini < deltas.size(); ++mini) {
    const auto part = deltas.subspan(mini * kMini, std::min(kMini, deltas.size() - mini * kMini));
    std::array<std::uint64_t, kMini> above{};
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      above[i] = static_cast<std::uint64_t>(part[i]) - static_cast<std::uint64_t>(least);
      all |= above[i];
    }
    const auto width = static_cast<std::uint32_t>(std::bit_width(all));
    (*out)[widths + mini] = static_cast<char>(width);
    if (width == 0) continue;
    Packer packer(out, kMini * width);
    for (const std::uint64_t value : above) packer.PutWide(value, width);
    packer.Finish();
  }
}

}  // namespace

std::uint32_t BitWidth(std::uint64_t max) {
  return std::max(1U, static_cast<std::uint32_t>(std::bit_width(max)));
}

void AppendHybrid(std::span<const std::uint32_t> values, std::uint32_t width, std::string* out) {
  for (std::size_t at = 0; at < values.size();) {
    if (const std::size_t probe = RunAt(values, at, kRunMin); probe == kRunMin) {
      const std::size_t run = RunAt(values, at, values.size());
      PutVarint(out, run << 1);
      for (std::uint32_t shift = 0; shift < width; shift += 8) {
        out->push_back(static_cast<char>(values[at] >> shift));
      }
      at += run;
      continue;
    }
    std::size_t end = at + kGroup;
    while (end < values.size() && RunAt(values, end, kRunMin) < kRunMin) end += kGroup;
    PutVarint(out, (end - at) / kGroup << 1 | 1);
    Packer packer(out, (end - at) * width);
    for (; at < end; ++at) packer.Put(at < values.size() ? values[at] : 0, width);
    packer.Finish();
  }
}

void AppendBits(const std::uint64_t* words, std::size_t rows, std::size_t set_bits,
                std::string* out) {
  if (set_bits == 0 || set_bits == rows) {
    PutVarint(out, rows << 1);
    out->push_back(set_bits == 0 ? 0 : 1);
    return;
  }
  const std::size_t bytes = (rows + kGroup - 1) / kGroup;
  PutVarint(out, bytes << 1 | 1);
  out->append(reinterpret_cast<const char*>(words), bytes);
}

void AppendBools(std::span<const std::int64_t> values, std::string* out) {
  const std::size_t begin = out->size();
  out->resize(begin + (values.size() + 7) / 8);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    char& byte = (*out)[begin + i / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | 1U << (i % 8));
  }
}

void AppendDeltas(std::span<const std::int64_t> values, std::string* out) {
  PutVarint(out, kBlock);
  PutVarint(out, kBlock / kMini);
  PutVarint(out, values.size());
  PutZigzag(out, values.empty() ? 0 : values.front());
  std::array<std::int64_t, kBlock> deltas;
  for (std::size_t at = 1; at < values.size();) {
    const std::size_t count = std::min(kBlock, values.size() - at);
    for (std::size_t i = 0; i < count; ++i, ++at) {
      deltas[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[at]) -
                                            static_cast<std::uint64_t>(values[at - 1]));
    }
    AppendBlock(std::span(deltas).first(count), out);
  }
}

}  // namespace tidemark::engine
