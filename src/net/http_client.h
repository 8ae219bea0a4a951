// A small blocking HTTP/1.1 client over one keep-alive connection: for the command line, which
// talks to our own server. No TLS, no redirects, no proxies.
//
// One thread. A connection that the server closed between two requests is opened again once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark::net {

inline constexpr std::size_t kClientHeadBytesMax = 64U << 10;

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // Names in lower case.
  std::string body;

  std::string_view Header(std::string_view lower_case_name) const;
};

class HttpClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // Gets the body as it arrives.
  using OnBody = std::function<void(std::string_view)>;

  // `url`: http://host:port, a path after it is ignored. kInvalidArgument.
  static Result<HttpClient> Make(std::string_view url);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  // kUnavailable: no connection (the message names the address), or it broke before the answer was
  // whole: the request may have happened. With `on_body` the response's body stays empty.
  Result<ClientResponse> Send(std::string_view method, std::string_view path,
                              const Headers& headers, std::string_view body,
                              const OnBody& on_body = nullptr);

 private:
  HttpClient(std::string host, std::string port) : host_(std::move(host)), port_(std::move(port)) {}
  Status Connect();
  void Close();
  Status WriteAll(std::string_view head, std::string_view body);
  Status Fill();
  Result<ClientResponse> ReadHead();
  Status ReadBody(ClientResponse* response, const OnBody& on_body);
  Status ReadChunks(const OnBody& take);
  Status ReadBytes(std::uint64_t count, const OnBody& take);
  Result<std::string> ReadLine();

  std::string host_;
  std::string port_;
  int fd_ = -1;
  std::string in_;  // Received, from at_ on not yet used.
  std::size_t at_ = 0;
};

}  // namespace tidemark::net
