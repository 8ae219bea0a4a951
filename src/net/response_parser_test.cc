// Answers are read the same however their bytes are split, and what is none is told.

#include "net/response_parser.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::net {
namespace {

constexpr std::string_view kSized =
    "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nX-Two:  b \r\n"
    "Content-Length: 7\r\n\r\n{\"a\":1}";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";

// Feeds `bytes` in pieces of `piece`; what is left of them after the first answer.
std::string FeedInPieces(ResponseParser* parser, std::string_view bytes, std::size_t piece) {
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, piece);
    const std::size_t size = part.size();
    const auto whole = parser->Feed(&part);
    EXPECT_TRUE(whole.has_value());
    bytes.remove_prefix(size - part.size());
    if (whole.value_or(true)) return std::string(bytes);
  }
  ADD_FAILURE() << "not whole";
  return {};
}

TEST(ResponseParserTest, ReadsAnAnswerInPiecesOfAnySize) {
  for (std::size_t piece = 1; piece <= kSized.size(); ++piece) {
    ResponseParser parser;
    EXPECT_EQ(FeedInPieces(&parser, kSized, piece), "");
    const ClientResponse response = parser.Take();
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(response.Header("content-type"), "application/json");
    EXPECT_EQ(response.Header("x-two"), "b");
    EXPECT_EQ(response.Header("x-three"), "");
    EXPECT_EQ(response.body, R"({"a":1})");
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(ResponseParserTest, ReadsChunksAndLeavesTheNextAnswer) {
  for (const std::size_t piece : {1UL, 7UL, 1'000UL}) {
    ResponseParser parser;
    std::string rest = FeedInPieces(&parser, std::string(kChunked) + std::string(kSized), piece);
    EXPECT_EQ(parser.Take().body, "abcde");
    rest = FeedInPieces(&parser, kSized, piece);
    EXPECT_EQ(rest, "");
    EXPECT_EQ(parser.Take().body, R"({"a":1})");
  }
}

TEST(ResponseParserTest, GivesTheBodyOf200AsItArrivesAndNoOther) {
  ResponseParser parser;
  std::string got;
  parser.SetOnBody([&got](std::string_view part) { got.append(part).append("|"); });
  FeedInPieces(&parser, kChunked, kChunked.size());
  EXPECT_EQ(got, "abc|de|");
  EXPECT_EQ(parser.Take().body, "");
  FeedInPieces(&parser, kSized, 5);
  EXPECT_EQ(parser.Take().body, R"({"a":1})");
  EXPECT_EQ(got, "abc|de|");
}

TEST(ResponseParserTest, PassesOverInterimAnswers) {
  ResponseParser parser;
  FeedInPieces(&parser, "HTTP/1.1 100 Continue\r\n\r\n" + std::string(kSized), 3);
  EXPECT_EQ(parser.Take().status, 202);
}

TEST(ResponseParserTest, KnowsWhenTheConnectionIsNotToBeUsedAgain) {
  ResponseParser parser;
  FeedInPieces(&parser, "HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 9);
  EXPECT_EQ(parser.Take().status, 503);
  EXPECT_FALSE(parser.keep_alive());
}

TEST(ResponseParserTest, EndsAnAnswerWithoutLengthWithTheConnectionOnly) {
  ResponseParser parser;
  std::string_view bytes = "HTTP/1.1 200 OK\r\n\r\nall of it";
  EXPECT_FALSE(parser.Feed(&bytes).value());
  EXPECT_TRUE(parser.End().value());
  EXPECT_EQ(parser.Take().body, "all of it");

  ResponseParser cut;
  bytes = kSized.substr(0, kSized.size() - 1);
  EXPECT_FALSE(cut.Feed(&bytes).value());
  EXPECT_CODE(cut.End(), Code::kUnavailable);
}

TEST(ResponseParserTest, RefusesWhatIsNoAnswer) {
  ResponseParser parser;
  std::string_view bytes = "220 mail.example ESMTP\r\n";
  EXPECT_CODE(parser.Feed(&bytes), Code::kUnavailable);

  ResponseParser endless;
  const std::string head =
      "HTTP/1.1 200 OK\r\nX-Long: " + std::string(kClientHeadBytesMax, 'x') + "\r\n\r\n";
  bytes = head;
  EXPECT_CODE(endless.Feed(&bytes), Code::kUnavailable);
}

}  // namespace
}  // namespace tidemark::net
