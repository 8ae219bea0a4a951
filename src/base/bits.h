// Bits in words of 64: bit i%64 of word i/64. The caller sees to it that the word is there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemark {

constexpr bool TestBit(const std::uint64_t* words, std::size_t bit) {
  return (words[bit / 64] >> (bit % 64) & 1U) != 0;
}
constexpr void SetBit(std::uint64_t* words, std::size_t bit) {
  words[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

}  // namespace tidemark
