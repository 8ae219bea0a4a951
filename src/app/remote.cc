#include "app/remote.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

#include <unistd.h>

#include "base/json_reader.h"

namespace tidemark::app {
namespace {

constexpr std::string_view kDefaultAddress = "127.0.0.1:8080";

// Where a server is that listens on every address of this machine: at its own.
net::ServerAddress Near(net::ServerAddress server) {
  if (server.host == "0.0.0.0") server.host = "127.0.0.1";
  if (server.host == "::") server.host = "::1";
  return server;
}

}  // namespace

Result<net::ServerAddress> AddressOf(const Remote& remote) {
  if (!remote.url.empty()) return net::ServerAddress::Parse(remote.url);
  std::ifstream file(remote.data_dir + "/http.address");
  std::string address;
  if (file >> address) {
    TM_ASSIGN(net::ServerAddress server, net::ServerAddress::Parse(address));
    return Near(std::move(server));
  }
  // Whatever listens at the default address has other data than a directory that was named.
  if (remote.data_dir != Remote().data_dir) {
    return Fail(Code::kUnavailable,
                "no server runs on the data directory " + remote.data_dir +
                    "; start `tidemark serve` there, or say where the server is with --url");
  }
  return net::ServerAddress::Parse(kDefaultAddress);
}

Result<net::HttpClient> Connect(const Remote& remote) {
  TM_ASSIGN(net::ServerAddress server, AddressOf(remote));
  return net::HttpClient(std::move(server));
}

net::HttpClient::Headers HeadersOf(const Remote& remote) {
  net::HttpClient::Headers headers;
  if (!remote.key.empty()) headers.emplace_back("X-API-Key", remote.key);
  if (!remote.project.empty()) headers.emplace_back("X-Tidemark-Project", remote.project);
  return headers;
}

bool Agrees(const std::string& command, const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0) {
    std::fprintf(stderr, "tidemark %s: %s: nobody can be asked\nhint: say --yes\n", command.c_str(),
                 question.c_str());
    return false;
  }
  std::fprintf(stderr, "%s? [y/N] ", question.c_str());
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

std::string PathSegment(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return out;
}

Result<std::ifstream> OpenToRead(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  // A folder can be opened, and not read.
  if (file && (file.peek() != EOF || errno == 0)) {
    file.clear();
    return file;
  }
  const int error = errno;
  return Fail(Code::kNotFound, "cannot read " + path + " (" +
                                   (error == 0 ? "no file" : std::strerror(error)) +
                                   "); give the path of a file that this user may read");
}

Result<std::string> ReadAll(const std::string& path) {
  if (path == "-") {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  TM_ASSIGN(std::ifstream file, OpenToRead(path));
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

int PrintError(const std::string& command, const Error& error) {
  std::fprintf(stderr, "tidemark %s: %s\n", command.c_str(), error.message().c_str());
  if (error.code() == Code::kNotFound) return kNotFound;
  return error.code() == Code::kInvalidArgument ? kUsage : kServer;
}

int PrintRefusal(const std::string& command, const net::ClientResponse& response) {
  std::string message = response.body;
  std::string hint;
  if (const auto body = JsonValue::Parse(response.body)) {
    message = body->StringAt("message").value_or(response.body);
    hint = body->StringAt("hint").value_or("");
  }
  std::fprintf(stderr, "tidemark %s: %s (HTTP %d)\n", command.c_str(), message.c_str(),
               response.status);
  if (response.status == 401) hint += "; a command takes it as --key or from TIDEMARK_KEY";
  if (!hint.empty()) std::fprintf(stderr, "hint: %s\n", hint.c_str());
  if (response.status == 404) return kNotFound;
  if (response.status == 409) return kConflict;
  return response.status >= 500 ? kServer : kRefused;
}

}  // namespace tidemark::app
