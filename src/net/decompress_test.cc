// Bodies are unpacked by what they are, and traps are not.

#include "net/decompress.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "net/http.h"

namespace tidemark::net {
namespace {

std::string Deflate(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(::deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(::deflateBound(&stream, text.size()) + 64, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}
std::string Gzip(const std::string& text) { return Deflate(text, 31); }
std::string Zlib(const std::string& text) { return Deflate(text, 15); }
std::string Zstd(const std::string& text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Result<std::string> Unpack(std::string body, DecompressLimits limits = {}) {
  bool too_large = false;
  auto result = Decompress(std::move(body), limits, &too_large);
  if (!result) return Fail(too_large ? Code::kOverloaded : result.error().code(), "");
  EXPECT_GE(result->capacity() - result->size(), result->empty() ? 0U : kBodyPadding - 64);
  return result;
}

std::string Sample() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "{\"event\":\"x" + std::to_string(i * 7919) + "\"}\n";
  return text;
}

TEST(Decompress, TellsCodingsByTheirFirstBytes) {
  const std::string text = Sample();
  EXPECT_EQ(Unpack(text).value(), text);
  EXPECT_EQ(Unpack(Gzip(text)).value(), text);
  EXPECT_EQ(Unpack(Zlib(text)).value(), text);
  EXPECT_EQ(Unpack(Zstd(text)).value(), text);
  EXPECT_EQ(Unpack(Gzip(text) + Gzip("tail")).value(), text + "tail");
  EXPECT_EQ(Unpack("").value(), "");
  EXPECT_EQ(Unpack(Gzip("")).value(), "");
}

// Made by another program: brotli has no first bytes of its own, so a header must name it.
TEST(Decompress, TakesBrotliAndRawDeflateWhereTheyAreNamed) {
  const auto unpack = [](Coding coding, std::string body, bool* too_large) {
    return DecompressAs(coding, std::move(body), {}, too_large);
  };
  const std::string text = R"({"event_type":"a","n":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,)"
                           R"(18,19]})";
  const std::string packed =
      FromBase64(
          "G0kA+J0Hto3s7ebBwUK7VWId5rbXJ1l0ulJk6wvGcBgLQbxbKzKJJihJAXJoxcTzE6AKJCmaYTke"
          "H4MyWWwOl8en/w==")
          .value();
  bool too_large = false;
  EXPECT_EQ(unpack(Coding::kBrotli, packed, &too_large).value(), text);
  EXPECT_EQ(unpack(Coding::kRawDeflate, Deflate(text, -15), &too_large).value(), text);
  EXPECT_FALSE(unpack(Coding::kBrotli, packed.substr(0, 40), &too_large).has_value());
  EXPECT_FALSE(unpack(Coding::kBrotli, packed + "x", &too_large).has_value());
  EXPECT_FALSE(unpack(Coding::kBrotli, "hello", &too_large).has_value());
  EXPECT_FALSE(unpack(Coding::kRawDeflate, "hello", &too_large).has_value());
  EXPECT_FALSE(too_large);
  // Eight mebibytes in fourteen bytes.
  EXPECT_FALSE(
      unpack(Coding::kBrotli, FromBase64("m///f/gnAOKxQCD3/g8=").value(), &too_large).has_value());
  EXPECT_TRUE(too_large);
}

TEST(Decompress, RefusesWhatIsBrokenOrCutShort) {
  for (const std::string& packed : {Gzip(Sample()), Zlib(Sample()), Zstd(Sample())}) {
    EXPECT_EQ(Unpack(packed.substr(0, packed.size() / 2)).error().code(), Code::kInvalidArgument);
    std::string broken = packed;
    broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 0x55);
    broken[broken.size() / 2 + 1] = static_cast<char>(broken[broken.size() / 2 + 1] ^ 0x55);
    EXPECT_FALSE(Unpack(broken).has_value());
  }
}

TEST(Decompress, StopsAtTheLimits) {
  const std::string bomb(50'000'000, 'a');
  EXPECT_EQ(Unpack(Gzip(bomb)).error().code(), Code::kOverloaded);
  EXPECT_EQ(Unpack(Zstd(bomb)).error().code(), Code::kOverloaded);
  const std::string text = Sample();
  EXPECT_EQ(Unpack(Gzip(text), {.bytes_max = 1'000}).error().code(), Code::kOverloaded);
  EXPECT_EQ(Unpack(Gzip(text), {.compressed_bytes_max = 100}).error().code(), Code::kOverloaded);
  EXPECT_EQ(Unpack(text, {.bytes_max = 1'000}).error().code(), Code::kOverloaded);
}

}  // namespace
}  // namespace tidemark::net
