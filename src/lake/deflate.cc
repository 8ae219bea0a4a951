#include "lake/deflate.h"

#include <algorithm>

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

namespace tidemark::lake {
namespace {

int WindowBits(DeflateForm form, int bits) { return form == DeflateForm::kRaw ? -bits : bits + 16; }

// zlib clears tables in proportion to these: for little input that would be most of the work. Any
// reader takes a smaller window than its own.
constexpr std::size_t kSmallBytes = 4096;
constexpr int kBitsMax = 15;
constexpr int kBitsSmall = 12;
constexpr int kMemoryLevel = 8;
constexpr int kMemoryLevelSmall = 5;

Bytef* In(std::string_view bytes) {
  // zlib's interface is older than const.
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

}  // namespace

std::string Deflate(std::string_view bytes, DeflateForm form, int level) {
  z_stream stream{};
  const bool small = bytes.size() <= kSmallBytes;
  const int bits = small ? kBitsSmall : kBitsMax;
  const int memory = small ? kMemoryLevelSmall : kMemoryLevel;
  TM_CHECK(deflateInit2(&stream, level, Z_DEFLATED, WindowBits(form, bits), memory,
                        Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = In(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TM_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> Inflate(std::string_view bytes, DeflateForm form, std::size_t bytes_max) {
  z_stream stream{};
  TM_CHECK(inflateInit2(&stream, WindowBits(form, kBitsMax)) == Z_OK);
  std::string out(std::min(bytes_max, std::max<std::size_t>(bytes.size() * 6, 4096)), '\0');
  stream.next_in = In(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  int code = Z_OK;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(out.data()) + stream.total_out;
    stream.avail_out = static_cast<uInt>(out.size() - stream.total_out);
    code = inflate(&stream, Z_NO_FLUSH);
    const bool is_full = stream.avail_out == 0;
    if (code != Z_OK || !is_full || out.size() >= bytes_max) break;
    out.resize(std::min(bytes_max, out.size() * 2));
  }
  const std::size_t size = stream.total_out;
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return Fail(Code::kCorruption, "deflated bytes do not inflate");
  out.resize(size);
  return out;
}

Result<std::string> Unzstd(std::string_view bytes, std::size_t bytes_max) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  TM_CHECK(context != nullptr);
  std::string out(std::min(bytes_max, std::max<std::size_t>(bytes.size() * 6, 4096)), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  std::size_t code = 1;
  while (true) {
    code = ZSTD_decompressStream(context, &to, &in);
    if (ZSTD_isError(code) != 0 || code == 0) break;
    if (to.pos < to.size) break;  // Needs more input than there is.
    if (out.size() >= bytes_max) break;
    out.resize(std::min(bytes_max, out.size() * 2));
    to.dst = out.data();
    to.size = out.size();
  }
  ZSTD_freeDCtx(context);
  if (code != 0) return Fail(Code::kCorruption, "zstd bytes do not decompress");
  out.resize(to.pos);
  return out;
}

Result<std::string> Unsnappy(std::string_view bytes, std::size_t bytes_max) {
  constexpr std::size_t kSumBytes = 4;
  const auto failed = [] { return Fail(Code::kCorruption, "snappy bytes do not decompress"); };
  if (bytes.size() < kSumBytes) return failed();
  const std::string_view packed = bytes.substr(0, bytes.size() - kSumBytes);
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(packed.data(), packed.size(), &size) || size > bytes_max) {
    return failed();
  }
  std::string out;
  if (!snappy::Uncompress(packed.data(), packed.size(), &out)) return failed();
  std::uint32_t sum = 0;
  for (const char c : bytes.substr(packed.size())) sum = sum << 8 | static_cast<std::uint8_t>(c);
  if (sum != crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size())) return failed();
  return out;
}

}  // namespace tidemark::lake
