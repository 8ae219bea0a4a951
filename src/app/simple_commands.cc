// Commands that are one request, or none.

#include <cstdio>

#include "app/commands.h"
#include "app/remote.h"
#include "base/json_reader.h"

#ifndef TM_VERSION
#define TM_VERSION "0.1.0"
#endif

namespace tidemark::app {
namespace {

Result<net::ClientResponse> Post(const Remote& remote, const std::string& path) {
  TM_ASSIGN(auto client, Connect(remote));
  return client.Send("POST", path, HeadersOf(remote), "");
}

}  // namespace

int RunPost(const Remote& remote, const std::string& path) {
  const std::string command = path.substr(path.rfind('/') + 1);
  const auto response = Post(remote, path);
  if (!response) return PrintError(command, response.error());
  if (response->status != 200) return PrintRefusal(command, *response);
  std::fputs(response->body.c_str(), stdout);
  return kOk;
}

int RunVerify(const Remote& remote) {
  const auto response = Post(remote, "/v1/verify");
  if (!response) return PrintError("verify", response.error());
  if (response->status != 200) return PrintRefusal("verify", *response);
  std::fputs(response->body.c_str(), stdout);
  const auto proof = JsonValue::Parse(response->body);
  const JsonValue* ok = proof ? proof->Find("ok") : nullptr;
  return ok != nullptr && ok->Bool() == true ? kOk : kCheckFailed;
}

std::string VersionText() { return "tidemark " TM_VERSION; }

int RunVersion(bool json) {
  std::printf("%s\n", json ? R"({"version":")" TM_VERSION R"("})" : VersionText().c_str());
  return kOk;
}

}  // namespace tidemark::app
