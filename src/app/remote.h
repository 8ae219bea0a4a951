// A command's connection to its server. Blocks; the command's own thread.
#pragma once

#include <fstream>
#include <string>

#include "app/commands.h"
#include "net/http_client.h"

namespace tidemark::app {

// The server of --url, else the one that wrote its address into the data directory; where that is
// the default one and not there, the default address. kUnavailable: no server runs on a directory
// that was named; kInvalidArgument.
Result<net::ServerAddress> AddressOf(const Remote& remote);
// A client of that server.
Result<net::HttpClient> Connect(const Remote& remote);
// Key and project, as headers.
net::HttpClient::Headers HeadersOf(const Remote& remote);

// Whether somebody at the terminal agrees to what cannot be taken back: `question` is asked, as
// "end it". Nobody is there: false, and standard error says why and names --yes.
bool Agrees(const std::string& command, const std::string& question);

// A name as one segment of a path.
std::string PathSegment(std::string_view name);
// A file to read from. kNotFound: it cannot be read, and why.
Result<std::ifstream> OpenToRead(const std::string& path);
// A file, or standard input for "-". kNotFound.
Result<std::string> ReadAll(const std::string& path);

// Exit codes of the commands.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNotFound = 3;
inline constexpr int kRefused = 4;
inline constexpr int kServer = 5;
inline constexpr int kConflict = 6;
inline constexpr int kPartial = 7;
inline constexpr int kCheckFailed = 8;

// Prints what went wrong to standard error in at most three lines; returns the exit code.
int PrintError(const std::string& command, const Error& error);
// The same for an answer that is no success: message and hint of its body.
int PrintRefusal(const std::string& command, const net::ClientResponse& response);

}  // namespace tidemark::app
