// Tables by names that are not quite theirs: in another case, as SQL's names may be, or misspelled.
// Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "query/table_source.h"

namespace tidemark::query {

// As a statement names it: `iceberg.t`, `iceberg.ns."c d"`.
std::string SqlName(const TableId& table);

// The tables that are called so in some case, a namespace's levels joined or not.
std::vector<TableId> InAnyCase(std::span<const TableId> tables, const std::vector<std::string>& ns,
                               std::string_view name);

// The table that somebody may have meant with these parts of a name; nothing if none is near.
std::optional<TableId> Nearest(std::span<const TableId> tables, std::string_view project,
                               const std::vector<std::string>& parts);

}  // namespace tidemark::query
