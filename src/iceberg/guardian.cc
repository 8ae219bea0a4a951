#include "iceberg/guardian.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "event/schema.h"
#include "iceberg/schema.h"
#include "lake/metadata.h"

namespace tidemark::iceberg {
namespace {

constexpr std::string_view kOurPrefix = "tidemark.";
constexpr std::string_view kMain = "main";

// Kept by the server: offsets and identity of the table, and what keeps files of others' readers.
constexpr std::array<std::string_view, 7> kReserved = {
    lake::kPropertyManaged,  lake::kPropertyLogId, lake::kPropertyOffsets, lake::kPropertyFloor,
    lake::kPropertyPromoted, "gc.enabled",         "write.metadata.path"};

Done CheckTable(const TableDocument& before, const TableDocument& after) {
  const bool may_upgrade = before.Property(kPropertyUpgrade) == "allow";
  if (before.format_version() != after.format_version() && !may_upgrade) {
    return NotValid(
        "G11: the server writes this table in format v" + std::to_string(before.format_version()) +
        ": PyIceberg 0.12 and others cannot write newer ones; set table property " +
        std::string(kPropertyUpgrade) + " to allow first, or copy it into a plain table");
  }
  if (before.location() != after.location()) {
    return Forbidden("G9: the location of a table that the server feeds cannot be changed");
  }
  for (const std::string_view key : kReserved) {
    if (before.Property(key) == after.Property(key)) continue;
    return Forbidden("G9: property " + std::string(key) +
                     " is the server's: leave it out of the commit");
  }
  return {};
}

const JsonValue* FieldOf(const JsonValue& schema, std::int64_t id) {
  for (const JsonValue& field : MemberOf(schema, "fields").items()) {
    if (IntOr(field, "id", -1) == id) return &field;
  }
  return nullptr;
}

bool SameField(const JsonValue& a, const JsonValue& b) {
  return TextOr(a, "name") == TextOr(b, "name") && MemberOf(a, "type") == MemberOf(b, "type") &&
         MemberOf(a, "required").Bool() == MemberOf(b, "required").Bool();
}

// The top-level columns of a schema by their field ids.
using FieldsById = std::map<std::int64_t, const JsonValue*>;

FieldsById FieldsOf(const JsonValue& schema) {
  FieldsById fields;
  for (const JsonValue& field : MemberOf(schema, "fields").items()) {
    fields.emplace(IntOr(field, "id", -1), &field);
  }
  return fields;
}

// The schema that the table was made with: its columns are the events'.
const JsonValue& FirstSchema(const TableDocument& table) {
  const auto& schemas = table.json().Find("schemas")->items();
  return *std::ranges::min_element(
      schemas, {}, [](const JsonValue& schema) { return IntOr(schema, "schema-id", 0); });
}

bool IsKept(const JsonValue& field) {
  return TextOr(field, "name") == event::kKeptColumn && MemberOf(field, "type").is_object();
}

bool IsKnownId(const TableDocument& table, std::int64_t id) {
  return std::ranges::any_of(table.json().Find("schemas")->items(), [id](const JsonValue& schema) {
    return FieldOf(schema, id) != nullptr;
  });
}

// Rows that the server writes have null in columns that are not its own, and so have hot ones.
Done CheckNoDefaults(const JsonValue& field, const std::string& name) {
  for (const std::string_view key : {"initial-default", "write-default"}) {
    if (MemberOf(field, key).is_null()) continue;
    return NotValid("G10: column " + name + " cannot have an " + std::string(key) +
                    ": events have null where their sender said nothing; leave it out");
  }
  const JsonValue& type = MemberOf(field, "type");
  for (const JsonValue& inner : MemberOf(type, "fields").items()) {
    ICE_TRY(CheckNoDefaults(inner, name + "." + TextOr(inner, "name")));
  }
  return {};
}

Done CheckNewField(const TableDocument& before, const JsonValue& field) {
  const std::string name = TextOr(field, "name");
  if (MemberOf(field, "required").Bool().value_or(false)) {
    return NotValid("G10: column " + name +
                    " cannot be required: events have no value for it; add it as optional");
  }
  if (LowerCase(name) == event::kKeptColumn) {
    return NotValid("G10: the name kept is the server's: choose another one for the column");
  }
  const std::int64_t id = IntOr(field, "id", -1);
  if (id <= IntOr(before.json(), "last-column-id", 0) && !IsKnownId(before, id)) {
    return CommitFailed("G10: field id " + std::to_string(id) + " of column " + name +
                        " is taken: load the table and give it a new one");
  }
  return {};
}

// G10: events keep their columns; beside them there may be any others that are optional.
Done CheckColumns(const TableDocument& before, const TableDocument& after) {
  const JsonValue& old_schema = *before.CurrentSchema();
  const JsonValue& new_schema = *after.CurrentSchema();
  const FieldsById first_fields = FieldsOf(FirstSchema(before));
  const FieldsById old_fields = FieldsOf(old_schema);
  const FieldsById new_fields = FieldsOf(new_schema);
  for (const JsonValue& field : MemberOf(old_schema, "fields").items()) {
    const std::int64_t id = IntOr(field, "id", -1);
    if (!first_fields.contains(id) && !IsKept(field)) continue;
    const auto there = new_fields.find(id);
    const std::string name = TextOr(field, "name");
    if (there == new_fields.end()) {
      return NotValid("G10: column " + name + " is fed by the server and cannot be dropped");
    }
    if (!SameField(field, *there->second)) {
      return NotValid("G10: column " + name +
                      " is fed by the server: its name, type and being required stay; add a column "
                      "of your own beside it");
    }
  }
  std::set<std::string> names;
  for (const JsonValue& field : MemberOf(new_schema, "fields").items()) {
    if (!names.insert(LowerCase(TextOr(field, "name"))).second) {
      return NotValid("G10: two columns are called " + TextOr(field, "name") +
                      ": names that differ by case alone are the same to SQL");
    }
    ICE_TRY(CheckNoDefaults(field, TextOr(field, "name")));
    if (!old_fields.contains(IntOr(field, "id", -1))) {
      ICE_TRY(CheckNewField(before, field));
    }
  }
  return {};
}

bool HasId(const JsonValue& list, std::string_view name, std::int64_t id) {
  return std::ranges::any_of(list.items(),
                             [&](const JsonValue& one) { return IntOr(one, name, -1) == id; });
}

// G6: what files and snapshots were written with stays.
Done CheckLayouts(const TableDocument& before, const TableDocument& after) {
  for (const JsonValue& spec : before.json().Find("partition-specs")->items()) {
    const std::int64_t id = IntOr(spec, "spec-id", -1);
    if (HasId(*after.json().Find("partition-specs"), "spec-id", id)) continue;
    return NotValid("G6: partition spec " + std::to_string(id) +
                    " cannot be removed: files of the table are of it");
  }
  std::set<std::int64_t> used = {IntOr(FirstSchema(before), "schema-id", 0)};
  for (const JsonValue& snapshot : after.json().Find("snapshots")->items()) {
    if (snapshot.Find("schema-id") != nullptr) used.insert(IntOr(snapshot, "schema-id", 0));
  }
  for (const JsonValue& schema : before.json().Find("schemas")->items()) {
    const std::int64_t id = IntOr(schema, "schema-id", -1);
    if (!used.contains(id) || HasId(*after.json().Find("schemas"), "schema-id", id)) continue;
    return NotValid("G6: schema " + std::to_string(id) + " cannot be removed: it is in use");
  }
  const std::int64_t spec_id = IntOr(after.json(), "default-spec-id", 0);
  if (spec_id == IntOr(before.json(), "default-spec-id", 0)) return {};
  for (const JsonValue& spec : after.json().Find("partition-specs")->items()) {
    if (IntOr(spec, "spec-id", -1) != spec_id) continue;
    const auto& fields = MemberOf(spec, "fields").items();
    const bool by_time = std::ranges::any_of(fields, [](const JsonValue& field) {
      const auto transform = lake::FindTransform(TextOr(field, "transform"));
      return transform == lake::Transform::kHour || transform == lake::Transform::kDay ||
             transform == lake::Transform::kMonth || transform == lake::Transform::kYear;
    });
    if (!by_time) {
      return NotValid(
          "G10: the default partition spec must have an hour, day, month or year of a time");
    }
  }
  return {};
}

// G2: numbers follow those that were given out, so that there are some left for the server.
Done CheckNumbers(const TableDocument& before, const TableDocument& after) {
  std::int64_t sequence = IntOr(before.json(), "last-sequence-number", 0);
  std::int64_t row = IntOr(before.json(), "next-row-id", 0);
  for (const std::int64_t id : after.added_snapshots()) {
    const JsonValue* snapshot = after.FindSnapshot(id);
    if (snapshot == nullptr) continue;
    ++sequence;
    if (IntOr(*snapshot, "sequence-number", 0) > sequence) {
      return NotValid("G2: the next sequence number is " + std::to_string(sequence) +
                      ", snapshot " + std::to_string(id) + " has " +
                      std::to_string(IntOr(*snapshot, "sequence-number", 0)));
    }
    if (after.format_version() < 3) continue;
    if (IntOr(*snapshot, "first-row-id", row) != row) {
      return NotValid("G2: the next row id is " + std::to_string(row) + ", snapshot " +
                      std::to_string(id) + " begins with " +
                      std::to_string(IntOr(*snapshot, "first-row-id", row)));
    }
    row += IntOr(*snapshot, "added-rows", 0);
  }
  return {};
}

// G7: what a client copies from the parent is overwritten anyway; anything else is a mistake that
// must not pass for a success.
Done CheckSummaries(const TableDocument& after, std::int64_t now_ms) {
  for (const std::int64_t id : after.added_snapshots()) {
    const JsonValue* snapshot = after.FindSnapshot(id);
    if (snapshot == nullptr) continue;
    if (IntOr(*snapshot, "timestamp-ms", 0) > now_ms + kClientClockAheadMsMax) {
      return NotValid("G2: the time of snapshot " + std::to_string(id) +
                      " is later than the server's clock: set the clock of the client");
    }
    const JsonValue* parent = after.FindSnapshot(ParentOf(*snapshot).value_or(-1));
    const JsonValue* summary = snapshot->Find("summary");
    if (summary == nullptr) continue;
    for (const auto& [key, value] : summary->members()) {
      if (!key.starts_with(kOurPrefix)) continue;
      const JsonValue* kept = parent == nullptr ? nullptr : MemberOf(*parent, "summary").Find(key);
      if (kept != nullptr && *kept == value) continue;
      return Forbidden("G7: " + key +
                       " in a snapshot's summary is the server's: leave it out of the commit");
    }
  }
  return {};
}

// `from` or one of its ancestors is `wanted`.
bool Reaches(const TableDocument& table, std::int64_t from, std::int64_t wanted) {
  std::set<std::int64_t> seen;
  for (std::optional<std::int64_t> at = from; at && seen.insert(*at).second;) {
    if (*at == wanted) return true;
    const JsonValue* snapshot = table.FindSnapshot(*at);
    at = snapshot == nullptr ? std::nullopt : ParentOf(*snapshot);
  }
  return false;
}

// G8.
Outcome<HeadMove> CheckHead(const TableDocument& before, const TableDocument& after) {
  const auto from = before.current_snapshot();
  const auto to = after.current_snapshot();
  if (from == to) return HeadMove::kNone;
  if (!to) {
    return Forbidden("G8: branch " + std::string(kMain) +
                     " of a table that the server feeds cannot be removed");
  }
  const auto& added = after.added_snapshots();
  const bool fresh = std::ranges::find(added, *to) != added.end();
  if (!from) {
    if (fresh) return HeadMove::kForward;
    return NotValid("G8: main must begin with a snapshot of the same commit");
  }
  // In `after`, unless the commit removed what lies between.
  if (Reaches(after, *to, *from)) return HeadMove::kForward;
  if (fresh) {
    return CommitFailed("G8: snapshot " + std::to_string(*to) + " does not build on " +
                        std::to_string(*from) +
                        ", the head of main: load the table and commit again");
  }
  if (Reaches(before, *from, *to)) return HeadMove::kRollback;
  return NotValid(
      "G8: main can move to a new snapshot on top of its head, to a branch that grew "
      "out of it, or back to an ancestor; snapshot " +
      std::to_string(*to) + " is none of these");
}

}  // namespace

Outcome<HeadMove> CheckManaged(const TableDocument& before, const TableDocument& after,
                               std::int64_t now_ms) {
  ICE_TRY(CheckTable(before, after));
  ICE_TRY(CheckColumns(before, after));
  ICE_TRY(CheckLayouts(before, after));
  ICE_TRY(CheckNumbers(before, after));
  ICE_TRY(CheckSummaries(after, now_ms));
  return CheckHead(before, after);
}

}  // namespace tidemark::iceberg
