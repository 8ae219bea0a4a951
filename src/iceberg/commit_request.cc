#include "iceberg/commit_request.h"

#include <string>

namespace tidemark::iceberg {

Outcome<const std::vector<JsonValue>*> ListAt(const JsonValue& request, std::string_view name) {
  static const std::vector<JsonValue> kNone;
  const JsonValue* list = request.Find(name);
  if (list == nullptr || list->is_null()) return &kNone;
  if (!list->is_array()) {
    return BadRequest("Cannot parse commit: " + std::string(name) + " must be an array");
  }
  if (list->items().size() > kUpdatesMax) {
    return BadRequest("A commit has at most " + std::to_string(kUpdatesMax) + " " +
                      std::string(name));
  }
  return &list->items();
}

Done ApplyRequest(const JsonValue& request, std::int64_t now_ms, TableDocument* document) {
  ICE_ASSIGN(const auto* requirements, ListAt(request, "requirements"));
  for (const JsonValue& requirement : *requirements) ICE_TRY(document->Check(requirement));
  ICE_ASSIGN(const auto* updates, ListAt(request, "updates"));
  for (const JsonValue& update : *updates) ICE_TRY(document->Apply(update, now_ms));
  return {};
}

}  // namespace tidemark::iceberg
