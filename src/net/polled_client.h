// One keep-alive connection to a server of ours, driven by an epoll loop, so that one thread has
// many of them: what a load is made with. One request at a time; nothing but connecting blocks.
//
// One thread. A connection that the server closed between two requests is opened again. One that
// breaks under a request is too, once, if the request may be done twice (MayRepeat).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/response_parser.h"
#include "net/server_address.h"

namespace tidemark::net {

class PolledClient {
 public:
  // The socket is in `epoll` with `id` as its data, edge-triggered; Proceed() at each of its
  // events.
  PolledClient(ServerAddress server, int epoll, std::uint64_t id);
  PolledClient(const PolledClient&) = delete;
  PolledClient& operator=(const PolledClient&) = delete;
  ~PolledClient();

  // `head` (server_address.h) and `body` stay as they are until the answer is there. kUnavailable.
  Status Send(std::string_view head, std::string_view body);
  // The answer once it is whole, until the next Send; null while it is not, or if none is due.
  // kUnavailable: the connection broke, and the request may have happened.
  Result<const ClientResponse*> Proceed();

 private:
  Status Open();
  void Close();
  void WriteSome();
  Result<const ClientResponse*> ReadSome();
  Result<const ClientResponse*> Ended();

  const ServerAddress server_;
  const int epoll_;
  const std::uint64_t id_;
  int fd_ = -1;
  ResponseParser parser_;
  std::string_view head_;
  std::string_view body_;
  std::size_t written_ = 0;  // Of both.
  bool waiting_ = false;     // For an answer.
  bool begun_ = false;       // The answer.
  bool reused_ = false;      // The connection had an answer before.
};

}  // namespace tidemark::net
