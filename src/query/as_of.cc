#include "query/as_of.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "event/receipt.h"

namespace tidemark::query {
namespace {

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  const auto json = JsonValue::Parse(text);
  return json && json->is_number() ? json->Int() : std::nullopt;
}

AsOf AtSnapshot(std::int64_t id) { return {.snapshot = SnapshotId(id)}; }
AsOf AtTime(TimeMicros time) { return {.kind = AsOf::Kind::kTime, .time = time}; }

// A receipt, a snapshot's id, or else the name of a branch or tag.
AsOf ReadVersion(std::string_view text) {
  if (const auto id = WholeNumber(text)) return AtSnapshot(*id);
  if (const auto receipt = event::DecodeReceipt(text)) {
    return {.kind = AsOf::Kind::kOffset, .log_id = receipt->log_id, .end = receipt->end()};
  }
  return {.kind = AsOf::Kind::kRef, .ref = std::string(text)};
}

Result<AsOf> ReadTime(std::string_view text) {
  const auto time = ParseTime(text);
  if (!time) {
    return Fail(Code::kInvalidArgument,
                "as_of: \"" + std::string(text) + "\" is no time; write 2024-01-15T10:30:00Z");
  }
  return AtTime(*time);
}

// `{"snapshot_id":..,"offsets":{"0":..},"log_id":..}`, as an answer names its cut.
Result<AsOf> ReadCut(const JsonValue& value) {
  const JsonValue* offsets = value.Find("offsets");
  const auto end = offsets == nullptr ? std::nullopt : std::optional(offsets->IntAt("0"));
  const auto log_id = value.StringAt("log_id");
  if (!end || !*end || **end < 0 || !log_id) {
    return Fail(Code::kInvalidArgument,
                "as_of: a cut has log_id and offsets, as the `receipt` of an answer");
  }
  const auto snapshot = value.IntAt("snapshot_id");
  return AsOf{.kind = AsOf::Kind::kOffset,
              .snapshot = SnapshotId(snapshot ? *snapshot : 0),
              .log_id = *log_id,
              .end = LogOffset(**end)};
}

std::string TimeOf(const lake::Snapshot& snapshot) {
  return FormatTime(TimeMicros(snapshot.timestamp_ms * 1000));
}

// What a table still has, for messages.
std::string Kept(const lake::TableMetadata& metadata) {
  if (metadata.snapshots.empty()) return "; it has none yet: nothing was committed to it";
  const lake::Snapshot& first = *metadata.snapshots.front();
  const lake::Snapshot& last = *metadata.snapshots.back();
  std::string text = "; it keeps " + std::to_string(metadata.snapshots.size()) + ", from " +
                     to_string(first.id) + " of " + TimeOf(first) + " to " + to_string(last.id) +
                     " of " + TimeOf(last);
  std::size_t named = 0;
  for (const auto& [name, ref] : metadata.refs) {
    if (++named > 20) break;
    text += (named == 1 ? ", and the refs " : ", ") + name;
  }
  return text;
}

}  // namespace

Result<AsOf> ReadAsOf(const engine::AsOf& at) {
  if (at.unit == engine::AsOf::Unit::kTimestamp) {
    if (const auto* time = std::get_if<TimeMicros>(&at.value)) return AtTime(*time);
    if (const auto* text = std::get_if<std::string>(&at.value)) return ReadTime(*text);
    if (const auto* number = std::get_if<std::int64_t>(&at.value)) {
      if (const auto time = TimeFromEpochNumber(*number)) return AtTime(*time);
    }
    return Fail(Code::kInvalidArgument, "AT (TIMESTAMP => ...) takes a time");
  }
  if (const auto* id = std::get_if<std::int64_t>(&at.value)) return AtSnapshot(*id);
  if (const auto* text = std::get_if<std::string>(&at.value)) return ReadVersion(*text);
  return Fail(Code::kInvalidArgument,
              "AT (VERSION => ...) takes a snapshot's id, a branch, a tag or a receipt");
}

