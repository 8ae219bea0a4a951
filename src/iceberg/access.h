// Who asks the catalog, and for what: what the scopes of a key allow, or its grants where it has
// some. Pure; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "meta/key_grant.h"

namespace tidemark::iceberg {

enum class Right : std::uint8_t {
  kSee,  // That a namespace is there.
  kRead,
  kWrite,
  kMaintain,
  kCreate,
};
// "read", for messages.
std::string_view RightName(Right right);

struct Access {
  bool all = false;     // Every namespace, to read and write.
  bool write = false;   // Else where it may read.
  std::string project;  // Its own namespace, and those that are no project's.
  // Of those only what these say; null: all.
  std::shared_ptr<const std::vector<meta::KeyGrant>> grants = nullptr;

  // As far as grants go. `name`: of a table or view; empty: the namespace as a whole.
  bool Granted(Right right, std::string_view ns, std::string_view name) const;
};

// What a commit of a table needs, by its requirements and updates: kCreate of one that makes the
// table; kWrite if it adds or removes rows; kMaintain if it does anything else.
std::vector<Right> RightsOfCommit(const JsonValue& request);

}  // namespace tidemark::iceberg
