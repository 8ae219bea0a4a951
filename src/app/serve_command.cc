#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include <unistd.h>

#include "app/commands.h"
#include "app/server.h"
#include "env/posix/open_files.h"
#include "env/posix/process_memory.h"
#include "telemetry/log_line.h"

namespace tidemark::app {
namespace {

int ExitOf(Code code) {
  switch (code) {
    case Code::kConflict:
      return 6;
    case Code::kInvalidArgument:
      return 2;
    case Code::kUnavailable:
      return 5;
    default:
      return 1;
  }
}

void PrintWelcome(const Server& server, bool dev) {
  const std::string url = "http://" + server.address();
  if (!server.new_admin_key().empty() && !dev) {
    std::printf("admin key of project default (shown once): %s\n", server.new_admin_key().c_str());
    std::printf("send it as X-API-Key; tidemark's commands take it from TIDEMARK_KEY\n");
  }
  std::printf("data directory: %s\n", server.data_dir().c_str());
  // The one line that programs wait for.
  std::printf("ready %s\n", url.c_str());
  std::fflush(stdout);
}

// Files that log, lake, catalog and statements have open beside the connections.
constexpr std::uint64_t kOwnFiles = 512;
constexpr std::uint64_t kOpenFilesMin =
    64;  // Fewer, and a flush or a statement cannot do its work.

// So that connections never take the files that log and lake need.
Status LimitConnections(std::uint32_t* connections_max) {
  const std::uint64_t wanted = *connections_max + kOwnFiles;
  const std::uint64_t files = env::RaiseOpenFiles(wanted);
  if (files >= wanted) return {};
  if (files < kOpenFilesMin) {
    return Fail(Code::kOverloaded, "the process may open " + std::to_string(files) +
                                       " files, and " + std::to_string(kOpenFilesMin) +
                                       " are the least it needs; raise the limit (`ulimit -n`, "
                                       "LimitNOFILE= of a unit)");
  }
  const auto fits = static_cast<std::uint32_t>(files - std::min(kOwnFiles, files / 2));
  TM_LOG(kWarning, "the limit of open files leaves fewer connections than http.connections",
         {"open_files", files}, {"connections", fits}, {"http.connections", *connections_max});
  *connections_max = fits;
  return {};
}

constexpr std::uintmax_t kFreeBytesWanted = 64U << 20;  // A segment of the log.

// What to do about a start that failed, if there is hardly any room; else empty.
std::string FullDiskHint(const std::string& data_dir) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(data_dir, error);
  if (error || space.available >= kFreeBytesWanted) return {};
  return "; the disk of " + data_dir + " has " + std::to_string(space.available >> 20) +
         " MiB free; make room there and start again";
}

// Says why there is no server; the exit code.
int Failed(const Error& error) {
  std::fprintf(stderr, "tidemark serve: %s\n", error.message().c_str());
  if (::isatty(STDOUT_FILENO) == 0) {  // Also where a parent that reads the banner looks.
    std::printf("failed: %s\n", error.message().c_str());
    std::fflush(stdout);
  }
  return ExitOf(error.code());
}

}  // namespace

int RunServe(const ServeOptions& options) {
  // Blocked before any thread starts, so that only sigtimedwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // The terminal has gone, unless nohup let it: a signal that is waited for is not ignored.
  struct sigaction hangup{};
  const bool known = ::sigaction(SIGHUP, nullptr, &hangup) == 0;
  if (known && hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  env::ReturnLargeBlocks();

  ServeOptions able = options;
  if (const Status limited = LimitConnections(&able.http.connections_max); !limited) {
    return Failed(limited.error());
  }
  auto server = Server::Open(able);
  if (!server) {
    const Error& error = server.error();
    return Failed({error.code(), error.message() + FullDiskHint(options.data_dir)});
  }
  PrintWelcome(**server, options.dev);
  for (;;) {
    const timespec second{1, 0};
    if (sigtimedwait(&signals, nullptr, &second) > 0) break;
    if ((*server)->fenced()) {
      std::fprintf(stderr, "tidemark serve: another process owns the data directory now\n");
      return ExitOf(Code::kConflict);
    }
  }
  (*server)->Drain();
  return 0;
}

}  // namespace tidemark::app
