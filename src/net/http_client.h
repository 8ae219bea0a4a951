// A small blocking HTTP/1.1 client over one keep-alive connection: for the command line, which
// talks to our own server. No TLS, no redirects, no proxies.
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

class HttpClient {
 public:
  using Headers = net::Headers;
  // Gets the body as it arrives.
  using OnBody = ResponseParser::OnBody;

  explicit HttpClient(ServerAddress server) : server_(std::move(server)) {}
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  // kUnavailable: no connection (the message names the address), or it broke before the answer was
  // whole: the request may have happened. With `on_body` the body of an answer 200 stays empty.
  Result<ClientResponse> Send(std::string_view method, std::string_view path,
                              const Headers& headers, std::string_view body,
                              const OnBody& on_body = nullptr);

 private:
  Status Open();
  void Close();
  Status WriteAll(std::string_view head, std::string_view body);
  // Bytes that came, at least one.
  Result<std::string_view> Read();
  // The answer; `bytes` are its first ones.
  Result<ClientResponse> ReadAnswer(std::string_view bytes);

  ServerAddress server_;
  int fd_ = -1;
  ResponseParser parser_;
  std::string buffer_;
};

}  // namespace tidemark::net
