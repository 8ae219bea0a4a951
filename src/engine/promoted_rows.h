// Rows with the columns of promoted properties behind their own: typed values that are read out of
// the texts of `properties` when somebody asks for them. Live rows, a flush and a backfill read
// them through this, so that hot and lake have the same values. docs/adr/0012-promoted-columns.md.
//
// A value is there only if the property has exactly it:
//   string     any string
//   long       a number without a fraction that is not zero, and without exponent, of 64 bits
//   double     a number whose digits are those of the nearest double's shortest text
//   boolean    true or false
//   timestamp  a string that ParseTime reads, with nothing below the microsecond
// Anything else stays in `properties` alone, and the column is null.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "event/row_source.h"
#include "event/schema.h"

namespace tidemark::engine {

// The JSON text of a member of an object, both compact; nothing if there is none.
std::optional<std::string_view> FindMember(std::string_view object, std::string_view key);

// What JSON texts are as values, if they are exactly that.
std::optional<std::int64_t> PromotedInt(std::string_view json);
std::optional<double> PromotedDouble(std::string_view json);
std::optional<TimeMicros> PromotedTime(std::string_view json);

// `rows`, whose columns are the fixed ones of `columns`, with the promoted ones behind them.
// `since[i]`: the first offset whose row has columns->promoted[i]. Any thread; holds both. `rows`
// itself if nothing is promoted.
std::shared_ptr<const event::RowSource> WithPromoted(
    std::shared_ptr<const event::RowSource> rows, std::shared_ptr<const event::TableSchema> columns,
    std::vector<LogOffset> since);

}  // namespace tidemark::engine
