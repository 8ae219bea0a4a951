// Every target over its seeds and thousands of mutations of them, the same ones on every machine:
// what a fuzzer without feedback finds is found by every test run.

#include <algorithm>

#include <gtest/gtest.h>

#include "env/random.h"
#include "fuzz/targets.h"

namespace tidemark::fuzz {
namespace {

constexpr std::size_t kBytesMax = 64 << 10;

// Bytes that parsers treat apart: limits of numbers and lengths, brackets, quotes, line ends.
constexpr std::string_view kPieces[] = {{"\x00", 1},
                                        {"\xff\xff\xff\xff", 4},
                                        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10},
                                        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
                                        {"\x7f", 1},
                                        {"\xc0\x80", 2},
                                        {"\xed\xa0\x80", 3},
                                        "[[[[[[[[[[[[[[[[[[[[",
                                        "{\"a\":",
                                        "}",
                                        "\"",
                                        "\\",
                                        "\\u0000",
                                        "\\ud800",
                                        "-",
                                        "1e999",
                                        "18446744073709551616",
                                        "9223372036854775807",
                                        ",",
                                        "\r\n",
                                        "\r\n\r\n",
                                        "\n",
                                        "Content-Length: 99\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "ffffffffffffffff\r\n",
                                        "null",
                                        "\"format-version\":2",
                                        " "};

void MutateOnce(std::string* bytes, const std::string& other, env::Random* dice) {
  const std::size_t at = dice->Below(bytes->size() + 1);
  const std::size_t left = bytes->size() - at;
  switch (dice->Below(7)) {
    case 0:
      if (left > 0) (*bytes)[at] = static_cast<char>(dice->Below(256));
      break;
    case 1:
      if (left > 0) (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << dice->Below(8)));
      break;
    case 2:
      bytes->erase(at, dice->Below(std::min<std::size_t>(left, 32) + 1));
      break;
    case 3:
      bytes->insert(at, kPieces[dice->Below(std::size(kPieces))]);
      break;
    case 4:  // Once more what stands there.
      bytes->insert(at, bytes->substr(at, dice->Below(std::min<std::size_t>(left, 200) + 1)));
      break;
    case 5:  // The end of another seed.
      bytes->replace(at, left, other.substr(dice->Below(other.size() + 1)));
      break;
    default:
      if (dice->OneIn(4)) bytes->resize(at);
      break;
  }
  if (bytes->size() > kBytesMax) bytes->resize(kBytesMax);
}

class Replay : public testing::TestWithParam<std::string_view> {};

TEST_P(Replay, MutatedInputsNeverBreakIt) {
  const Target* target = FindTarget(GetParam());
  ASSERT_NE(target, nullptr);
  const std::vector<std::string> seeds = target->seeds();
  env::Random dice(1);
  target->run("");
  for (const std::string& seed : seeds) {
    target->run(seed);
    for (int i = 0; i < target->replayed; ++i) {
      std::string bytes = seed;
      for (std::uint64_t n = 1 + dice.Below(6); n > 0; --n) {
        MutateOnce(&bytes, seeds[dice.Below(seeds.size())], &dice);
      }
      target->run(bytes);
    }
  }
}

std::vector<std::string_view> TargetNames() {
  std::vector<std::string_view> names;
  for (const Target& target : Targets()) names.push_back(target.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, testing::ValuesIn(TargetNames()),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace tidemark::fuzz
