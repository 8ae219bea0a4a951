// Parquet's encodings of numbers: bit packing, the hybrid of runs and packed groups, and packed
// differences. Source: Apache Parquet, Encodings.md (RLE 3, DELTA_BINARY_PACKED 5).
//
// Internal to this folder. Any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace tidemark::engine {

// Bits that every value up to `max` fits in; at least 1.
std::uint32_t BitWidth(std::uint64_t max);

// Appends `values` as runs and packed groups; each is below 2^width, width 1 to 32.
void AppendHybrid(std::span<const std::uint32_t> values, std::uint32_t width, std::string* out);

// Appends `rows` bits (bit i%64 of word i/64) as the hybrid of width 1.
void AppendBits(const std::uint64_t* words, std::size_t rows, std::size_t set_bits,
                std::string* out);

// Appends each value but 0 as a set bit, PLAIN as booleans are.
void AppendBools(std::span<const std::int64_t> values, std::string* out);

// Appends `values` as packed differences.
void AppendDeltas(std::span<const std::int64_t> values, std::string* out);

}  // namespace tidemark::engine
