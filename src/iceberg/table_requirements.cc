// What a commit of a client assumes about the table it was built on. Messages: contract.
#include <utility>

#include "iceberg/schema.h"
#include "iceberg/table_document.h"

namespace tidemark::iceberg {
namespace {

std::string Text(const JsonValue* id) {
  return id == nullptr || id->is_null() ? "null" : id->ToJson();
}

struct Assertion {
  std::string_view type;
  std::string_view member;    // Of the requirement.
  std::string_view document;  // Of the table.
  std::string_view what;
};
constexpr Assertion kAssertions[] = {
    {"assert-last-assigned-field-id", "last-assigned-field-id", "last-column-id",
     "last assigned field id changed"},
    {"assert-current-schema-id", "current-schema-id", "current-schema-id",
     "current schema changed"},
    {"assert-last-assigned-partition-id", "last-assigned-partition-id", "last-partition-id",
     "last assigned partition id changed"},
    {"assert-default-spec-id", "default-spec-id", "default-spec-id",
     "default partition spec changed"},
    {"assert-default-sort-order-id", "default-sort-order-id", "default-sort-order-id",
     "default sort order changed"},
};

Done CheckRef(const JsonValue& requirement, const JsonValue& refs) {
  const std::string name = TextOr(requirement, "ref");
  const JsonValue* want = requirement.Find("snapshot-id");
  const bool want_none = want == nullptr || want->is_null();
  if (name.empty() || (!want_none && !want->Int())) {
    return BadRequest("Cannot parse assert-ref-snapshot-id: ref and snapshot-id are needed");
  }
  const JsonValue* ref = refs.Find(name);
  if (ref == nullptr) {
    if (want_none) return {};
    return CommitFailed("Requirement failed: branch or tag " + name + " is missing, expected " +
                        Text(want));
  }
  const std::string kind = TextOr(*ref, "type");
  if (want_none) {
    return CommitFailed("Requirement failed: " + kind + " " + name + " was created concurrently");
  }
  if (*want->Int() == IntOr(*ref, "snapshot-id", -1)) return {};
  return CommitFailed("Requirement failed: " + kind + " " + name + " has changed: expected id " +
                      Text(want) + " != " + Text(ref->Find("snapshot-id")));
}

}  // namespace

Done TableDocument::Check(const JsonValue& requirement) const {
  const std::string type = TextOr(requirement, "type");
  if (type == "assert-create") return CommitFailed("Requirement failed: table already exists");
  if (type == "assert-table-uuid") {
    const auto want = Uuid::Parse(TextOr(requirement, "uuid"));
    if (!want) return BadRequest("Cannot parse assert-table-uuid: uuid is needed");
    if (want == uuid()) return {};
    return CommitFailed("Requirement failed: UUID does not match: expected " +
                        TextOr(json_, "table-uuid") + " != " + want->ToString());
  }
  if (type == "assert-ref-snapshot-id") return CheckRef(requirement, *json_.Find("refs"));
  for (const Assertion& assertion : kAssertions) {
    if (type != assertion.type) continue;
    const JsonValue* want = requirement.Find(assertion.member);
    if (want == nullptr || !want->Int()) {
      return BadRequest("Cannot parse " + type + ": " + std::string(assertion.member) +
                        " is needed");
    }
    const JsonValue* have = json_.Find(assertion.document);
    if (have != nullptr && have->Int() == want->Int()) return {};
    return CommitFailed("Requirement failed: " + std::string(assertion.what) + ": expected id " +
                        Text(want) + " != " + Text(have));
  }
  return BadRequest("Unknown requirement: " + (type.empty() ? requirement.ToJson() : type));
}

}  // namespace tidemark::iceberg
