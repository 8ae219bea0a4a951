#include "catalog/catalog.h"

#include <algorithm>
#include <array>

#include "env/faults.h"

namespace tidemark::catalog {
namespace {

constexpr std::array<std::string_view, 8> kKindNames = {
    "flush", "compact", "tier", "erase", "retain", "rollback", "external", "forgotten"};

}  // namespace

std::string_view KindName(CommitKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::optional<CommitKind> FindKind(std::string_view name) {
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (kKindNames[i] == name) return static_cast<CommitKind>(i);
  }
  return std::nullopt;
}

Status CheckMove(const TableChange& change, LogOffset visible) {
  if (!change.off_head || std::max(*change.off_head, change.floor) == visible) return {};
  if (env::Planted(env::Bug::kFloorSinks)) return {};
  return Fail(Code::kConflict, "stale move: the table is settled up to " + to_string(visible));
}

}  // namespace tidemark::catalog
