// The planted bugs of the log; env/faults.h has the mechanism.
#pragma once

#include <cstdint>

#include "env/faults.h"

namespace tidemark::wal {

enum class Bug : std::uint8_t {
  kNone,
  kAckBeforeSync,           // WaitSync does not sync.
  kRetryFailedSync,         // A failed sync is asked again on the same file.
  kContinueAfterFailure,    // A void group is followed by the next one in the same segment.
  kNoCutOff,                // The next segment's first sequence does not stop the reading.
  kChecksumWithoutSegment,  // Checksums and sequences do not tell a segment's lives apart.
  kTailNotRewritten,        // Recovery trusts the tail that it sees.
  kFolderNotSynced,         // A new segment's name is not made durable.
  kHeaderNotSynced,         // A segment gets its name before its header is durable.
  kRecycleNotSynced,        // A recycled segment is used again while its old name may come back.
  kTornIsSkipped,           // Rot below the durable end is taken for a torn tail.
  kTrimIgnoresOneProject,   // Trim looks at the first project of a segment only.
  kOffsetsNotGivenBack,     // A void group keeps its offsets.
  kEnd,
};

using env::Planted;

}  // namespace tidemark::wal
