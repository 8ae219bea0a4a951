// zlib, zstd and snappy, whole buffers at once. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::lake {

enum class DeflateForm { kRaw, kGzip };

// `level`: 1 (fast) to 9.
std::string Deflate(std::string_view bytes, DeflateForm form, int level);
// kCorruption if the bytes do not inflate, or to more than `bytes_max`.
Result<std::string> Inflate(std::string_view bytes, DeflateForm form, std::size_t bytes_max);
Result<std::string> Unzstd(std::string_view bytes, std::size_t bytes_max);
// As Avro frames it: behind the block is the CRC-32 of what it holds, big endian.
Result<std::string> Unsnappy(std::string_view bytes, std::size_t bytes_max);

}  // namespace tidemark::lake
