#include "app/crash_point.h"

#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include <unistd.h>

namespace tidemark::app {
namespace {

constexpr std::array<std::pair<std::string_view, tide::FlushStep>, 5> kSteps = {{
    {"data_files", tide::FlushStep::kDataFiles},
    {"manifests", tide::FlushStep::kManifests},
    {"before_commit", tide::FlushStep::kBeforeCommit},
    {"after_commit", tide::FlushStep::kAfterCommit},
    {"after_publish", tide::FlushStep::kAfterPublish},
}};

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
    return tide::Flusher::AtStep([left, armed = step](tide::FlushStep at) {
      if (at == armed && --*left == 0) ::_exit(kArmedExit);
    });
  }
  return Fail(Code::kInvalidArgument,
              "crash-at must be data_files, manifests, before_commit, after_commit or "
              "after_publish, then :n");
}

}  // namespace tidemark::app
