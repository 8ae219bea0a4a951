// What a key may do in the Iceberg catalog, where that is less than its scope says: rights by
// namespace and table. docs/reference/keys.md. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/result.h"

namespace tidemark::meta {

inline constexpr std::size_t kKeyGrantsMax = 256;
inline constexpr char kGrantLevel = '\x1f';  // Between the levels of a namespace.

enum class GrantRight : std::uint8_t {
  kRead = 1,      // Load, list, plan.
  kWrite = 2,     // Commit rows, added or removed. Reads too.
  kMaintain = 4,  // Any other change: columns, properties, refs, compaction, drop. Reads too.
  kCreate = 8,    // Make tables, views and namespaces.
};
inline constexpr std::array<std::string_view, 4> kGrantRights = {"read", "write", "maintain",
                                                                 "create"};

struct KeyGrant {
  std::string ns;           // Levels joined by kGrantLevel.
  std::string table;        // Or view; empty: all of the namespace and of those below it.
  std::uint8_t rights = 0;  // Bits of GrantRight.

  // Whether it is of that table or view, or with an empty name of the whole namespace.
  bool Covers(std::string_view in, std::string_view name) const;
  bool Has(GrantRight right) const;
  // Whether a namespace must be seen to come to what is granted.
  bool Leads(std::string_view through) const;
  friend bool operator==(const KeyGrant&, const KeyGrant&) = default;
};

// `[{"namespace":["shop","lab"],"table":"orders","rights":["read","write"]}]`, a namespace of one
// level as a text too; `table` may be left out. kInvalidArgument.
Result<std::vector<KeyGrant>> ReadGrants(const JsonValue& value);
void AppendGrants(JsonWriter* json, std::span<const KeyGrant> grants);
// The same as text, as it is stored; empty: no grants.
std::string GrantsText(std::span<const KeyGrant> grants);
Result<std::vector<KeyGrant>> ParseGrants(std::string_view text);

}  // namespace tidemark::meta
