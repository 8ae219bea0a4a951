// Armed deaths for the crash tests: `<step>:<n>` kills this process the n-th time it passes a step
// of a flush, with exit code kArmedExit, so that it is not mistaken for a bug.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tide/flush.h"

namespace tidemark::app {

inline constexpr int kArmedExit = 85;

// Steps: data_files, manifests, before_commit, after_commit, after_publish. Empty text: never.
// kInvalidArgument lists them.
Result<tide::Flusher::AtStep> ArmCrashPoint(std::string_view text);

}  // namespace tidemark::app
