#include "engine/page_codec.h"

#include <algorithm>

#include <snappy.h>
#include <zstd.h>

#include "base/check.h"

namespace tidemark::engine {
namespace {

// The fastest of zstd's levels that codes literals by their frequency: ids need that.
constexpr int kZstdLevel = 1;
// Where the first bytes of a column tell how it shrinks.
constexpr std::size_t kSampleBytes = 16U << 10;
// A column that shrinks by less than that is not compressed: readers are faster, too.
constexpr std::size_t kWorthPercent = 15;
constexpr std::size_t kPackedBytesMax = 2U << 20;

}  // namespace

PageCodec::PageCodec() : zstd_(ZSTD_createCCtx()) { TM_CHECK(zstd_ != nullptr); }

PageCodec::~PageCodec() { ZSTD_freeCCtx(zstd_); }

char* PageCodec::Room(std::size_t bytes) {
  if (packed_bytes_ < bytes) {
    packed_ = std::make_unique_for_overwrite<char[]>(bytes);
    packed_bytes_ = bytes;
  }
  return packed_.get();
}

std::string_view PageCodec::Pack(DataCodec codec, std::string_view body) {
  if (codec == DataCodec::kUncompressed) return body;
  if (codec == DataCodec::kSnappy) {
    char* out = Room(snappy::MaxCompressedLength(body.size()));
    std::size_t size = 0;
    snappy::RawCompress(body.data(), body.size(), out, &size);
    return {out, size};
  }
  const std::size_t most = ZSTD_compressBound(body.size());
  char* out = Room(most);
  const std::size_t size =
      ZSTD_compressCCtx(zstd_, out, most, body.data(), body.size(), kZstdLevel);
  TM_CHECK(ZSTD_isError(size) == 0);
  return {out, size};
}

DataCodec PageCodec::Choose(DataCodec wanted, std::string_view body) {
  // The start of zstd costs some microseconds, and a file has a chunk a column.
  if (wanted == DataCodec::kZstd && body.size() < kTellingBytes) return DataCodec::kSnappy;
  if (wanted == DataCodec::kUncompressed || body.size() < kSampleBytes) return wanted;
  const std::size_t packed = Pack(wanted, body.substr(0, kSampleBytes)).size();
  const bool worth = packed <= kSampleBytes - kSampleBytes * kWorthPercent / 100;
  return worth ? wanted : DataCodec::kUncompressed;
}

void PageCodec::Trim() {
  if (packed_bytes_ <= kPackedBytesMax) return;
  packed_.reset();
  packed_bytes_ = 0;
}

}  // namespace tidemark::engine
