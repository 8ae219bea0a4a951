#include "app/crash_point.h"

#include <array>
#include <charconv>
#include <memory>
#include <thread>
#include <utility>

#include <unistd.h>

#include "env/posix/posix_clock.h"

namespace tidemark::app {
namespace {

constexpr std::string_view kInCommit = "in_commit";
constexpr std::array<std::pair<std::string_view, tide::FlushStep>, 6> kSteps = {{
    {"data_files", tide::FlushStep::kDataFiles},
    {"manifests", tide::FlushStep::kManifests},
    {"before_commit", tide::FlushStep::kBeforeCommit},
    {kInCommit, tide::FlushStep::kBeforeCommit},
    {"after_commit", tide::FlushStep::kAfterCommit},
    {"after_publish", tide::FlushStep::kAfterPublish},
}};

// Lets the caller go on and dies a moment later, wherever it is by then.
void DieSoon() {
  const env::PosixClock clock;
  const auto micros = static_cast<std::int64_t>(env::EntropySeed() % kInCommitMicrosMax);
  std::thread([clock_end = clock.Now() + std::chrono::microseconds(micros)] {
    const env::PosixClock watch;
    while (watch.Now() < clock_end) {
    }
    ::_exit(kArmedExit);
  }).detach();
}

}  // namespace

Result<tide::Flusher::AtStep> ArmCrashPoint(std::string_view text) {
  if (text.empty()) return tide::Flusher::AtStep();
  const std::size_t colon = text.find(':');
  int passes = 1;
  if (colon != std::string_view::npos) {
    const std::string_view count = text.substr(colon + 1);
    std::from_chars(count.data(), count.data() + count.size(), passes);
  }
  for (const auto& [name, step] : kSteps) {
    if (name != text.substr(0, colon) || passes < 1) continue;
    auto left = std::make_shared<int>(passes);
    const bool soon = name == kInCommit;
    return tide::Flusher::AtStep([left, soon, armed = step](tide::FlushStep at) {
      if (at != armed || --*left != 0) return;
      if (soon) return DieSoon();
      ::_exit(kArmedExit);
    });
  }
  return Fail(Code::kInvalidArgument,
              "crash-at must be data_files, manifests, before_commit, in_commit, after_commit "
              "or after_publish, then :n");
}

}  // namespace tidemark::app