Result<AsOf> ReadAsOf(const JsonValue& value) {
  if (const auto id = value.is_number() ? value.Int() : std::nullopt) return AtSnapshot(*id);
  if (value.is_string()) return ReadAsOf(std::string_view(value.text()));
  if (!value.is_object()) {
    return Fail(Code::kInvalidArgument,
                "as_of is a snapshot's id, a branch or tag, a time, a receipt, or the receipt "
                "object of an answer");
  }
  if (value.Find("offsets") != nullptr) return ReadCut(value);
  if (value.members().size() == 1) {
    const auto& [name, of] = value.members().front();
    if (name == "snapshot" || name == "snapshot_id") {
      if (const auto id = WholeNumber(of.text())) return AtSnapshot(*id);
    }
    if (name == "ref" || name == "branch" || name == "tag") {
      return AsOf{.kind = AsOf::Kind::kRef, .ref = of.text()};
    }
    if (name == "timestamp") return ReadTime(of.text());
    if (name == "receipt") {
      TM_ASSIGN(const auto receipt, event::DecodeReceipt(of.text()));
      return AsOf{.kind = AsOf::Kind::kOffset, .log_id = receipt.log_id, .end = receipt.end()};
    }
  }
  return Fail(Code::kInvalidArgument,
              "as_of has one of snapshot_id, ref, timestamp and receipt, or is the receipt object "
              "of an answer");
}

Result<AsOf> ReadAsOf(std::string_view text) {
  if (text.starts_with('{')) {
    TM_ASSIGN(const auto json, JsonValue::Parse(text));
    return ReadAsOf(json);
  }
  AsOf version = ReadVersion(text);
  if (version.kind != AsOf::Kind::kRef) return version;
  if (const auto time = ParseTime(text)) return AtTime(*time);
  return version;
}

Result<const lake::Snapshot*> FindSnapshot(const lake::TableMetadata& metadata,
                                           std::string_view table, const AsOf& as_of) {
  const lake::Snapshot* found = nullptr;
  std::string what;
  switch (as_of.kind) {
    case AsOf::Kind::kSnapshot:
      what = "no snapshot " + to_string(as_of.snapshot);
      found = metadata.FindSnapshot(as_of.snapshot);
      break;
    case AsOf::Kind::kRef: {
      what = "no branch or tag \"" + as_of.ref + "\"";
      const auto ref = metadata.refs.find(as_of.ref);
      if (ref == metadata.refs.end()) break;
      found = metadata.FindSnapshot(ref->second.snapshot);
      what = std::string(ref->second.is_branch ? "a branch" : "a tag") + " \"" + as_of.ref +
             "\" of snapshot " + to_string(ref->second.snapshot) + ", which is gone";
      break;
    }
    case AsOf::Kind::kTime: {
      what = "no snapshot that was current at " + FormatTime(as_of.time);
      // Clocks of writers differ: a later entry may have an earlier time, and it counts.
      const auto& log = metadata.snapshot_log;
      const auto entry = std::find_if(log.rbegin(), log.rend(), [&](const auto& one) {
        return one.timestamp_ms <= FloorDiv(as_of.time.value, 1000);
      });
      if (entry == log.rend()) break;
      found = metadata.FindSnapshot(entry->snapshot);
      what = "snapshot " + to_string(entry->snapshot) + " as that of " + FormatTime(as_of.time) +
             ", and it is gone";
      break;
    }
    case AsOf::Kind::kOffset:
      return Fail(Code::kInvalidArgument,
                  "a receipt names rows of events, no snapshot of " + std::string(table));
  }
  if (found != nullptr) return found;
  return Fail(Code::kNotFound, "table \"" + std::string(table) + "\" has " + what + Kept(metadata));
}

LogOffset OffsetOf(const lake::TableMetadata& metadata, const lake::Snapshot& snapshot) {
  const lake::Snapshot* at = &snapshot;
  for (std::size_t steps = 0; at != nullptr && steps <= metadata.snapshots.size(); ++steps) {
    if (const auto offset = lake::ParseOffsets(at->Summary(lake::kSummaryOffsets))) return *offset;
    at = at->parent ? metadata.FindSnapshot(*at->parent) : nullptr;
  }
  return LogOffset(0);
}

