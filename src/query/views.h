// Relations that are views over the streams of a project at the cut: `quarantine`, an item a row
// with what became of it, and `events_metadata`, a row for each event and where it is. Nothing is
// stored for them. docs/reference/quarantine.md.
//
// Pure; any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/query.h"

namespace tidemark::query {

// Places of the relations that the views are over, in a request's list of them.
inline constexpr std::size_t kEventsPlace = 0;
inline constexpr std::size_t kRecordsPlace = 1;

// Whether the text of a statement mentions one of the names; else nothing is spent on them.
bool MentionsViews(std::string_view sql);

// The raw records of the quarantine, which go to kRecordsPlace, and the views behind them.
std::vector<engine::NamedRelation> MakeViews(
    const engine::Relation& events, const std::shared_ptr<const engine::Relation>& records);

}  // namespace tidemark::query
