#include "net/request_parser.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <llhttp.h>

#include "base/text.h"
#include "base/units.h"

namespace tidemark::net {
namespace {

// Reserved at once for a body of known size; more is only taken as it arrives.
constexpr std::uint64_t kBodyReserveMax = 1_MiB;
// Of chunks' sizes and extensions, beside what a head may have: a chunk of one byte has five.
constexpr std::uint64_t kFramingPerBodyByte = 16;

Method MethodOf(std::uint8_t method) {
  switch (method) {
    case HTTP_GET:
      return Method::kGet;
    case HTTP_HEAD:
      return Method::kHead;
    case HTTP_POST:
      return Method::kPost;
    case HTTP_PUT:
      return Method::kPut;
    case HTTP_DELETE:
      return Method::kDelete;
    case HTTP_PATCH:
      return Method::kPatch;
    case HTTP_OPTIONS:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

bool IsContinue(std::string_view value) {
  constexpr std::string_view kWord = "100-continue";
  return std::equal(value.begin(), value.end(), kWord.begin(), kWord.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// Characters of tokens of RFC 9110.
constexpr std::array<bool, 256> kOfTokens = [] {
  std::array<bool, 256> of_tokens{};
  constexpr std::string_view kAll =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
  for (const char c : kAll) of_tokens[static_cast<unsigned char>(c)] = true;
  return of_tokens;
}();

// Readers that differ about `Content-Length : 5` see two different requests.
bool IsToken(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return kOfTokens[static_cast<unsigned char>(c)];
  });
}

// One of 64 bits, by length and last letter: the last ones of names differ most.
std::uint64_t MarkOf(std::string_view name) {
  return 1ULL << ((name.size() * 7 + static_cast<unsigned char>(name.back() | 0x20)) & 63);
}

// What a request says once: of two that differ each reader takes another one. `Host` may not even
// be there twice; keys and lists (Accept, X-Forwarded-For, Cookie) are read where they are used.
constexpr std::array<std::string_view, 5> kSaidOnce = {
    "Content-Type", "Content-Encoding", "Idempotency-Key", "Origin", "Sec-Fetch-Site"};
constexpr std::array<std::string_view, 2> kSaidOnceBegin = {"X-Tidemark-", "ce-"};

bool IsSaidOnce(std::string_view name) {
  return std::ranges::any_of(kSaidOnce,
                             [name](std::string_view one) { return SameName(name, one); }) ||
         std::ranges::any_of(kSaidOnceBegin, [name](std::string_view begin) {
           return SameName(name.substr(0, begin.size()), begin);
         });
}

// The name of a header that is said twice and not the same both times; empty: none.
std::string_view SaidTwice(const Request& request) {
  std::string_view twice;
  std::map<std::string, std::string_view> said;  // A head may have thousands.
  request.ForEachHeader([&](std::string_view name, std::string_view value) {
    if (!twice.empty() || !IsSaidOnce(name)) return;
    if (said.try_emplace(LowerCase(name), value).first->second != value) twice = name;
  });
  return twice;
}

// What a head may not have because not every reader makes the same of it, and llhttp takes it. A
// header that goes on in the next line (obs-fold, RFC 9112, 5.2) is joined: `Transfer-Encoding:`
// and `chunked` in two lines. A CR without its LF ends an empty value, and so a head, before where
// others see its end; an LF alone ends one, too. Over as many pieces of a head as there are.
class HeadScan {
 public:
  enum class Finding : std::uint8_t { kNothing, kFoldedLine, kLineEnd };

  Finding Look(std::string_view bytes) {
    std::size_t at = 0;
    if (!begun_) {  // Empty lines before a request are passed over.
      at = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
      begun_ = at < bytes.size();
    }
    while (!ended_ && at < bytes.size()) {
      if (after_cr_) {
        if (bytes[at] != '\n') return Finding::kLineEnd;
        after_cr_ = false;
        ended_ = line_begins_;
        line_begins_ = true;
        ++at;
        continue;
      }
      if (line_begins_ && (bytes[at] == ' ' || bytes[at] == '\t')) return Finding::kFoldedLine;
      const std::size_t end = std::min(bytes.find('\r', at), bytes.size());
      if (bytes.substr(at, end - at).find('\n') != std::string_view::npos) {
        return Finding::kLineEnd;
      }
      line_begins_ = line_begins_ && end == at;
      after_cr_ = end < bytes.size();
      at = end + 1;
    }
    return Finding::kNothing;
  }

  // What follows are trailers, which are lines like those of a head.
  void BeginTrailers() {
    begun_ = line_begins_ = true;
    after_cr_ = ended_ = false;
  }

 private:
  bool begun_ = false;
  bool line_begins_ = false;
  bool after_cr_ = false;
  bool ended_ = false;
};

}  // namespace

struct RequestParser::State {
  llhttp_t parser;
  Limits limits;
  Request request;
  std::string target;
  std::string field;
  std::string value;
  std::uint64_t head_bytes = 0;
  std::uint64_t framing_bytes = 0;  // In the body, of what is not its data.
  bool started = false;
  bool in_body = false;
  bool complete = false;
  bool chunk_begins = false;
  bool expect_continue = false;
  std::uint64_t names = 0;   // A bit for each name, which names may share.
  bool names_twice = false;  // It may be that a header is there twice.
  bool keep_alive = true;
  bool http_1_0 = false;
  int status = 0;
  std::string message;
  HeadScan lines;

  int Refuse(int code, std::string text) {
    status = code;
    message = std::move(text);
    return HPE_USER;
  }
  int Append(std::string* to, const char* at, std::size_t size) {
    head_bytes += size;
    if (head_bytes > limits.head_bytes_max) {
      return Refuse(to == &target ? 414 : 431, "the request line and headers have more than " +
                                                   std::to_string(limits.head_bytes_max) +
                                                   " bytes");
    }
    to->append(at, size);
    return 0;
  }
  int HeaderComplete() {
    if (!IsToken(field)) return Refuse(400, "a header's name has characters that none may have");
    head_bytes += 4;  // What stands between and after them: bounds the number of headers, too.
    const std::uint64_t mark = MarkOf(field);
    names_twice |= (names & mark) != 0;
    names |= mark;
    request.AddHeader(field, value);
    field.clear();
    value.clear();
    return 0;
  }
  int HeadComplete();
  bool RefusesLines(std::string_view bytes);
  bool BeginChunk(char before);
  // `taken`: bytes of the connection, of which `data` were the body's.
  bool RefusesFraming(std::uint64_t taken, std::uint64_t data);
  int Body(const char* at, std::size_t size) {
    if (request.body.size() + size > limits.body_bytes_max) return RefuseBody();
    if (request.body.capacity() < request.body.size() + size + kBodyPadding) {
      request.body.reserve(
          std::max(request.body.capacity() * 2, request.body.size() + size + kBodyPadding));
    }
    request.body.append(at, size);
    return 0;
  }
  int RefuseBody() {
    return Refuse(413,
                  "the body has more than " + std::to_string(limits.body_bytes_max) + " bytes");
  }
  void Reset() {
    request = Request();
    target.clear();
    head_bytes = framing_bytes = 0;
    lines = HeadScan();
    started = in_body = complete = chunk_begins = expect_continue = names_twice = false;
    names = 0;
  }

  static State& Of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }
  static const llhttp_settings_t& Settings();
};

int RequestParser::State::HeadComplete() {
  request.method = MethodOf(parser.method);
  request.SetTarget(target);
  in_body = true;
  http_1_0 = parser.http_major == 1 && parser.http_minor == 0;
  if (parser.http_major != 1) return Refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  int hosts = 0;
  request.ForEachHeader([&hosts](std::string_view name, std::string_view) {
    hosts += SameName(name, "Host") ? 1 : 0;
  });
  if (hosts == 0 && !http_1_0) return Refuse(400, "the Host header is missing");
  // Two readers could choose two hosts.
  if (hosts > 1) return Refuse(400, "there is more than one Host header");
  if (names_twice) {
    if (const std::string_view twice = SaidTwice(request); !twice.empty()) {
      return Refuse(400, "there are two headers " + std::string(twice) +
                             " and they differ; send one of them");
    }
  }
  const bool sized = (parser.flags & F_CONTENT_LENGTH) != 0;
  if (sized && parser.content_length > limits.body_bytes_max) return RefuseBody();
  if (const auto expect = request.Header("Expect"); expect && !http_1_0) {
    if (!IsContinue(*expect)) return Refuse(417, "only `Expect: 100-continue` is understood");
    expect_continue = true;
  }
  if (sized && parser.content_length > 0) {
    request.body.reserve(std::min(parser.content_length, kBodyReserveMax) + kBodyPadding);
  }
  return 0;
}

bool RequestParser::State::RefusesLines(std::string_view bytes) {
  switch (lines.Look(bytes)) {
    case HeadScan::Finding::kNothing:
      return false;
    case HeadScan::Finding::kFoldedLine:
      Refuse(400, "a header goes on in the next line; write it in one");
      return true;
    case HeadScan::Finding::kLineEnd:
      Refuse(400, "a line of a request ends with CR and LF, and neither stands alone");
      return true;
  }
  return false;
}

// Nothing of that is kept, but whoever sends it without end is not read without end.
bool RequestParser::State::RefusesFraming(std::uint64_t taken, std::uint64_t data) {
  framing_bytes += taken - data;
  if (framing_bytes <= limits.head_bytes_max + request.body.size() * kFramingPerBodyByte) {
    return false;
  }
  Refuse(431, "the sizes and extensions of chunks and the trailers have more than " +
                  std::to_string(limits.head_bytes_max) + " bytes beside the body");
  return true;
}

// `before`: the byte that llhttp took for the LF behind a chunk's size. False if it is none.
bool RequestParser::State::BeginChunk(char before) {
  chunk_begins = false;
  if (before != '\n') {
    Refuse(400, "the size of a chunk ends with CR and LF");
    return false;
  }
  if (parser.content_length == 0) lines.BeginTrailers();
  llhttp_resume(&parser);
  return true;
}

const llhttp_settings_t& RequestParser::State::Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_message_begin = [](llhttp_t* p) {
      Of(p).started = true;
      return 0;
    };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
      return Of(p).Append(&Of(p).target, at, size);
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
      return Of(p).in_body ? 0 : Of(p).Append(&Of(p).field, at, size);  // Trailers are not kept.
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
      return Of(p).in_body ? 0 : Of(p).Append(&Of(p).value, at, size);
    };
    s.on_header_value_complete = [](llhttp_t* p) {
      return Of(p).in_body ? 0 : Of(p).HeaderComplete();
    };
    s.on_headers_complete = [](llhttp_t* p) { return Of(p).HeadComplete(); };
    s.on_chunk_header = [](llhttp_t* p) {
      Of(p).chunk_begins = true;
      return static_cast<int>(HPE_PAUSED);
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t size) { return Of(p).Body(at, size); };
    s.on_message_complete = [](llhttp_t* p) {
      Of(p).complete = true;
      Of(p).keep_alive = llhttp_should_keep_alive(p) != 0;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return settings;
}

RequestParser::RequestParser(Limits limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  llhttp_init(&state_->parser, HTTP_REQUEST, &State::Settings());
  state_->parser.data = state_.get();
}

RequestParser::~RequestParser() = default;

RequestParser::Step RequestParser::Feed(std::string_view* bytes) {
  State& state = *state_;
  if (state.status != 0) return Step::kRefused;
  llhttp_errno_t error = HPE_OK;
  while (true) {
    if (state.RefusesLines(*bytes)) return Step::kRefused;
    const bool in_body = state.in_body;
    const std::uint64_t body_bytes = state.request.body.size();
    error = llhttp_execute(&state.parser, bytes->data(), bytes->size());
    if (in_body && (error == HPE_OK || state.chunk_begins)) {
      const char* end =
          error == HPE_OK ? bytes->data() + bytes->size() : llhttp_get_error_pos(&state.parser);
      const auto taken = static_cast<std::uint64_t>(end - bytes->data());
      if (state.RefusesFraming(taken, state.request.body.size() - body_bytes)) {
        return Step::kRefused;
      }
    }
    if (error == HPE_OK) {
      bytes->remove_prefix(bytes->size());
      return Step::kNeedMore;
    }
    if (!state.chunk_begins) break;
    const char* stopped = llhttp_get_error_pos(&state.parser);
    bytes->remove_prefix(static_cast<std::size_t>(stopped - bytes->data()));
    if (!state.BeginChunk(stopped[-1])) return Step::kRefused;
    if (bytes->empty()) return Step::kNeedMore;
  }
  if (state.complete && (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE)) {
    const char* stopped = llhttp_get_error_pos(&state.parser);
    bytes->remove_prefix(static_cast<std::size_t>(stopped - bytes->data()));
    // We never switch protocols: an upgrade that is asked for is answered as a plain request.
    if (error == HPE_PAUSED_UPGRADE) {
      llhttp_resume_after_upgrade(&state.parser);
    } else {
      llhttp_resume(&state.parser);
    }
    return Step::kRequest;
  }
  if (state.status == 0) {
    const char* reason = llhttp_get_error_reason(&state.parser);
    state.Refuse(400, "this is not HTTP/1.1: " + std::string(reason == nullptr ? "" : reason));
  }
  return Step::kRefused;
}

Request RequestParser::Take() {
  Request request = std::move(state_->request);
  state_->Reset();
  return request;
}

bool RequestParser::keep_alive() const { return state_->keep_alive; }
bool RequestParser::http_1_0() const { return state_->http_1_0; }
bool RequestParser::started() const { return state_->started; }
bool RequestParser::in_body() const { return state_->in_body; }
std::uint64_t RequestParser::body_bytes() const { return state_->request.body.size(); }
bool RequestParser::TakeExpectContinue() { return std::exchange(state_->expect_continue, false); }
int RequestParser::status() const { return state_->status; }
const std::string& RequestParser::message() const { return state_->message; }

}  // namespace tidemark::net
