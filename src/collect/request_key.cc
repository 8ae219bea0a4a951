#include "collect/request_key.h"

#include <charconv>
#include <string_view>

#include "base/hash.h"

namespace tidemark::collect {
namespace {

Status CheckName(std::string_view name, std::string_view header) {
  if (!name.empty() && name.size() <= kRequestKeyBytesMax) return {};
  return Fail(Code::kInvalidArgument, std::string(header) + " must have 1 to " +
                                          std::to_string(kRequestKeyBytesMax) + " bytes");
}

Status ReadNumber(std::optional<std::string_view> text, std::string_view header,
                  std::int64_t* number) {
  if (text) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
    if (error == std::errc() && end == text->data() + text->size() && *number >= 0) return {};
  }
  return Fail(Code::kInvalidArgument, std::string(header) +
                                          " must be a whole number from 0 to 2^63 - 1, beside "
                                          "X-Tidemark-Producer");
}

}  // namespace

Result<std::optional<event::RequestKey>> RequestKeyOf(const net::Request& request,
                                                      std::string_view body) {
  const auto key = request.Header("Idempotency-Key");
  const auto producer = request.Header("X-Tidemark-Producer");
  if (!producer) {
    // A number of nobody protects nothing.
    for (const std::string_view of_one : {"X-Tidemark-Epoch", "X-Tidemark-Sequence"}) {
      if (!request.Header(of_one)) continue;
      return Fail(Code::kInvalidArgument,
                  std::string(of_one) + " is of a producer, and X-Tidemark-Producer is missing");
    }
  }
  if (!key && !producer) return std::optional<event::RequestKey>();
  if (key && producer) {
    return Fail(Code::kInvalidArgument, "send Idempotency-Key or X-Tidemark-Producer, not both");
  }
  event::RequestKey found;
  found.body = Hash64(body);
  if (key) {
    TM_TRY(CheckName(*key, "Idempotency-Key"));
    found.kind = event::RequestKey::Kind::kKey;
    found.name = *key;
    return std::optional(found);
  }
  TM_TRY(CheckName(*producer, "X-Tidemark-Producer"));
  found.kind = event::RequestKey::Kind::kSequence;
  found.name = *producer;
  TM_TRY(ReadNumber(request.Header("X-Tidemark-Epoch"), "X-Tidemark-Epoch", &found.epoch));
  TM_TRY(ReadNumber(request.Header("X-Tidemark-Sequence"), "X-Tidemark-Sequence", &found.sequence));
  return std::optional(found);
}

}  // namespace tidemark::collect
