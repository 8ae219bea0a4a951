// Bytes of a connection to requests, by llhttp: strict, any split of the bytes gives the same. Lines
// end with CR and LF, in the head, between chunks and in the trailers.
// One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace tidemark::net {

class RequestParser {
 public:
  struct Limits {
    std::uint64_t head_bytes_max;
    std::uint64_t body_bytes_max;
  };
  enum class Step : std::uint8_t {
    kNeedMore,  // All bytes are used up.
    kRequest,   // One request is whole: Take it, then feed the rest.
    kRefused,   // See status() and message(); nothing more can be read.
  };

  explicit RequestParser(Limits limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;
  ~RequestParser();

  // Takes bytes off the front of `bytes`, up to the end of one request.
  Step Feed(std::string_view* bytes);
  // After kRequest.
  Request Take();
  bool keep_alive() const;  // Of the request that was taken last.
  bool http_1_0() const;    // The same.

  // Whether a request has begun, and whether all its headers are there.
  bool started() const;
  bool in_body() const;
  std::uint64_t body_bytes() const;
  // Once per request: the client waits for "100 Continue" before it sends the body.
  bool TakeExpectContinue();

  int status() const;
  const std::string& message() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::net
