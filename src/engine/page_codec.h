// Compresses the pages of Parquet files; one for all columns of a writer, since its buffers are
// larger than most pages. Sources: Apache Parquet format 2.9, Compression.md; RFC 8878 (zstd).
//
// Internal to this folder. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "engine/data_file.h"

struct ZSTD_CCtx_s;

namespace tidemark::engine {

class PageCodec {
 public:
  PageCodec();
  ~PageCodec();
  PageCodec(const PageCodec&) = delete;
  PageCodec& operator=(const PageCodec&) = delete;

  // `body` compressed; good until the next call.
  std::string_view Pack(DataCodec codec, std::string_view body);
  // Less of a column chunk does not tell how it shrinks.
  static constexpr std::size_t kTellingBytes = 4U << 10;
  // What a column chunk that begins with `body` or has it in its dictionary is worth: `wanted`;
  // none if that shrinks it by little; Snappy instead of zstd if it is small.
  DataCodec Choose(DataCodec wanted, std::string_view body);
  // Gives back memory that only huge pages need.
  void Trim();

 private:
  char* Room(std::size_t bytes);

  std::unique_ptr<char[]> packed_;
  std::size_t packed_bytes_ = 0;
  ZSTD_CCtx_s* const zstd_;
};

}  // namespace tidemark::engine
