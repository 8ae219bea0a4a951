// Promoted properties: which columns a table gets, and which rows have them. A promotion is made by
// a commit of the tide, which gives the table its columns and a number; from then on the log's
// thread writes that number into each record, and a row has the columns of the numbers up to that
// of its record, in hot memory, at a flush and at replay. docs/adr/0012-promoted-columns.md.
//
// Pure; any thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "event/schema.h"
#include "hot/segment_list.h"
#include "lake/table.h"

namespace tidemark::tide {

// Whether all of `wanted` can be columns of the table, or are. kInvalidArgument names the first
// that cannot and says what to do: its name is that of another column but for case or not one that
// SQL takes as it is, or there would be more than kPromotedColumnsMax.
//
// `head` may be null: the table is not made yet.
Status CheckPromotion(const lake::TableHead* head, std::span<const event::PropertyColumn> wanted);

// The columns of the table with those of `wanted` that it has not, under the next number and with
// field ids behind the last; null if it has all.
Result<std::shared_ptr<const event::TableSchema>> PlanPromotion(
    const lake::TableHead& head, std::span<const event::PropertyColumn> wanted);

// `columns` saying since when rows have a column, of those whose first row is among the hot rows
// below `end`; null if nothing new is known.
std::shared_ptr<const event::TableSchema> NoteFirstRows(const event::TableSchema& columns,
                                                        const hot::SegmentList& hot, LogOffset end);

// By place in columns.promoted: the first hot row that has the column.
std::vector<LogOffset> FirstOffsets(const event::TableSchema& columns, const hot::SegmentList& hot);

}  // namespace tidemark::tide
