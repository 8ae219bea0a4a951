// One rule for compressed bodies at every door: what is told by bytes, what is refused and how.

#include "net/unpack_body.h"

#include <gtest/gtest.h>
#include <zstd.h>

namespace tidemark::net {
namespace {

std::string PackZstd(const std::string& text) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  out.resize(::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Request RequestOf(std::string body, std::string_view coding = {}) {
  Request request;
  request.method = Method::kPost;
  request.body = std::move(body);
  if (!coding.empty()) request.AddHeader("content-encoding", coding);
  return request;
}

TEST(UnpackBody, BelievesTheBytes) {
  for (const char* said : {"", "gzip", "zstd", "ZSTD", "identity"}) {
    Request request = RequestOf(PackZstd("select 1"), said);
    ASSERT_FALSE(UnpackBody({}, &request).has_value()) << said;
    EXPECT_EQ(request.body, "select 1");
    EXPECT_GE(request.body.capacity(), request.body.size() + kBodyPadding);
    Request plain = RequestOf("select 1", said);
    ASSERT_FALSE(UnpackBody({}, &plain).has_value()) << said;
    EXPECT_EQ(plain.body, "select 1");
  }
}

TEST(UnpackBody, BelievesTheHeaderWhereBytesSayNothing) {
  Request json = RequestOf(" {\"query\":\"select 1\"}", "br");  // Somebody has unpacked it.
  EXPECT_FALSE(UnpackBody({}, &json).has_value());
  Request broken = RequestOf("select 1", "br");
  EXPECT_EQ(UnpackBody({}, &broken)->status, 400);
}

TEST(UnpackBody, RefusesWithTheStatusThatSaysWhy) {
  Request unknown = RequestOf("select 1", "lz4");
  const auto refusal = UnpackBody({}, &unknown);
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->status, 415);
  EXPECT_EQ(refusal->headers.back().first, "Accept-Encoding");

  const DecompressLimits small{.compressed_bytes_max = 1'000, .bytes_max = 10'000, .ratio_max = 0};
  Request large = RequestOf(std::string(10'001, ' '));
  EXPECT_EQ(UnpackBody(small, &large)->status, 413);
  Request bomb = RequestOf(PackZstd(std::string(1 << 20, ' ')));
  EXPECT_EQ(UnpackBody(small, &bomb)->status, 413);
  Request cut = RequestOf(PackZstd("select 1").substr(0, 12), "zstd");
  EXPECT_EQ(UnpackBody({}, &cut)->status, 400);
}

TEST(UnpackBody, TakesWhatWasInsideABodyWithoutHeader) {
  std::string inner = PackZstd("{}");
  EXPECT_FALSE(UnpackInner({}, &inner).has_value());
  EXPECT_EQ(inner, "{}");
}

TEST(LooksLikeJson, PassesOverBlanksAndAByteOrderMark) {
  EXPECT_TRUE(LooksLikeJson("\xEF\xBB\xBF\r\n\t [1]"));
  EXPECT_TRUE(LooksLikeJson("{"));
  EXPECT_FALSE(LooksLikeJson("select 1"));
  EXPECT_FALSE(LooksLikeJson(" "));
}

}  // namespace
}  // namespace tidemark::net
