#include "dedupe/filter.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tidemark::dedupe {
namespace {

constexpr std::array<std::uint32_t, 8> kSalts = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU,
                                                 0xa2b7289dU, 0x705495c7U, 0x2df1424bU,
                                                 0x9efc4947U, 0x5c6bfb31U};

std::uint32_t MaskOf(std::uint32_t key, std::size_t word) {
  return 1U << ((key * kSalts[word]) >> 27);
}

}  // namespace

std::uint64_t Filter::BytesFor(std::uint64_t entries) {
  constexpr std::uint64_t kBlockBits = kWords * 32;
  const std::uint64_t blocks = (entries * kFilterBitsPerEntry + kBlockBits - 1) / kBlockBits;
  return std::max<std::uint64_t>(1, blocks) * kWords * sizeof(std::uint32_t);
}

Filter Filter::ForEntries(std::uint64_t entries) {
  Filter filter;
  filter.words_.resize(BytesFor(entries) / sizeof(std::uint32_t));
  return filter;
}

Filter Filter::FromText(std::string_view bytes) {
  Filter filter;
  filter.words_.resize(bytes.size() / sizeof(std::uint32_t) / kWords * kWords);
  std::memcpy(filter.words_.data(), bytes.data(), filter.bytes());
  return filter;
}

void Filter::Add(const Hash128& hash) {
  std::uint32_t* block = &words_[BlockOf(hash)];
  const auto key = static_cast<std::uint32_t>(hash.low);
  for (std::size_t i = 0; i < kWords; ++i) block[i] |= MaskOf(key, i);
}

bool Filter::MayHave(const Hash128& hash) const {
  if (words_.empty()) return true;
  const std::uint32_t* block = &words_[BlockOf(hash)];
  const auto key = static_cast<std::uint32_t>(hash.low);
  std::uint32_t missing = 0;
  for (std::size_t i = 0; i < kWords; ++i) missing |= MaskOf(key, i) & ~block[i];
  return missing == 0;
}

}  // namespace tidemark::dedupe
