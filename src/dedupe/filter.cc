#include "dedupe/filter.h"

#include <cstring>

namespace tidemark::dedupe {

std::uint64_t Filter::BytesFor(std::uint64_t entries) {
  const std::uint64_t bits_per_entry =
      entries < kFilterSmallEntries ? kFilterBitsPerEntryOfSmall : kFilterBitsPerEntry;
  return FilterBlocks(entries, bits_per_entry) * kFilterBlockBytes;
}

Filter Filter::ForEntries(std::uint64_t entries) { return Filter(BytesFor(entries)); }

Filter Filter::FromText(std::string_view bytes) {
  Filter filter(bytes.size());
  if (filter.bytes() > 0) std::memcpy(filter.blocks_.data(), bytes.data(), filter.bytes());
  return filter;
}

void Filter::Add(const Hash128& hash) {
  AddToFilterBlock(BlockOf(hash), static_cast<std::uint32_t>(hash.low));
}

bool Filter::MayHave(const Hash128& hash) const {
  if (bytes() == 0) return true;
  return FilterBlockMayHave(BlockOf(hash), static_cast<std::uint32_t>(hash.low));
}

}  // namespace tidemark::dedupe
