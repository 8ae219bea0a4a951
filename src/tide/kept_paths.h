// Which paths of `properties` are worth keeping a second time, learned from the rows of a flush.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <memory>

#include "event/row_source.h"
#include "tide/options.h"

namespace tidemark::tide {

// `columns` with the paths that are frequent in a sample of `rows` and not kept yet, and without
// those whose type no longer gives the texts back (they come again as text). Nothing if that
// changes nothing. New field ids follow `last_column_id`; ids are never used again.
std::shared_ptr<const event::TableSchema> LearnKeptPaths(const event::RowSource& rows,
                                                         const event::TableSchema& columns,
                                                         std::int32_t last_column_id,
                                                         const TideOptions& options);

}  // namespace tidemark::tide
