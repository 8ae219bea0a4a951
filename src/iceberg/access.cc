#include "iceberg/access.h"

#include <algorithm>
#include <array>

namespace tidemark::iceberg {
namespace {

std::string TextOf(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.is_object() ? object.Find(name) : nullptr;
  return value != nullptr && value->is_string() ? value->text() : std::string();
}

const std::vector<JsonValue>& ListOf(const JsonValue& object, std::string_view name) {
  static const std::vector<JsonValue> kNone;
  const JsonValue* value = object.is_object() ? object.Find(name) : nullptr;
  return value != nullptr && value->is_array() ? value->items() : kNone;
}

// What goes with a snapshot of rows, and changes nothing beside it.
bool GoesWithRows(const std::string& action) {
  constexpr std::array<std::string_view, 3> kActions = {"set-snapshot-ref", "set-statistics",
                                                        "set-partition-statistics"};
  return std::ranges::find(kActions, action) != kActions.end();
}

meta::GrantRight ToGrant(Right right) {
  switch (right) {
    case Right::kWrite:
      return meta::GrantRight::kWrite;
    case Right::kMaintain:
      return meta::GrantRight::kMaintain;
    case Right::kCreate:
      return meta::GrantRight::kCreate;
    default:
      return meta::GrantRight::kRead;
  }
}

}  // namespace

std::string_view RightName(Right right) {
  constexpr std::array<std::string_view, 5> kNames = {"see", "read", "write", "maintain",
                                                      "create in"};
  return kNames[static_cast<std::size_t>(right)];
}

bool Access::Granted(Right right, std::string_view ns, std::string_view name) const {
  if (all || grants == nullptr) return true;
  return std::ranges::any_of(*grants, [&](const meta::KeyGrant& grant) {
    if (right == Right::kSee) return grant.Leads(ns);
    return grant.Has(ToGrant(right)) && grant.Covers(ns, name);
  });
}

std::vector<Right> RightsOfCommit(const JsonValue& request) {
  for (const JsonValue& requirement : ListOf(request, "requirements")) {
    if (TextOf(requirement, "type") == "assert-create") return {Right::kCreate};
  }
  bool writes = false;
  bool maintains = false;
  bool goes_with = false;
  for (const JsonValue& update : ListOf(request, "updates")) {
    const std::string action = TextOf(update, "action");
    if (GoesWithRows(action)) {
      goes_with = true;
    } else if (action != "add-snapshot") {
      maintains = true;
    } else {
      const JsonValue* snapshot = update.Find("snapshot");
      const JsonValue* summary =
          snapshot != nullptr && snapshot->is_object() ? snapshot->Find("summary") : nullptr;
      const bool replaces = summary != nullptr && TextOf(*summary, "operation") == "replace";
      (replaces ? maintains : writes) = true;
    }
  }
  if (goes_with && !writes) maintains = true;  // Refs moved on their own.
  std::vector<Right> rights;
  if (writes || !maintains) rights.push_back(Right::kWrite);
  if (maintains) rights.push_back(Right::kMaintain);
  return rights;
}

}  // namespace tidemark::iceberg
