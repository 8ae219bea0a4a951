// The metadata of a view as the whole JSON document that the specification defines, and its
// updates (Iceberg view spec; REST specification, ViewUpdate). As table_document.h.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "base/uuid.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

inline constexpr std::int64_t kViewVersionsDefault = 10;  // Kept: `version.history.num-entries`.

struct NewView {
  Uuid uuid;
  std::string location;
  JsonValue schema;
  JsonValue version;     // `view-version` of the request.
  JsonValue properties;  // Null: none.
};

class ViewDocument {
 public:
  // The bytes of a metadata file, gzipped or not. 400.
  static Outcome<ViewDocument> Parse(std::string_view bytes);
  static Outcome<ViewDocument> Create(const NewView& view, std::int64_t now_ms);

  Done Check(const JsonValue& requirement) const;
  Done Apply(const JsonValue& update, std::int64_t now_ms);
  Done Finish();
  bool changed() const { return changed_; }

  std::string ToJson() const { return json_.ToJson(); }
  std::string ToFile() const;
  std::optional<Uuid> uuid() const;
  std::string location() const;
  std::string Property(std::string_view key) const;

 private:
  explicit ViewDocument(JsonValue json) : json_(std::move(json)) {}

  Done CheckRead() const;
  Done AddSchema(const JsonValue& schema);
  Done AddVersion(const JsonValue& version);
  Done SetCurrentVersion(std::int64_t id, std::int64_t now_ms);
  Done ChangeProperties(std::string_view action, const JsonValue& update);
  Done CheckDialects() const;
  void Expire();
  const JsonValue* FindVersion(std::int64_t id) const;
  bool HasSchema(std::int64_t id) const;

  JsonValue json_;
  bool changed_ = false;
  std::optional<std::int64_t> last_schema_, last_version_;  // What -1 means.
  std::set<std::int64_t> added_;                            // Versions of this commit.
  std::set<std::string> dialects_before_;                   // Of the version that was current.
};

}  // namespace tidemark::iceberg
