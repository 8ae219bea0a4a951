#include "net/response_parser.h"

#include <llhttp.h>

#include "base/text.h"

namespace tidemark::net {

std::string_view ClientResponse::Header(std::string_view lower_case_name) const {
  for (std::string_view rest = head; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    if (line.size() > lower_case_name.size() && line.starts_with(lower_case_name) &&
        line[lower_case_name.size()] == ':') {
      return line.substr(lower_case_name.size() + 1);
    }
  }
  return {};
}

struct ResponseParser::State {
  llhttp_t parser;
  OnBody on_body;
  ClientResponse response;
  bool in_body = false;
  bool complete = false;
  bool keep_alive = true;

  State() {
    llhttp_init(&parser, HTTP_RESPONSE, &Settings());
    parser.data = this;
  }
  void Reset() {
    response.status = 0;
    response.head.clear();
    response.body.clear();
    in_body = complete = false;
  }
  // Of a header's name or value. Trailers are not kept.
  int Append(std::string_view part) {
    if (in_body) return 0;
    if (response.head.size() + part.size() > kClientHeadBytesMax) return HPE_USER;
    response.head.append(part);
    return 0;
  }
  int AppendName(std::string_view part) {
    const std::size_t start = response.head.size();
    if (const int refused = Append(part); refused != 0) return refused;
    for (std::size_t i = start; i < response.head.size(); ++i) {
      response.head[i] = LowerCase(response.head[i]);
    }
    return 0;
  }
  // A name has no blanks, so this stops at the colon.
  int EndLine() {
    std::string& head = response.head;
    if (!in_body) head.erase(head.find_last_not_of(" \t") + 1);
    return Append("\n");
  }
  void Body(std::string_view part) {
    if (on_body && response.status == 200) {
      on_body(part);
    } else {
      response.body.append(part);
    }
  }
  int MessageComplete() {
    if (response.status / 100 == 1) {
      Reset();
      return 0;
    }
    complete = true;
    keep_alive = llhttp_should_keep_alive(&parser) != 0;
    return HPE_PAUSED;
  }

  static State& Of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }
  static const llhttp_settings_t& Settings();
};

const llhttp_settings_t& ResponseParser::State::Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
      return Of(p).AppendName({at, size});
    };
    s.on_header_field_complete = [](llhttp_t* p) { return Of(p).Append(":"); };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
      return Of(p).Append({at, size});
    };
    s.on_header_value_complete = [](llhttp_t* p) { return Of(p).EndLine(); };
    s.on_headers_complete = [](llhttp_t* p) {
      Of(p).in_body = true;
      Of(p).response.status = p->status_code;
      return 0;
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
      Of(p).Body({at, size});
      return 0;
    };
    s.on_message_complete = [](llhttp_t* p) { return Of(p).MessageComplete(); };
    return s;
  }();
  return settings;
}

ResponseParser::ResponseParser() : state_(std::make_unique<State>()) {}
ResponseParser::ResponseParser(ResponseParser&&) noexcept = default;
ResponseParser& ResponseParser::operator=(ResponseParser&&) noexcept = default;
ResponseParser::~ResponseParser() = default;

void ResponseParser::SetOnBody(OnBody on_body) { state_->on_body = std::move(on_body); }

Result<bool> ResponseParser::Feed(std::string_view* bytes) {
  State& state = *state_;
  if (state.complete) state.Reset();
  const llhttp_errno_t error = llhttp_execute(&state.parser, bytes->data(), bytes->size());
  if (error == HPE_OK) {
    bytes->remove_prefix(bytes->size());
    return false;
  }
  if (!state.complete || error != HPE_PAUSED) {
    return Fail(Code::kUnavailable, "the answer is not HTTP");
  }
  bytes->remove_prefix(
      static_cast<std::size_t>(llhttp_get_error_pos(&state.parser) - bytes->data()));
  llhttp_resume(&state.parser);
  return true;
}

Result<bool> ResponseParser::End() {
  llhttp_finish(&state_->parser);
  if (state_->complete) return true;
  return Fail(Code::kUnavailable, "the server closed the connection");
}

const ClientResponse& ResponseParser::response() const { return state_->response; }

ClientResponse ResponseParser::Take() {
  ClientResponse response = std::move(state_->response);
  state_->Reset();
  return response;
}

bool ResponseParser::keep_alive() const { return state_->keep_alive; }

}  // namespace tidemark::net
