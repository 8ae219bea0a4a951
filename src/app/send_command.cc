#include <cstdio>
#include <iostream>
#include <istream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/commands.h"
#include "app/remote.h"
#include "base/json_reader.h"

namespace tidemark::app {
namespace {

// What became of the events of all bodies.
struct Sums {
  std::uint64_t bodies = 0;
  std::uint64_t accepted = 0;  // Duplicates too: they are there.
  std::uint64_t quarantined = 0;
  std::uint64_t refused = 0;
};

// An answer has counts; that to one event says only what became of it. Prints each event that is
// not accepted to standard error.
void Add(const JsonValue& answer, Sums* sums) {
  const auto count = [&answer](const char* name) {
    return static_cast<std::uint64_t>(answer.IntAt(name).value_or(0));
  };
  if (answer.Find("received") == nullptr) {
    const bool kept = answer.Find("quarantineId") != nullptr;
    ++(kept ? sums->quarantined : sums->accepted);
    if (kept) std::fprintf(stderr, "%s\n", answer.ToJson().c_str());
    return;
  }
  const std::uint64_t accepted = count("accepted") + count("duplicate");
  sums->accepted += accepted;
  sums->quarantined += count("quarantined");
  sums->refused += count("received") - accepted - count("quarantined");
  for (const char* list : {"refused", "quarantine"}) {
    const JsonValue* items = answer.Find(list);
    if (items == nullptr) continue;
    for (const JsonValue& item : items->items()) {
      std::fprintf(stderr, "%s\n", item.ToJson().c_str());
    }
  }
}

// Sends one body of NDJSON lines; prints the answer's receipt.
int SendBody(net::HttpClient* client, const Remote& remote, const std::string& body, Sums* sums) {
  auto headers = HeadersOf(remote);
  headers.emplace_back("Content-Type", "application/x-ndjson");
  const auto response = client->Send("POST", "/v1/events", headers, body);
  if (!response) return PrintError("send", response.error());
  if (response->status / 100 != 2) return PrintRefusal("send", *response);
  ++sums->bodies;
  if (const auto answer = JsonValue::Parse(response->body)) Add(*answer, sums);
  std::printf("%.*s\n", static_cast<int>(response->Header("x-tidemark-receipt").size()),
              response->Header("x-tidemark-receipt").data());
  return kOk;
}

int SendLines(std::istream& in, std::uint32_t batch, net::HttpClient* client, const Remote& remote,
              Sums* sums) {
  std::string body;
  std::uint32_t lines = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    body += line;
    body += '\n';
    // A document over several lines (an array, a pretty object) is one body: it is not cut.
    const bool whole_line = body[0] != '[' && line.back() == '}' && line.front() == '{';
    if (whole_line && ++lines >= batch) {
      if (const int code = SendBody(client, remote, body, sums); code != kOk) return code;
      body.clear();
      lines = 0;
    }
  }
  return body.empty() ? kOk : SendBody(client, remote, body, sums);
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
  app->add_option("--batch", options->batch, "Events a request")
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
