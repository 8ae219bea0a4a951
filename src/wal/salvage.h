// Reads what can still be read of a log that is damaged or has lost segments, for whoever accepts
// that the rest is gone.
//
// It proves nothing: a start reads by recovery.h, which stops at the first durable byte that is
// wrong. Changes nothing on disk. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/uuid.h"
#include "env/disk.h"
#include "wal/format.h"
#include "wal/log.h"

namespace tidemark::wal {

struct Salvaged {
  std::optional<Uuid> log_id;  // Nothing: no segment of it could be read.
  std::uint64_t segments = 0;  // Whose header could be read.
  std::uint64_t frames = 0;
  // How far each project is known to have gone: by its frames, and by the headers of the segments
  // behind those that are gone. It may have gone further.
  Ends ends;
  std::vector<std::string> problems;  // What of it is gone, with file and offset.
};

// Visits every frame that verifies, oldest first; those that a later segment cuts off are not the
// log's. The last group of a segment whose successor is gone is taken, as a start takes that of the
// last one. Segments of another log than `log_id` (nothing: than the first one's) are left alone
// and told. Errors: kIoError, kUnimplemented (a newer format), what `visit` returned.
Result<Salvaged> Salvage(env::Disk* disk, const std::string& folder,
                         const std::vector<std::string>& names, std::optional<Uuid> log_id,
                         const FrameVisitor& visit);

}  // namespace tidemark::wal
