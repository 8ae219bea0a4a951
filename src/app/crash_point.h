// Armed deaths for the crash tests: `<step>:<n>` kills this process the n-th time it passes a step
// of a flush, with exit code kArmedExit, so that it is not mistaken for a bug.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "tide/flush.h"

namespace tidemark::app {

inline constexpr int kArmedExit = 85;
inline constexpr std::int64_t kInCommitMicrosMax = 1'500;

// Steps: data_files, manifests, before_commit, in_commit, after_commit, after_publish. `in_commit`
// dies within kInCommitMicrosMax after the commit began: it happened or not. Empty text: never.
// kInvalidArgument lists them.
Result<tide::Flusher::AtStep> ArmCrashPoint(std::string_view text);

}  // namespace tidemark::app
