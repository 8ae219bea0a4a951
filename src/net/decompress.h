// Bodies as clients send them: gzip, zstd and zlib told by their first bytes, whatever the headers
// say (many clients do not say, some say it wrongly). Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace tidemark::net {

struct DecompressLimits {
  std::uint64_t compressed_bytes_max = 20_MiB;
  std::uint64_t bytes_max = 64_MiB;  // After decompression.
  std::uint32_t ratio_max = 200;     // Bytes out for each byte in, above the first MiB.
};

// The last two have no first bytes of their own: only a header tells them.
enum class Coding : std::uint8_t { kNone, kGzip, kZstd, kZlib, kBrotli, kRawDeflate };

Coding SniffCoding(std::string_view body);

// The body itself if it is not compressed. kInvalidArgument: broken or cut short; kOverloaded is
// never used: a body beyond a limit is kInvalidArgument with `*too_large` set, for a 413. The
// result has kBodyPadding bytes of capacity to spare.
Result<std::string> Decompress(std::string body, const DecompressLimits& limits, bool* too_large);
// The same for a coding that is known otherwise.
Result<std::string> DecompressAs(Coding coding, std::string body, const DecompressLimits& limits,
                                 bool* too_large);

}  // namespace tidemark::net
