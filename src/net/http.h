// An HTTP request and response as handlers see them. Value types; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace tidemark::net {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions, kOther };

std::string_view MethodName(Method method);
// Whether two names of headers are one: letters in any case.
bool SameName(std::string_view a, std::string_view b);
// The reason phrase of RFC 9110: "Not Found". "Unknown" for a number without one.
std::string_view ReasonPhrase(int status);

// Room that is kept free after a body, for parsers that read in wide steps.
inline constexpr std::size_t kBodyPadding = 64;

class Request {
 public:
  Method method = Method::kGet;
  std::string body;  // As sent; see net/decompress.h. Has kBodyPadding bytes of capacity to spare.
  // The peer's own address, whatever headers claim.
  bool peer_is_loopback = false;
  IpAddress peer = {};

  // Decoded path without the query: "/v1/events".
  std::string_view path() const { return path_; }
  // The same as sent: "%2F" is no end of a segment.
  std::string_view sent_path() const { return sent_path_.empty() ? path_ : sent_path_; }
  // After '?', as sent.
  std::string_view query() const { return query_; }

  // The first header of that name, in any case, without surrounding blanks.
  std::optional<std::string_view> Header(std::string_view name) const {
    // A request is asked for a dozen names and has hardly one.
    if ((names_ & MarkOf(name)) == 0) return std::nullopt;
    return FindHeader(name);
  }
  // The first query parameter of that name, decoded. "a" and "a=" are both "".
  std::optional<std::string> QueryParameter(std::string_view name) const;
  // Every header in the order of the request, names as sent.
  template <class Visit>
  void ForEachHeader(const Visit& visit) const {
    for (const auto& [key, value] : headers_) visit(Text(key), Text(value));
  }
  // What stood for `{name}` in the route, decoded; empty if there is none.
  std::string_view PathParameter(std::string_view name) const;

  // For the server, the router and tests.
  void SetTarget(std::string_view target);
  void AddHeader(std::string_view name, std::string_view value);
  void AddPathParameter(std::string_view name, std::string_view value);

 private:
  struct Span {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  // One of 64 bits by length and first letter.
  static constexpr std::uint64_t MarkOf(std::string_view name) {
    if (name.empty()) return 1;
    return 1ULL << ((name.size() * 7 + static_cast<unsigned char>(name.front() | 0x20)) & 63);
  }
  std::optional<std::string_view> FindHeader(std::string_view name) const;
  std::string_view Text(Span span) const {
    return std::string_view(headers_text_).substr(span.at, span.size);
  }

  std::string path_;
  std::string sent_path_;  // Empty: as path_.
  std::string query_;
  std::string headers_text_;  // Names and values one after the other.
  std::vector<std::pair<Span, Span>> headers_;
  std::uint64_t names_ = 0;  // The marks of all names.
  std::vector<std::pair<std::string, std::string>> path_parameters_;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // A text that outlives the response.
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;             // Ends the connection after this answer.
  bool hide_from_origin = false;  // A page of another site is not let to read it.
};

// `{"error":"<reason phrase>","message":..,"hint":..}`; an empty `hint` becomes what helps with
// most answers of that status. 401 carries WWW-Authenticate; 429 and 503 carry Retry-After.
Response ErrorResponse(int status, std::string_view message, std::string_view hint = {});
// By the error's code; 503 carries Retry-After.
Response ErrorResponse(const Error& error, std::string_view hint = {});

// What a `+` means: a blank in queries and forms, itself in paths.
enum class Plus : std::uint8_t { kBlank, kItself };
// Percent-decoding of a part of a target. A bad escape stays.
std::string DecodePercent(std::string_view text, Plus plus);

}  // namespace tidemark::net
