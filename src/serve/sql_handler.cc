#include "serve/sql_handler.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <utility>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/utf8.h"
#include "net/query_names.h"
#include "net/unpack_body.h"
#include "serve/answer.h"
#include "serve/chunks.h"
#include "serve/dialect_hints.h"
#include "telemetry/log_line.h"

namespace tidemark::serve {
namespace {

constexpr std::size_t kChunkBytes = 256U << 10;  // Of a streamed answer.
constexpr std::string_view kChunksFormat = "chunks";
constexpr std::array<std::string_view, 9> kParameters = {"project",     "format", "chunks",
                                                         "min_offset",  "as_of",  "route",
                                                         "allow_stale", "limit",  "timeout_ms"};
constexpr std::uint64_t kNumberMax = 1'000'000'000'000;  // Rows, or 31 years in ms.

Result<engine::Parameter> ToParameter(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull:
      return engine::Parameter(std::monostate());
    case JsonValue::Kind::kBool:
      return engine::Parameter(*value.Bool());
    case JsonValue::Kind::kString:
      return engine::Parameter(value.text());
    case JsonValue::Kind::kNumber:
      if (const auto number = value.Int()) return engine::Parameter(*number);
      if (value.text().find_first_of(".eE") == std::string::npos) {
        return Fail(Code::kInvalidArgument, "the parameter " + value.text() +
                                                " has more than 64 bits: send it as a string "
                                                "and cast it, as in $n::HUGEINT");
      }
      if (const auto number = value.Double()) return engine::Parameter(*number);
      break;
    case JsonValue::Kind::kArray:
    case JsonValue::Kind::kObject:
      break;
  }
  return Fail(
      Code::kInvalidArgument,
      "a parameter must be null, a boolean, a number or a string; a list is sent as the text "
      "of its JSON: user_id = any(from_json($n, '[\"VARCHAR\"]'))");
}

Status ReadParameters(const JsonValue& values, query::SqlRequest* request) {
  if (values.is_null()) return {};
  if (values.is_array()) {
    for (const JsonValue& value : values.items()) {
      TM_ASSIGN(auto parameter, ToParameter(value));
      request->parameters.push_back(std::move(parameter));
    }
    return {};
  }
  if (!values.is_object()) {
    return Fail(Code::kInvalidArgument, "params must be an array or an object");
  }
  for (const auto& [name, value] : values.members()) {
    TM_ASSIGN(auto parameter, ToParameter(value));
    request->named_parameters.emplace_back(name, std::move(parameter));
  }
  return {};
}

Status SetOption(std::string_view name, std::string_view text, query::SqlRequest* request) {
  if (name == "min_offset") {
    TM_ASSIGN(request->min_offset, event::DecodeReceipt(text));
  } else if (name == "as_of") {
    TM_ASSIGN(request->as_of, query::ReadAsOf(text));
  } else if (name == "route") {
    request->route = query::FindRoute(text);
    if (!request->route) {
      return Fail(Code::kInvalidArgument, "route must be realtime, batch or hybrid");
    }
  } else if (name == "allow_stale") {
    request->allow_stale = text == "true" || text == "1";
    if (!request->allow_stale && text != "false" && text != "0") {
      return Fail(Code::kInvalidArgument, "allow_stale must be true or false");
    }
  } else if (name == "limit" || name == "timeout_ms") {
    const std::uint64_t min = name == "limit" ? 0 : 1;
    std::uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < min ||
        number > kNumberMax) {
      return Fail(Code::kInvalidArgument, std::string(name) + " must be a whole number from " +
                                              std::to_string(min) + " to " +
                                              std::to_string(kNumberMax));
    }
    if (name == "limit") {
      request->rows_wanted = number;
    } else {
      request->time_max = std::chrono::milliseconds(static_cast<std::int64_t>(number));
    }
  }
  return {};
}

