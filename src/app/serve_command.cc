#include <csignal>
#include <cstdio>

#include "app/commands.h"
#include "app/server.h"
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

}  // namespace

int RunServe(const ServeOptions& options) {
  // Blocked before any thread starts, so that only sigtimedwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  env::ReturnLargeBlocks();

  auto server = Server::Open(options);
  if (!server) {
    std::fprintf(stderr, "tidemark serve: %s\n", server.error().message().c_str());
    // Also where a parent that reads the banner looks.
    std::printf("failed: %s\n", server.error().message().c_str());
    std::fflush(stdout);
    return ExitOf(server.error().code());
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
