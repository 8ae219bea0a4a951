#include "event/receipt.h"

#include <array>
#include <charconv>
#include <limits>

#include "base/check.h"

namespace tidemark::event {
namespace {

constexpr std::string_view kQuarantine = "q";
constexpr std::size_t kNumberBytesMax = 24;  // With its dot.

constexpr auto kIsLogIdCharacter = [] {
  std::array<std::uint8_t, 256> is{};
  for (const char c :
       std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")) {
    is[static_cast<unsigned char>(c)] = 1;
  }
  return is;
}();

// Every answer asks: without a branch for each character.
bool IsLogId(std::string_view id) {
  std::uint8_t all = 1;
  for (const char c : id) all &= kIsLogIdCharacter[static_cast<unsigned char>(c)];
  return all != 0 && !id.empty();
}

// Writes `.5`; returns the end. There is room for it.
char* PutNumber(std::int64_t number, char* at) {
  *at++ = '.';
  return std::to_chars(at, at + kNumberBytesMax - 1, number).ptr;
}

// Takes the text before the next '.' off `rest`.
std::string_view TakePart(std::string_view* rest) {
  const std::size_t dot = rest->find('.');
  const std::string_view part = rest->substr(0, dot);
  rest->remove_prefix(dot == std::string_view::npos ? rest->size() : dot + 1);
  return part;
}

// Only the one way in which EncodeReceipt writes a number is read.
bool ReadNumber(std::string_view text, std::int64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number >= 0 &&
         text == std::to_string(*number);
}

// Takes `<first>.<end>` off `rest`.
bool TakeOffsets(std::string_view* rest, LogOffset* first, std::uint32_t* count) {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  if (!ReadNumber(TakePart(rest), &begin) || !ReadNumber(TakePart(rest), &end) || end < begin ||
      end - begin > std::numeric_limits<std::uint32_t>::max()) {
    return false;
  }
  *first = LogOffset(begin);
  *count = static_cast<std::uint32_t>(end - begin);
  return true;
}

}  // namespace

std::string EncodeReceipt(const Receipt& receipt) {
  TM_CHECK(IsLogId(receipt.log_id));
  std::array<char, 5 * kNumberBytesMax + 1 + kQuarantine.size()> numbers;
  char* at = PutNumber(receipt.partition, numbers.data());
  at = PutNumber(receipt.first.value, at);
  at = PutNumber(receipt.end().value, at);
  if (receipt.quarantine_count > 0) {
    *at++ = '.';
    at += kQuarantine.copy(at, kQuarantine.size());
    at = PutNumber(receipt.quarantine_first.value, at);
    at = PutNumber(receipt.quarantine_end().value, at);
  }
  const std::string_view behind(numbers.data(), static_cast<std::size_t>(at - numbers.data()));
  std::string token;
  token.reserve(receipt.log_id.size() + behind.size());
  token.append(receipt.log_id).append(behind);
  return token;
}

Result<Receipt> DecodeReceipt(std::string_view token) {
  constexpr auto kNotOne = "this is no receipt; take X-Tidemark-Receipt as it was answered";
  if (token.size() > kReceiptBytesMax) return Fail(Code::kInvalidArgument, kNotOne);
  std::string_view rest = token;
  Receipt receipt;
  const std::string_view log_id = TakePart(&rest);
  std::int64_t partition = 0;
  const bool numbers =
      ReadNumber(TakePart(&rest), &partition) && TakeOffsets(&rest, &receipt.first, &receipt.count);
  const bool more = numbers && token.ends_with('.');
  if (!IsLogId(log_id) || !numbers || more ||
      partition > std::numeric_limits<std::int32_t>::max()) {
    return Fail(Code::kInvalidArgument, kNotOne);
  }
  if (!rest.empty()) {
    // One that is written without items has no such part.
    if (TakePart(&rest) != kQuarantine ||
        !TakeOffsets(&rest, &receipt.quarantine_first, &receipt.quarantine_count) ||
        receipt.quarantine_count == 0 || !rest.empty()) {
      return Fail(Code::kInvalidArgument, kNotOne);
    }
  }
  receipt.log_id = log_id;
  receipt.partition = static_cast<std::int32_t>(partition);
  return receipt;
}

}  // namespace tidemark::event
