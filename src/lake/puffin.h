// Puffin files: named blobs and a footer that lists them; Iceberg keeps statistics and deletion
// vectors in them. Format: Puffin spec: `PFA1` | blobs | `PFA1` | payload (JSON, LZ4 if flag 0 is
// set) | its size (i32) | 4 bytes of flags | `PFA1`. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark::lake {

inline constexpr std::string_view kDeletionVectorBlob = "deletion-vector-v1";
inline constexpr std::size_t kBlobBytesMax = 256U << 20;  // Decompressed.

struct PuffinBlob {
  std::string type;
  std::vector<std::int32_t> fields;
  std::int64_t snapshot = -1;
  std::int64_t sequence_number = -1;
  std::uint64_t offset = 0;  // From the file's begin; within it.
  std::uint64_t length = 0;
  std::string codec;  // "", "zstd" or another.
  std::map<std::string, std::string> properties;
};

struct Puffin {
  std::vector<PuffinBlob> blobs;
  std::map<std::string, std::string> properties;
};

bool IsPuffin(std::string_view bytes);
// Of a whole file. kCorruption; kUnimplemented: a compressed footer.
Result<Puffin> ParsePuffin(std::string_view file);
// What a blob holds. kCorruption; kUnimplemented: a codec that is not read.
Result<std::string> BlobOf(std::string_view file, const PuffinBlob& blob);

}  // namespace tidemark::lake
