// Looks through text many bytes at once. Any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace tidemark {

// The bytes of `word` that are `c`: the high bit of the first one is right, and so is that there is
// none; bits above the first one mean nothing.
inline std::uint64_t BytesOf(std::uint64_t word, char c) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t zero = word ^ kOnes * static_cast<unsigned char>(c);
  return (zero - kOnes) & ~zero & kOnes * 0x80;
}

// The first double quote or backslash of the text from `at` to `end`; `end` if there is none.
inline const char* FindQuoteOrBackslash(const char* at, const char* end) {
#if defined(__AVX2__)
  const __m256i quotes = _mm256_set1_epi8('"');
  const __m256i backslashes = _mm256_set1_epi8('\\');
  for (; end - at >= 32; at += 32) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i found =
        _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quotes), _mm256_cmpeq_epi8(bytes, backslashes));
    const auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(found));
    if (mask != 0) return at + std::countr_zero(mask);
  }
#endif
  for (; end - at >= 8; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    const std::uint64_t found = BytesOf(word, '"') | BytesOf(word, '\\');
    if (found != 0) return at + std::countr_zero(found) / 8;
  }
  while (at != end && *at != '"' && *at != '\\') ++at;
  return at;
}

// Where the four bytes of `word` are in the text from `at` to `end` for the first time; `end` if
// they are not there.
inline const char* FindWord(const char* at, const char* end, const char* word) {
#if defined(__AVX2__)
  const __m256i firsts = _mm256_set1_epi8(word[0]);
  const __m256i lasts = _mm256_set1_epi8(word[3]);
  for (; end - at >= 32 + 3; at += 32) {
    const __m256i here = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i behind = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 3));
    const __m256i both =
        _mm256_and_si256(_mm256_cmpeq_epi8(here, firsts), _mm256_cmpeq_epi8(behind, lasts));
    for (auto mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(both)); mask != 0;
         mask &= mask - 1) {
      const char* const found = at + std::countr_zero(mask);
      if (std::memcmp(found, word, 4) == 0) return found;
    }
  }
#endif
  for (; end - at >= 4; ++at) {
    if (std::memcmp(at, word, 4) == 0) return at;
  }
  return end;
}

inline constexpr std::uint64_t kEightZeros = 0x3030303030303030ULL;
// The high bit of every byte that is no digit, of eight bytes ^ kEightZeros: a digit is its value
// there, and nothing else is below ten.
inline std::uint64_t NoDigits(std::uint64_t values) {
  return (((values & 0x7F7F7F7F7F7F7F7FULL) + 0x7676767676767676ULL) | values) &
         0x8080808080808080ULL;
}

// How many digits are at the front of the eight bytes at `at`.
inline std::size_t CountDigits(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return static_cast<std::size_t>(std::countr_zero(NoDigits(word ^ kEightZeros))) / 8;
}

// A number of up to eight digits, without a branch for each of them.
struct Digits {
  std::size_t count = 0;  // At the front of the eight bytes; 8: all of them, and there may be more.
  std::uint64_t value = 0;
};
// Reads eight bytes from `at`.
inline Digits ReadDigits(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  word ^= kEightZeros;
  Digits digits;
  digits.count = static_cast<std::size_t>(std::countr_zero(NoDigits(word))) / 8;
  if (digits.count == 0) return digits;
  // The last digit comes into the last byte, with zeros before the first; then pairs, fours and
  // both halves are put together.
  word <<= 64 - 8 * digits.count;
  word = word * 10 + (word >> 8);
  constexpr std::uint64_t kPairs = 0x000000FF000000FFULL;
  digits.value = (((word & kPairs) * (100 + (1'000'000ULL << 32))) +
                  (((word >> 16) & kPairs) * (1 + (10'000ULL << 32)))) >>
                 32;
  return digits;
}

}  // namespace tidemark
