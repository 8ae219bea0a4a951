#include "net/http.h"

#include <array>

#include "base/json_writer.h"
#include "base/utf8.h"

namespace tidemark::net {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

struct Phrase {
  int status;
  std::string_view text;
};
constexpr std::array kPhrases = {
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{422, "Unprocessable Content"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{499, "Client Closed Request"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
};

// What to do about a status when nobody knows better.
std::string_view UsualHint(int status) {
  switch (status) {
    case 400:
      return "correct the request and send it again; as it is it will be refused each time";
    case 401:
      return "send the key as X-API-Key or Authorization: Bearer";
    case 403:
      return "use a key that may do this";
    case 404:
      return "GET /openapi.json describes what there is";
    case 408:
      return "send the whole request at once, or in smaller parts";
    case 409:
      return "look at the present state, then decide again";
    case 413:
      return "send it in smaller parts";
    case 414:
    case 431:
      return "send shorter headers and put what is long into the body";
    case 415:
      return "send the body plain, or compressed with gzip, deflate, zstd or br";
    case 417:
      return "leave the Expect header out";
    case 499:
      return "send it again and wait for the answer";
    case 429:
    case 503:
      return "send it again after the time in Retry-After";
    case 501:
      return "this server does not have it: take another way; docs/reference says what there is";
    case 504:
      return "ask for less, or allow more time with timeout_ms";
    case 505:
      return "speak HTTP/1.1";
    default:
      return status >= 500 ? "look into the server's log; if it says nothing, report it" : "";
  }
}

}  // namespace

bool SameName(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && Lower(a[i]) != Lower(b[i])) return false;
  }
  return true;
}

std::string_view MethodName(Method method) {
  constexpr std::array<std::string_view, 8> kNames = {"GET",    "HEAD",  "POST",    "PUT",
                                                      "DELETE", "PATCH", "OPTIONS", "other"};
  return kNames[static_cast<std::size_t>(method)];
}

std::string_view ReasonPhrase(int status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

std::optional<std::string_view> Request::FindHeader(std::string_view name) const {
  for (const auto& [key, value] : headers_) {
    if (key.size == name.size() && SameName(Text(key), name)) return Text(value);
  }
  return std::nullopt;
}

std::optional<std::string> Request::QueryParameter(std::string_view name) const {
  std::string_view rest = query_;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (DecodePercent(pair.substr(0, equals), Plus::kBlank) != name) continue;
    if (equals == std::string_view::npos) return std::string();
    return DecodePercent(pair.substr(equals + 1), Plus::kBlank);
  }
  return std::nullopt;
}

std::string_view Request::PathParameter(std::string_view name) const {
  for (const auto& [key, value] : path_parameters_) {
    if (key == name) return value;
  }
  return {};
}

void Request::SetTarget(std::string_view target) {
  // The absolute form, as proxies send it.
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const std::size_t slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  path_ = target.substr(0, mark);
  sent_path_.clear();
  if (path_.find('%') != std::string::npos) {
    sent_path_ = std::exchange(path_, DecodePercent(path_, Plus::kItself));
  }
  query_ = mark == std::string_view::npos ? "" : target.substr(mark + 1);
}

void Request::AddHeader(std::string_view name, std::string_view value) {
  const auto add = [this](std::string_view text) {
    const Span span{static_cast<std::uint32_t>(headers_text_.size()),
                    static_cast<std::uint32_t>(text.size())};
    headers_text_.append(text);
    return span;
  };
  if (headers_.empty()) {
    headers_.reserve(8);
    headers_text_.reserve(256);
  }
  names_ |= MarkOf(name);
  const Span key = add(name);
  headers_.emplace_back(key, add(Trim(value)));
}

void Request::AddPathParameter(std::string_view name, std::string_view value) {
  path_parameters_.emplace_back(name, value);
}

Response ErrorResponse(int status, std::string_view message, std::string_view hint) {
  Response response;
  response.status = status;
  JsonWriter json(&response.body);
  if (hint.empty()) hint = UsualHint(status);
  json.BeginObject().Field("error", ReasonPhrase(status)).Field("message", ToUtf8(message));
  if (!hint.empty()) json.Field("hint", ToUtf8(hint));
  json.EndObject();
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 503 || status == 429) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response ErrorResponse(const Error& error, std::string_view hint) {
  if (hint.empty() && error.code() == Code::kOutcomeUnknown) {
    hint =
        "look whether it happened; events with an event_id and requests with an Idempotency-Key "
        "may just be sent again";
  }
  return ErrorResponse(HttpStatus(error.code()), error.message(), hint);
}

std::string DecodePercent(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(plus == Plus::kBlank && text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

}  // namespace tidemark::net
