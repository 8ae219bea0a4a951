#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <istream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <poll.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/remote.h"
#include "base/json_reader.h"
#include "base/uuid.h"
#include "env/posix/posix_clock.h"
#include "net/decompress.h"

namespace tidemark::app {
namespace {

constexpr std::size_t kBodyBytes = 8U << 20;  // A request of so many bytes gets no line more.
constexpr int kTriesMax = 600;                // Of one request.
constexpr int kPauseSecondsMax = 30;

// What became of the events of all bodies.
struct Sums {
  std::uint64_t bodies = 0;
  std::uint64_t accepted = 0;  // Duplicates too: they are there.
  std::uint64_t quarantined = 0;
  std::uint64_t refused = 0;
};

// What goes into one request.
struct Body {
  std::string text;
  std::vector<std::uint64_t> lines;  // Of the input, from 1; blank ones are not sent.
  std::uint32_t events = 0;          // In whole lines.
};

// Prints an event that is not accepted to standard error, with its line of the input where each is
// an event.
void Print(const JsonValue& item, const Body& body, std::uint64_t events) {
  const auto index = item.IntAt("index");
  if (body.lines.size() == events && (index || events == 1)) {
    const std::uint64_t line = body.lines[static_cast<std::size_t>(index.value_or(0))];
    std::fprintf(stderr, "line %llu: ", static_cast<unsigned long long>(line));
  }
  std::fprintf(stderr, "%s\n", item.ToJson().c_str());
}

// An answer has counts; that to one event says only what became of it.
void Add(const JsonValue& answer, const Body& body, Sums* sums) {
  const auto count = [&answer](const char* name) {
    return static_cast<std::uint64_t>(answer.IntAt(name).value_or(0));
  };
  if (answer.Find("received") == nullptr) {
    const bool kept = answer.Find("quarantineId") != nullptr;
    ++(kept ? sums->quarantined : sums->accepted);
    if (kept) Print(answer, body, 1);
    return;
  }
  const std::uint64_t accepted = count("accepted") + count("duplicate");
  sums->accepted += accepted;
  sums->quarantined += count("quarantined");
  sums->refused += count("received") - accepted - count("quarantined");
  for (const char* list : {"refused", "quarantine"}) {
    const JsonValue* items = answer.Find(list);
    if (items == nullptr) continue;
    for (const JsonValue& item : items->items()) Print(item, body, count("received"));
  }
}

// Of a server that takes no more for now, how long it wants to be left alone. Nothing of the body
// was taken then.
std::optional<int> PauseMillis(const net::ClientResponse& response) {
  if (response.status != 503 && response.status != 429) return std::nullopt;
  int seconds = 1;
  const std::string_view text = response.Header("retry-after");
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp(seconds, 0, kPauseSecondsMax) * 1'000;
}

// Until the server answers with something else, or there were too many tries.
Result<net::ClientResponse> SendPatiently(net::HttpClient* client,
                                          const net::HttpClient::Headers& headers,
                                          const std::string& body) {
  for (int tries = 1;; ++tries) {
    TM_ASSIGN(net::ClientResponse response, client->Send("POST", "/v1/events", headers, body));
    const auto pause = PauseMillis(response);
    if (!pause || tries == kTriesMax) return response;
    if (tries == 1) {
      std::fprintf(stderr, "tidemark send: the server takes no more for now (HTTP %d); waiting\n",
                   response.status);
    }
    ::poll(nullptr, 0, *pause);
  }
}

// Sends one body of NDJSON lines; prints the answer's receipt. The client sends it again if the
// connection breaks that it has used before: by its key the server takes it once.
int SendBody(net::HttpClient* client, const Remote& remote, const Body& body, Sums* sums) {
  auto headers = HeadersOf(remote);
  headers.emplace_back("Content-Type", "application/x-ndjson");
  headers.emplace_back("Idempotency-Key",
                       MakeUuidV4(env::EntropySeed(), env::EntropySeed()).ToString());
  const auto response = SendPatiently(client, headers, body.text);
  if (!response) return PrintError("send", response.error());
  if (response->status / 100 != 2) return PrintRefusal("send", *response);
  ++sums->bodies;
  if (const auto answer = JsonValue::Parse(response->body)) Add(*answer, body, sums);
  std::printf("%.*s\n", static_cast<int>(response->Header("x-tidemark-receipt").size()),
              response->Header("x-tidemark-receipt").data());
  return kOk;
}

// What to do about input that is no text; empty if it may be.
std::string_view HintOf(std::string_view first_line) {
  switch (net::SniffCoding(first_line)) {
    case net::Coding::kGzip:
      return "it is compressed: `zcat FILE | tidemark send -`";
    case net::Coding::kZstd:
      return "it is compressed: `zstdcat FILE | tidemark send -`";
    default:
      break;
  }
  const bool is_utf16 = first_line.starts_with("\xFF\xFE") || first_line.starts_with("\xFE\xFF");
  return is_utf16 ? "it is UTF-16: `iconv -f UTF-16 -t UTF-8 FILE | tidemark send -`" : "";
}

// Whether the line is an object, as far as its ends tell; blanks and a carriage return at its end
// are none of it.
bool IsWholeLine(std::string_view line) {
  const std::size_t end = line.find_last_not_of(" \t\r");
  return line.front() == '{' && end != std::string_view::npos && line[end] == '}';
}

int SendLines(std::istream& in, std::uint32_t batch, net::HttpClient* client, const Remote& remote,
              Sums* sums) {
  Body body;
  std::uint64_t number = 0;  // Of the line in the input.
  std::uint64_t first = 1;   // That of the body.
  const auto send = [&] {
    const int code = SendBody(client, remote, body, sums);
    if (code != kOk && first > 1) {
      std::fprintf(stderr,
                   "tidemark send: what is before line %llu was taken; `tail -n +%llu` has the "
                   "rest\n",
                   static_cast<unsigned long long>(first), static_cast<unsigned long long>(first));
    }
    body = {};
    first = number + 1;
    return code;
  };
  for (std::string line; std::getline(in, line);) {
    if (++number == 1) {
      if (const std::string_view hint = HintOf(line); !hint.empty()) {
        std::fprintf(stderr, "tidemark send: the input is not JSON text\nhint: %s\n", hint.data());
        return kUsage;
      }
    }
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    body.text.append(line).append("\n");
    body.lines.push_back(number);
    // A document over several lines (an array, a pretty object) is one body: it is not cut. What
    // was cut before is none.
    const bool whole_line = (first > 1 || body.text[0] != '[') && IsWholeLine(line);
    if (whole_line && (++body.events >= batch || body.text.size() >= kBodyBytes)) {
      if (const int code = send(); code != kOk) return code;
    }
  }
  return body.text.empty() ? kOk : send();
}

int PrintSums(const Sums& sums) {
  const auto number = [](std::uint64_t count) { return static_cast<unsigned long long>(count); };
  std::fprintf(stderr, "%llu accepted, %llu refused", number(sums.accepted), number(sums.refused));
  if (sums.quarantined > 0) {
    std::fprintf(stderr, ", %llu quarantined: `tidemark event quarantine list` shows why",
                 number(sums.quarantined));
  }
  std::fputs("\n", stderr);
  return sums.refused > 0 ? kPartial : kOk;
}

}  // namespace

void AddSendOptions(CLI::App* app, SendOptions* options) {
  app->add_option("events", options->events, "Events as JSON; none, or -: read --file");
  app->add_option("--file,-f", options->file, "NDJSON, an array or one object; - is stdin")
      ->capture_default_str();
  app->add_option("--batch", options->batch, "Events a request, fewer where they fill 8 MiB")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
}

int RunSend(const Remote& remote, const SendOptions& options) {
  auto client = Connect(remote);
  if (!client) return PrintError("send", client.error());
  Sums sums;
  int code = kOk;
  const bool piped = options.events == std::vector<std::string>{"-"};
  if (!options.events.empty() && !piped) {
    std::string lines;
    for (const std::string& event : options.events) lines += event + "\n";
    std::istringstream in(lines);
    code = SendLines(in, options.batch, &*client, remote, &sums);
  } else if (options.file == "-") {
    if (::isatty(STDIN_FILENO) != 0) {
      std::fputs("tidemark send: reading events from the terminal; Ctrl-D ends them\n", stderr);
    }
    code = SendLines(std::cin, options.batch, &*client, remote, &sums);
  } else {
    auto in = OpenToRead(options.file);
    if (!in) return PrintError("send", in.error());
    code = SendLines(*in, options.batch, &*client, remote, &sums);
  }
  const int found = PrintSums(sums);
  if (code != kOk) return code;
  if (sums.bodies == 0) {
    std::fputs(
        "tidemark send: there was no event; give one as an argument, or a file of them with "
        "--file\n",
        stderr);
    return kUsage;
  }
  return found;
}

}  // namespace tidemark::app
