// Bytes of a connection to answers, by llhttp, for our own clients: any split of the bytes gives
// the same. Interim answers (100 Continue) are passed over. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::net {

inline constexpr std::size_t kClientHeadBytesMax = 64U << 10;

struct ClientResponse {
  int status = 0;
  std::string head;  // A line `name:value` of each header, the name in lower case.
  std::string body;

  // Of the first header of that name; empty: there is none.
  std::string_view Header(std::string_view lower_case_name) const;
};

class ResponseParser {
 public:
  // Gets the body of an answer 200 as it arrives, instead of ClientResponse::body.
  using OnBody = std::function<void(std::string_view)>;

  ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;
  ~ResponseParser();

  // Before an answer's first byte; it is kept until the next call.
  void SetOnBody(OnBody on_body);
  // Takes bytes off the front of `bytes`, up to the end of one answer: true once that is whole.
  // kUnavailable: it is no HTTP, or its head has more than kClientHeadBytesMax.
  Result<bool> Feed(std::string_view* bytes);
  // The server closed: true if that ends an answer that has no length. kUnavailable.
  Result<bool> End();
  // The answer that is whole, until the next call of Feed; its memory serves the answer after it.
  const ClientResponse& response() const;
  // The same, to keep.
  ClientResponse Take();
  // Whether the connection may be used after the answer that was taken last.
  bool keep_alive() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::net