Status ReadObject(const JsonValue& body, query::SqlRequest* request) {
  for (const auto& [name, value] : body.members()) {
    if (name == "query" || name == "sql") {
      if (!value.is_string()) return Fail(Code::kInvalidArgument, name + " must be a string");
      if (!request->sql.empty() && request->sql != value.text()) {
        return Fail(Code::kInvalidArgument, "the body has two statements: send one as query");
      }
      request->sql = value.text();
    } else if (name == "params") {
      TM_TRY(ReadParameters(value, request));
    } else if (name == "as_of") {
      if (!value.is_null()) {
        TM_ASSIGN(request->as_of, query::ReadAsOf(value));
      }
    } else if (name == "min_offset" || name == "route" || name == "limit" || name == "timeout_ms" ||
               name == "allow_stale") {
      const auto flag = value.Bool();
      TM_TRY(SetOption(name, flag ? (*flag ? "true" : "false") : value.text(), request));
    } else {
      return Fail(Code::kInvalidArgument,
                  "unknown field " + name +
                      "; known are query, params, min_offset, as_of, route, allow_stale, limit, "
                      "timeout_ms");
    }
  }
  return {};
}

// The quality of one range of an Accept header; 1 if it says none that can be read.
double QualityOf(std::string_view range) {
  const std::size_t at = range.find(";q=");
  double quality = 1;
  if (at != std::string_view::npos) {
    const std::string_view text = range.substr(at + 3);
    std::from_chars(text.data(), text.data() + text.size(), quality);
  }
  return quality;
}

// The format that the header wants most, of equal ones the first that it names; json if it names
// none that there is: RFC 9110 (12.5.1) leaves the choice, and errors are JSON anyhow.
std::string AcceptedFormat(std::string_view header) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kFormats = {
      {{"vnd.apache.arrow.stream", "arrow"},
       {"ndjson", "ndjson"},
       {"text/csv", "csv"},
       {"application/json", "json"},
       {"*/*", "json"}}};
  std::string accept = LowerCase(header);
  std::erase(accept, ' ');
  std::string_view best = "json";
  double quality = 0;
  for (std::string_view rest = accept; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view range = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    for (const auto& [name, format] : kFormats) {
      if (range.find(name) == std::string_view::npos || QualityOf(range) <= quality) continue;
      quality = QualityOf(range);
      best = format;
    }
  }
  return std::string(best);
}

// json, ndjson, csv, arrow or chunks: by ?chunks=, ?format= or Accept.
Result<std::string> FormatOf(const net::Request& request) {
  if (const auto chunks = request.QueryParameter("chunks")) {
    if (*chunks == "1" || *chunks == "true") return std::string(kChunksFormat);
    if (*chunks != "0" && *chunks != "false") {
      return Fail(Code::kInvalidArgument, "chunks must be 1 or 0");
    }
  }
  if (const auto format = request.QueryParameter("format")) {
    for (const char* known : {"json", "ndjson", "csv", "arrow"}) {
      if (*format == known) return *format;
    }
    return Fail(Code::kInvalidArgument, "format must be json, ndjson, csv or arrow");
  }
  return AcceptedFormat(request.Header("accept").value_or(""));
}

}  // namespace

Result<query::SqlRequest> ParseSqlBody(const net::Request& request) {
  query::SqlRequest parsed;
  for (const char* name : {"min_offset", "as_of", "route", "allow_stale", "limit", "timeout_ms"}) {
    if (const auto value = request.QueryParameter(name)) TM_TRY(SetOption(name, *value, &parsed));
  }
  if (const auto header = request.Header("x-tidemark-min-offset")) {
    TM_TRY(SetOption("min_offset", *header, &parsed));
  }
  const std::string& body = request.body;
  const std::size_t start = body.find_first_not_of(" \t\r\n");
  if (start == std::string::npos) {
    return Fail(Code::kInvalidArgument, "the body must be a SQL statement or {\"query\": ...}");
  }
  if (body[start] == '{') {
    TM_ASSIGN(const auto json, JsonValue::Parse(body));
    TM_TRY(ReadObject(json, &parsed));
  } else if (!IsUtf8(body)) {
    return Fail(Code::kInvalidArgument, "the statement is not valid UTF-8");
  } else {
    parsed.sql = body;
  }
  if (parsed.sql.empty()) return Fail(Code::kInvalidArgument, "query is missing");
  return parsed;
}