namespace {

// From `to` back to `from` or, if that is not met, to the oldest that is kept; a circle ends where
// it closes. Newest first, without `from`.
struct Line {
  std::vector<const lake::Snapshot*> snapshots;
  bool met = false;                // `from`.
  std::optional<SnapshotId> lost;  // The parent that the last one names and that is not kept.
};

Line Follow(const lake::TableMetadata& metadata, const lake::Snapshot& to,
            std::optional<SnapshotId> from) {
  std::unordered_map<std::int64_t, const lake::Snapshot*> by_id;
  for (const auto& snapshot : metadata.snapshots) by_id[snapshot->id.value] = snapshot.get();
  Line line;
  const lake::Snapshot* at = &to;
  while (at != nullptr && line.snapshots.size() < metadata.snapshots.size()) {
    line.met = at->id == from;
    if (line.met) return line;
    line.snapshots.push_back(at);
    if (!at->parent) return line;
    const auto parent = by_id.find(at->parent->value);
    if (parent == by_id.end()) line.lost = *at->parent;
    at = parent == by_id.end() ? nullptr : parent->second;
  }
  line.met = at != nullptr && at->id == from;
  return line;
}

}  // namespace

Result<std::vector<const lake::Snapshot*>> SnapshotsBetween(const lake::TableMetadata& metadata,
                                                            const lake::Snapshot* from,
                                                            const lake::Snapshot& to) {
  Line line = Follow(metadata, to, from == nullptr ? std::nullopt : std::optional(from->id));
  if (from == nullptr && line.lost) {
    return Fail(Code::kInvalidArgument,
                "the table's beginning is not kept any more: snapshot " + to_string(*line.lost) +
                    " is gone; name a snapshot to begin after, the oldest on the line is " +
                    to_string(line.snapshots.back()->id));
  }
  if (from != nullptr && !line.met) {
    std::string why =
        "snapshot " + to_string(from->id) + " is no ancestor of snapshot " + to_string(to.id);
    if (line.lost) {
      why += ", as far as that can be told: snapshot " + to_string(*line.lost) +
             ", which the line goes through, is not kept any more";
    } else if (Follow(metadata, *from, to.id).met) {
      why += ": it is the other way round";
    }
    return Fail(Code::kInvalidArgument, std::move(why));
  }
  std::reverse(line.snapshots.begin(), line.snapshots.end());
  return std::move(line.snapshots);
}

std::set<SnapshotId> LineOf(const lake::TableMetadata& metadata, const lake::Snapshot& snapshot) {
  std::set<SnapshotId> ids;
  for (const lake::Snapshot* at : Follow(metadata, snapshot, std::nullopt).snapshots) {
    ids.insert(at->id);
  }
  return ids;
}

namespace {

// A rollback before it took offsets out of sight: the snapshot goes on above where its parent
// ended.
bool LeavesGap(const lake::TableMetadata& metadata, const lake::Snapshot& snapshot) {
  const auto begin = lake::ParseOffsets(snapshot.Summary(lake::kSummaryBegin));
  const lake::Snapshot* parent =
      snapshot.parent ? metadata.FindSnapshot(*snapshot.parent) : nullptr;
  return begin && parent != nullptr && OffsetOf(metadata, *parent) < *begin;
}

}  // namespace

std::vector<const lake::Snapshot*> RemovalsSince(const lake::TableMetadata& metadata,
                                                 SnapshotId since) {
  const lake::Snapshot* from = metadata.FindSnapshot(since);
  std::vector<const lake::Snapshot*> removals;
  for (const auto& snapshot : metadata.snapshots) {
    if (from != nullptr && snapshot->sequence_number <= from->sequence_number) continue;
    const std::string_view kind = snapshot->Summary(lake::kSummaryKind);
    const std::string_view operation = snapshot->Summary("operation");
    const std::string_view dropped = snapshot->Summary(lake::kSummaryDropped);
    const bool removes = operation == "delete" || operation == "overwrite" || kind == "erase" ||
                         kind == "retain" || kind == "rollback" ||
                         (!dropped.empty() && dropped != "{}") || LeavesGap(metadata, *snapshot);
    if (removes) removals.push_back(snapshot.get());
  }
  return removals;
}

}  // namespace tidemark::query
