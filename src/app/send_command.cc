#include <cstdio>
#include <fstream>
#include <iostream>
#include <istream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "app/commands.h"
#include "app/remote.h"
#include "base/json_reader.h"

namespace tidemark::app {
namespace {

// Sends one body of NDJSON lines; prints the answer's receipt to standard error, refusals too.
int SendBody(net::HttpClient* client, const Remote& remote, const std::string& body,
             std::uint64_t* accepted, std::uint64_t* refused) {
  auto headers = HeadersOf(remote);
  headers.emplace_back("Content-Type", "application/x-ndjson");
  const auto response = client->Send("POST", "/v1/events", headers, body);
  if (!response) return PrintError("send", response.error());
  if (response->status / 100 != 2) return PrintRefusal("send", *response);
  const auto answer = JsonValue::Parse(response->body);
  const std::int64_t taken = answer ? answer->IntAt("accepted").value_or(1) : 1;
  *accepted += static_cast<std::uint64_t>(taken);
  if (const JsonValue* list = answer ? answer->Find("refused") : nullptr;
      list != nullptr && list->is_array()) {
    *refused += list->items().size();
    for (const JsonValue& item : list->items()) {
      std::fprintf(stderr, "%s\n", item.ToJson().c_str());
    }
  }
  std::printf("%.*s\n", static_cast<int>(response->Header("x-tidemark-receipt").size()),
              response->Header("x-tidemark-receipt").data());
  return kOk;
}

int SendLines(std::istream& in, std::uint32_t batch, net::HttpClient* client, const Remote& remote,
              std::uint64_t* accepted, std::uint64_t* refused) {
  std::string body;
  std::uint32_t lines = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    body += line;
    body += '\n';
    // A document over several lines (an array, a pretty object) is one body: it is not cut.
    const bool whole_line = body[0] != '[' && line.back() == '}' && line.front() == '{';
    if (whole_line && ++lines >= batch) {
      if (const int code = SendBody(client, remote, body, accepted, refused); code != kOk) {
        return code;
      }
      body.clear();
      lines = 0;
    }
  }
  return body.empty() ? kOk : SendBody(client, remote, body, accepted, refused);
}

}  // namespace

void AddSendOptions(CLI::App* app, SendOptions* options) {
  app->add_option("events", options->events, "Events as JSON; none: read --file");
  app->add_option("--file,-f", options->file, "NDJSON, an array or one object; - is stdin")
      ->capture_default_str();
  app->add_option("--batch", options->batch, "Events a request")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str();
}

int RunSend(const Remote& remote, const SendOptions& options) {
  auto client = net::HttpClient::Make(UrlOf(remote));
  if (!client) return PrintError("send", client.error());
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  int code = kOk;
  if (!options.events.empty()) {
    std::string lines;
    for (const std::string& event : options.events) lines += event + "\n";
    std::istringstream in(lines);
    code = SendLines(in, options.batch, &*client, remote, &accepted, &refused);
  } else if (options.file == "-") {
    code = SendLines(std::cin, options.batch, &*client, remote, &accepted, &refused);
  } else {
    std::ifstream in(options.file);
    if (!in) {
      std::fprintf(stderr, "tidemark send: cannot read %s\n", options.file.c_str());
      return kNotFound;
    }
    code = SendLines(in, options.batch, &*client, remote, &accepted, &refused);
  }
  std::fprintf(stderr, "%llu accepted, %llu refused\n", static_cast<unsigned long long>(accepted),
               static_cast<unsigned long long>(refused));
  if (code != kOk) return code;
  return refused > 0 ? kPartial : kOk;
}

}  // namespace tidemark::app
