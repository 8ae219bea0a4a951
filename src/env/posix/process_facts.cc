#include "env/posix/process_facts.h"

#include <filesystem>

#include <sys/resource.h>

namespace tidemark::env {

ProcessFacts ReadProcessFacts() {
  ProcessFacts facts;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    for (const timeval& time : {used.ru_utime, used.ru_stime}) {
      facts.cpu_seconds +=
          static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    }
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.open_files_max = limit.rlim_cur;
  std::error_code error;
  std::filesystem::directory_iterator files("/proc/self/fd", error);
  while (!error && files != std::filesystem::directory_iterator()) {
    ++facts.open_files;
    files.increment(error);
  }
  return facts;
}

}  // namespace tidemark::env