namespace {

// What to do about a statement that failed; empty: what is usual for the status.
std::string_view HintOf(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidArgument:
      if (error.message().find("from expression \"properties\"") != std::string::npos) {
        return "properties is JSON text: properties->>'$.a.b' is a field's text, "
               "(properties->>'$.a.b')::double a number";
      }
      if (const auto hint = DialectHint(error.message()); !hint.empty()) return hint;
      return R"(correct the statement; the body is SQL, or {"query":"select $n","params":{"n":1}})";
    case Code::kPermissionDenied:
      return "SQL reads the project's tables and changes nothing: events are sent to "
             "POST /v1/events, other tables are written over the Iceberg catalog";
    case Code::kNotFound:
      return "system.tables has the tables of the project (?project= asks for another's), "
             "system.snapshots and system.refs what is kept of their past";
    case Code::kCorruption:
      return "`tidemark iceberg fsck TABLE` names the files of a table that are missing or damaged";
    default:
      return {};
  }
}

}  // namespace

void SqlHandler::Handle(net::Request request, std::shared_ptr<net::Responder> responder) {
  auto project = authorize_(request);
  if (!project) return responder->Send(std::move(project).error());
  if (auto refusal = net::RefuseUnknownParameters(request, kParameters, net::Strangers::kRefused)) {
    return responder->Send(*std::move(refusal));
  }
  auto format = FormatOf(request);
  if (!format) return responder->Send(net::ErrorResponse(format.error()));
  if (auto refusal = net::UnpackBody(body_, &request)) return responder->Send(*std::move(refusal));
  auto parsed = ParseSqlBody(request);
  if (!parsed) {
    return responder->Send(net::ErrorResponse(parsed.error(), HintOf(parsed.error())));
  }
  parsed->project = std::move(*project);
  parsed->arrived = clock_->Now();
  auto cancel = std::make_shared<std::atomic<bool>>(false);
  parsed->cancel = cancel;
  responder->OnCancel([cancel] { cancel->store(true); });
  const auto run = std::make_shared<query::SqlRequest>(std::move(*parsed));
  const bool posted =
      pool_->Post(run->project, [this, run, format = std::move(*format), responder] {
        Run(std::move(*run), format, responder);
      });
  if (!posted) {
    responder->Send(net::ErrorResponse(
        Error(Code::kOverloaded, "too many statements wait; ask again in a moment")));
  }
}

void SqlHandler::Run(query::SqlRequest request, std::string format,
                     const std::shared_ptr<net::Responder>& responder) {
  auto answer = service_()->Run(std::move(request));
  if (!answer) {
    return responder->Send(net::ErrorResponse(answer.error(), HintOf(answer.error())));
  }
  if (!Stream(*answer, format, responder)) service_()->Failed(*answer);
}

// False if the answer ended with an error. Else it is counted before its last bytes leave: who has
// it finds it in the metrics.
bool SqlHandler::Stream(query::SqlAnswer& answer, const std::string& format,
                        const std::shared_ptr<net::Responder>& responder) {
  const AnswerFormat shape(format);
  std::optional<ChunkShaper> shaper;
  if (format == kChunksFormat) shaper.emplace();
  std::string chunk = shape.Begin(answer);
  bool started = false;
  for (std::string rows;; rows.clear()) {
    auto more = answer.rows->Next(shape.rows(), shaper ? &rows : &chunk, kChunkBytes);
    if (shaper && more) shaper->Add(rows, &chunk);
    if (!more) {
      // Before the first byte the client gets a status; after it the connection is cut, so that it
      // sees that the answer is not whole.
      if (!started) responder->Send(net::ErrorResponse(more.error(), HintOf(more.error())));
      if (started) {
        TM_LOG(kWarning, "an answer was cut off", {"error", more.error().ToString()},
               {"rows", answer.rows->row_count()});
      }
      return false;
    }
    if (!*more) break;
    if (chunk.empty()) continue;  // Its rows wait for their chunk to be full.
    if (!started) {
      responder->Start(200, std::string(shape.content_type()), AnswerHeaders(answer));
      started = true;
    }
    if (!responder->Write(std::move(chunk))) return false;
    chunk.clear();
  }
  if (shaper) shaper->End(&chunk);
  chunk += shape.End(answer, clock_->Now());
  service_()->Finished(answer);
  if (!started) {
    responder->Send({200, shape.content_type(), std::move(chunk), AnswerHeaders(answer)});
    return true;
  }
  if (responder->Write(std::move(chunk))) responder->Finish();
  return true;
}

}  // namespace tidemark::serve
