#include "net/decompress.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "net/http.h"

namespace tidemark::net {
namespace {

constexpr std::uint64_t kFreeBytes = 1_MiB;  // Below, no ratio is too high.

// Takes pieces of output until a limit is reached.
class Output {
 public:
  Output(const DecompressLimits& limits, std::size_t in_bytes)
      : bytes_max_(std::min(limits.bytes_max,
                            std::max<std::uint64_t>(kFreeBytes, in_bytes * limits.ratio_max))),
        limits_(limits) {
    text_.resize(std::min<std::uint64_t>(bytes_max_, std::max<std::size_t>(in_bytes * 4, 4'096)));
  }

  char* room() { return text_.data() + used_; }
  std::size_t room_bytes() const { return text_.size() - used_; }
  // False: the limit is reached and there is still no end.
  bool Grow() {
    if (text_.size() >= bytes_max_) return false;
    text_.resize(std::min<std::uint64_t>(bytes_max_, text_.size() * 2));
    return true;
  }
  void Use(std::size_t bytes) { used_ += bytes; }
  std::string Take() {
    text_.resize(used_);
    text_.reserve(used_ + kBodyPadding);
    return std::move(text_);
  }
  tl::unexpected<Error> TooLarge() const {
    return Fail(Code::kInvalidArgument,
                bytes_max_ >= limits_.bytes_max
                    ? "the body has more than " + std::to_string(limits_.bytes_max) +
                          " bytes when decompressed"
                    : "the body is compressed more than " + std::to_string(limits_.ratio_max) +
                          " times, as only a trap would be");
  }

 private:
  const std::uint64_t bytes_max_;
  const DecompressLimits& limits_;
  std::string text_;
  std::size_t used_ = 0;
};

tl::unexpected<Error> Broken(std::string_view what) {
  return Fail(Code::kInvalidArgument, "the body cannot be decompressed: " + std::string(what));
}

constexpr int kGzipOrZlib = 15 + 32;  // Told apart by the header.
constexpr int kNoHeader = -15;

Result<std::string> Inflate(const std::string& body, int window_bits,
                            const DecompressLimits& limits, bool* too_large) {
  z_stream stream{};
  if (::inflateInit2(&stream, window_bits) != Z_OK) return Fail(Code::kOverloaded, "no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&stream, ::inflateEnd);
  // zlib never writes to its input, but does not say so.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  Output out(limits, body.size());
  for (;;) {
    if (out.room_bytes() == 0 && !out.Grow()) {
      *too_large = true;
      return out.TooLarge();
    }
    const auto room = static_cast<uInt>(std::min<std::size_t>(out.room_bytes(), 1U << 30U));
    stream.next_out = reinterpret_cast<Bytef*>(out.room());
    stream.avail_out = room;
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    out.Use(room - stream.avail_out);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return out.Take();
      // gzip allows several members, one after the other.
      if (::inflateReset(&stream) != Z_OK) return Broken("it is broken after its first part");
    } else if (result == Z_BUF_ERROR && stream.avail_in == 0) {
      return Broken("it is cut short");
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Broken(stream.msg == nullptr ? "it is broken" : stream.msg);
    } else if (stream.avail_in == 0 && stream.avail_out != 0) {
      return Broken("it is cut short");
    }
  }
}

Result<std::string> Unzstd(const std::string& body, const DecompressLimits& limits,
                           bool* too_large) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(::ZSTD_createDCtx(),
                                                                        ::ZSTD_freeDCtx);
  if (context == nullptr) return Fail(Code::kOverloaded, "no memory");
  ::ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, 26);  // 64 MiB.
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  Output out(limits, body.size());
  for (;;) {
    if (out.room_bytes() == 0 && !out.Grow()) {
      *too_large = true;
      return out.TooLarge();
    }
    ZSTD_outBuffer to{out.room(), out.room_bytes(), 0};
    const std::size_t left = ::ZSTD_decompressStream(context.get(), &to, &in);
    out.Use(to.pos);
    if (::ZSTD_isError(left) != 0) return Broken(::ZSTD_getErrorName(left));
    if (in.pos == in.size && left == 0) return out.Take();
    if (in.pos == in.size && to.pos < to.size) return Broken("it is cut short");
  }
}

Result<std::string> Unbrotli(const std::string& body, const DecompressLimits& limits,
                             bool* too_large) {
  const std::unique_ptr<BrotliDecoderState, void (*)(BrotliDecoderState*)> state(
      ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), ::BrotliDecoderDestroyInstance);
  if (state == nullptr) return Fail(Code::kOverloaded, "no memory");
  const auto* in = reinterpret_cast<const std::uint8_t*>(body.data());
  std::size_t in_bytes = body.size();
  Output out(limits, body.size());
  for (;;) {
    if (out.room_bytes() == 0 && !out.Grow()) {
      *too_large = true;
      return out.TooLarge();
    }
    auto* to = reinterpret_cast<std::uint8_t*>(out.room());
    const std::size_t room = out.room_bytes();
    std::size_t left = room;
    const auto result =
        ::BrotliDecoderDecompressStream(state.get(), &in_bytes, &in, &left, &to, nullptr);
    out.Use(room - left);
    if (result == BROTLI_DECODER_RESULT_SUCCESS) {
      return in_bytes == 0 ? out.Take() : Result<std::string>(Broken("it goes on after its end"));
    }
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return Broken("it is cut short");
    if (result == BROTLI_DECODER_RESULT_ERROR) return Broken("it is broken");
  }
}

}  // namespace

Coding SniffCoding(std::string_view body) {
  if (body.starts_with("\x1f\x8b")) return Coding::kGzip;
  if (body.starts_with("\x28\xb5\x2f\xfd")) return Coding::kZstd;
  // 'x' never begins a JSON text; the header's two bytes are a multiple of 31.
  if (body.size() > 2 && body[0] == 'x') {
    const auto flags = static_cast<unsigned char>(body[1]);
    if ((0x78U * 256 + flags) % 31 == 0) return Coding::kZlib;
  }
  return Coding::kNone;
}

Result<std::string> Decompress(std::string body, const DecompressLimits& limits, bool* too_large) {
  const Coding coding = SniffCoding(body);
  return DecompressAs(coding, std::move(body), limits, too_large);
}

Result<std::string> DecompressAs(Coding coding, std::string body, const DecompressLimits& limits,
                                 bool* too_large) {
  *too_large = false;
  const std::uint64_t bytes_max =
      coding == Coding::kNone ? limits.bytes_max : limits.compressed_bytes_max;
  if (body.size() > bytes_max) {
    *too_large = true;
    return Fail(Code::kInvalidArgument,
                "the body has more than " + std::to_string(bytes_max) + " bytes");
  }
  switch (coding) {
    case Coding::kNone:
      return body;
    case Coding::kZstd:
      return Unzstd(body, limits, too_large);
    case Coding::kBrotli:
      return Unbrotli(body, limits, too_large);
    case Coding::kRawDeflate:
      return Inflate(body, kNoHeader, limits, too_large);
    case Coding::kGzip:
    case Coding::kZlib:
      break;
  }
  return Inflate(body, kGzipOrZlib, limits, too_large);
}

}  // namespace tidemark::net
