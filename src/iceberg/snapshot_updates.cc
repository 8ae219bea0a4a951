// Updates of snapshots, branches and tags (Iceberg table spec, "Snapshots", "Snapshot References").
#include <algorithm>
#include <limits>
#include <utility>

#include "iceberg/schema.h"
#include "iceberg/table_document.h"

namespace tidemark::iceberg {
namespace {

constexpr std::string_view kMain = "main";
constexpr std::int64_t kTimestampMsMax = 253'402'300'799'999;  // To the end of the year 9999.

// What every reader of a snapshot relies on.
Done CheckSnapshot(const JsonValue& snapshot, int format_version) {
  ICE_ASSIGN(const std::int64_t id, snapshot.IntAt("snapshot-id"));
  if (id < 0) return NotValid("Invalid snapshot id: " + std::to_string(id));
  ICE_ASSIGN(const std::int64_t time, snapshot.IntAt("timestamp-ms"));
  if (time < 0 || time > kTimestampMsMax) {
    return NotValid("Invalid snapshot timestamp: " + std::to_string(time) + " ms");
  }
  if (format_version > 1) {
    ICE_ASSIGN(const std::int64_t sequence, snapshot.IntAt("sequence-number"));
    if (sequence < 0) {
      return NotValid("Invalid snapshot sequence number: " + std::to_string(sequence));
    }
    ICE_TRY(snapshot.StringAt("manifest-list"));
  }
  const JsonValue* summary = snapshot.Find("summary");
  if (summary == nullptr || summary->is_null()) return {};
  if (!summary->is_object()) return BadRequest("Cannot parse snapshot: summary");
  for (const auto& [key, value] : summary->members()) {
    if (!value.is_string()) return BadRequest("Cannot parse snapshot: summary value of " + key);
  }
  return {};
}

}  // namespace

Done TableDocument::AddSnapshot(const JsonValue& update) {
  const JsonValue* sent = update.Find("snapshot");
  if (sent == nullptr || !sent->is_object()) {
    return BadRequest("Cannot parse add-snapshot: snapshot must be an object");
  }
  ICE_TRY(CheckSnapshot(*sent, format_version()));
  const std::int64_t id = IntOr(*sent, "snapshot-id", -1);
  if (FindById("snapshots", "snapshot-id", id) != nullptr) {
    return NotValid("Snapshot already exists for id: " + std::to_string(id));
  }
  if (ParentOf(*sent) == id) {
    return NotValid("Invalid snapshot: " + std::to_string(id) + " cannot be its own parent");
  }
  const JsonValue* parent = sent->Find("parent-snapshot-id");
  const bool has_parent = parent != nullptr && !parent->is_null();
  const std::int64_t sequence = IntOr(*sent, "sequence-number", 0);
  const std::int64_t last = IntOr(json_, "last-sequence-number", 0);
  // A stale base, not a mistake of the client: it loads again and retries.
  if (format_version() > 1 && has_parent && sequence <= last) {
    return CommitFailed("Cannot add snapshot with sequence number " + std::to_string(sequence) +
                        " older than last sequence number " + std::to_string(last));
  }
  if (format_version() >= 3) ICE_TRY(CheckRowLineage(*sent));
  JsonValue snapshot = *sent;
  std::erase_if(snapshot.members(),
                [](const JsonValue::Member& member) { return member.second.is_null(); });
  json_.Find("snapshots")->Append(std::move(snapshot));
  json_.Set("last-sequence-number", std::max(last, sequence));
  updated_ms_ = std::max(updated_ms_.value_or(0), IntOr(*sent, "timestamp-ms", 0));
  added_.insert(id);
  added_order_.push_back(id);
  changed_ = true;
  return {};
}

Done TableDocument::CheckRowLineage(const JsonValue& snapshot) {
  const JsonValue* first = snapshot.Find("first-row-id");
  const JsonValue* rows = snapshot.Find("added-rows");
  if (first == nullptr || !first->Int()) {
    return NotValid("Cannot add a snapshot: first-row-id is null");
  }
  if (rows == nullptr || !rows->Int()) {
    return NotValid("Cannot add a snapshot: added-rows is missing");
  }
  if (*rows->Int() < 0 || *first->Int() > std::numeric_limits<std::int64_t>::max() - *rows->Int()) {
    return NotValid("Cannot add a snapshot: added-rows " + std::to_string(*rows->Int()) +
                    " from first-row-id " + std::to_string(*first->Int()) + " are no row ids");
  }
  const std::int64_t next = IntOr(json_, "next-row-id", 0);
  if (*first->Int() < next) {
    return CommitFailed("Cannot add a snapshot, first-row-id is behind table next-row-id: " +
                        std::to_string(*first->Int()) + " < " + std::to_string(next));
  }
  json_.Set("next-row-id", *first->Int() + *rows->Int());
  return {};
}

Done TableDocument::SetRef(const JsonValue& update) {
  ICE_ASSIGN(const std::string name, update.StringAt("ref-name"));
  ICE_ASSIGN(const std::string type, update.StringAt("type"));
  ICE_ASSIGN(const std::int64_t id, update.IntAt("snapshot-id"));
  if (type != "branch" && type != "tag") return BadRequest("Unknown ref type: " + type);
  if (name == kMain && type == "tag") return NotValid("Cannot make main a tag");
  if (FindById("snapshots", "snapshot-id", id) == nullptr) {
    return NotValid("Cannot set " + name + " to unknown snapshot: " + std::to_string(id));
  }
  JsonValue ref = JsonValue::Object();
  ref.Set("snapshot-id", id).Set("type", type);
  for (const std::string_view member :
       {"min-snapshots-to-keep", "max-snapshot-age-ms", "max-ref-age-ms"}) {
    const JsonValue* value = update.Find(member);
    if (value == nullptr || value->is_null()) continue;
    if (value->Int().value_or(0) <= 0) {
      return NotValid("Invalid snapshot ref: " + std::string(member) + " must be above 0");
    }
    if (type == "tag" && member != "max-ref-age-ms") {
      return NotValid("Tags do not support setting " + std::string(member));
    }
    ref.Set(member, *value->Int());
  }
  const JsonValue* have = json_.Find("refs")->Find(name);
  if (have != nullptr && *have == ref) return {};
  if (name == kMain) ICE_TRY(SetMain(id));  // Members may move: found again after it.
  json_.Find("refs")->Set(name, std::move(ref));
  changed_ = true;
  return {};
}

// History tells when a snapshot became current: for a new one that is its own time.
Done TableDocument::SetMain(std::int64_t snapshot) {
  if (current_snapshot() == snapshot) return {};
  const JsonValue* found = FindById("snapshots", "snapshot-id", snapshot);
  std::int64_t time = added_.contains(snapshot) ? IntOr(*found, "timestamp-ms", now_ms_) : now_ms_;
  auto& log = json_.Find("snapshot-log")->items();
  // Clocks go back, history does not.
  if (!log.empty()) time = std::max(time, IntOr(log.back(), "timestamp-ms", 0));
  if (!added_.contains(snapshot)) updated_ms_ = std::max(updated_ms_.value_or(0), time);
  JsonValue entry = JsonValue::Object();
  entry.Set("timestamp-ms", time).Set("snapshot-id", snapshot);
  log.push_back(std::move(entry));
  was_main_.insert(snapshot);
  json_.Set("current-snapshot-id", snapshot);
  return {};
}

Done TableDocument::RemoveRef(const JsonValue& update) {
  ICE_ASSIGN(const std::string name, update.StringAt("ref-name"));
  if (name == kMain) json_.Remove("current-snapshot-id");
  changed_ |= json_.Find("refs")->Remove(name);
  return {};
}

Done TableDocument::RemoveSnapshots(const JsonValue& update) {
  const JsonValue* ids = update.Find("snapshot-ids");
  if (ids == nullptr || !ids->is_array()) {
    return BadRequest("Cannot parse remove-snapshots: snapshot-ids must be an array");
  }
  std::set<std::int64_t> gone;
  for (const JsonValue& id : ids->items()) gone.insert(id.Int().value_or(-1));
  const auto is_gone = [&gone](const JsonValue& one) {
    return gone.contains(IntOr(one, "snapshot-id", -1));
  };
  const auto removed = std::erase_if(json_.Find("snapshots")->items(), is_gone);
  if (removed == 0) return {};
  for (const std::string_view list : {"statistics", "partition-statistics"}) {
    if (json_.Find(list) != nullptr) std::erase_if(List(list)->items(), is_gone);
  }
  removed_.insert(gone.begin(), gone.end());
  changed_ = true;
  return {};
}

}  // namespace tidemark::iceberg
