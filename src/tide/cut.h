// The cut: what one query sees of a project. An immutable pair of a lake head and a list of hot
// segments, replaced as one pointer; whoever holds it still sees the same rows after flushes,
// commits and releases. Rows below `lake->visible()` are the lake's, those from there to `end()`
// are hot's: every acknowledged event is in exactly one of them.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "hot/segment_list.h"
#include "lake/table.h"
#include "tide/stream.h"

namespace tidemark::tide {

struct Cut {
  std::shared_ptr<const lake::TableHead> lake;  // Null while the project has no table.
  std::shared_ptr<const hot::SegmentList> hot;  // Never null.

  // First offset that the lake does not answer for.
  LogOffset settled() const { return lake ? lake->visible() : LogOffset(0); }
  // Offset after the last event of the cut.
  LogOffset end() const { return std::max(settled(), hot->end()); }
  // The rows between: exactly end() - settled() of them, with the columns of `lake`.
  std::shared_ptr<const event::RowSource> HotRows() const { return HotRows(settled(), end()); }
  // Those of them with first <= log_offset < last.
  std::shared_ptr<const event::RowSource> HotRows(LogOffset first, LogOffset last) const;
  std::uint64_t hot_count() const { return static_cast<std::uint64_t>(end() - settled()); }
};

// The cuts of all streams of a project at one moment: of every request that was written, they have
// all parts or none.
struct Cuts {
  std::array<std::shared_ptr<const Cut>, kStreamCount> of;  // By stream; never null.

  const std::shared_ptr<const Cut>& operator[](Stream stream) const { return of[Index(stream)]; }
};
// Of a project that nothing was sent to.
Cuts EmptyCuts();

}  // namespace tidemark::tide
