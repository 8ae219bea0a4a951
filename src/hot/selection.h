// Some rows of another source, in another order: what a flush writes to one partition's file,
// sorted, without a copy of the rows. Columns are gathered when they are read.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "event/row_source.h"

namespace tidemark::hot {

// `rows` name rows of `source`, which is held. Bounds of chunks are exact. Any thread.
std::shared_ptr<const event::RowSource> Select(std::shared_ptr<const event::RowSource> source,
                                               std::vector<event::RowRef> rows);

}  // namespace tidemark::hot
