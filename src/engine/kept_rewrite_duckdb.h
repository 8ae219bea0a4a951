// Reads the values of kept paths instead of the texts they are copies of: in a SELECT over a
// relation, `properties->>'$.a.b'` (and json_extract_string, json_extract_path_text) becomes a
// column that the relation's scan has beside its own. What that column is, is the scan's affair:
// the typed copy as text where a file has it, the very call that was written where not.
//
// A SELECT is left as it is wherever another column could be noticed (whole rows, COLUMNS, a
// grouping by `properties` itself, ...): then it is only slower. A statement that does not bind
// when rewritten is bound again as it was written.
//
// Internal to this folder. Functions here may throw the engine's exceptions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "duckdb.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"
#include "engine/scan_duckdb.h"

namespace tidemark::engine {

inline constexpr std::size_t kKeptUsesMax = 64;  // Of one table of a SELECT; one bit each.

// A kept path that a SELECT wants of one of its tables, and the column's name.
struct KeptUse {
  std::size_t path = 0;  // Place in schema->kept.paths.
  std::string column;
};

class KeptRewriter {
 public:
  // The relation that a table reference stands for; nullptr if it is none.
  using RelationOf = std::function<const Relation*(const duckdb::BaseTableRef&)>;

  // Rewrites the expressions of `node`, not those of the queries in it.
  void Rewrite(duckdb::SelectNode* node, const RelationOf& relation_of);

  // What a table of a rewritten SELECT must have; nullptr: nothing.
  const std::vector<KeptUse>* UsesOf(const duckdb::TableRef& table) const;
  bool any() const { return !uses_.empty(); }

 private:
  std::map<const duckdb::TableRef*, std::vector<KeptUse>> uses_;
  std::size_t column_count_ = 0;
};

// The rows of relation `index` with the columns of `uses` behind their own. File scans that it
// needs are added to `state`.
duckdb::unique_ptr<duckdb::TableRef> ScanWithKept(std::size_t index, const Relation& relation,
                                                  const std::vector<KeptUse>& uses,
                                                  ScanState* state);

}  // namespace tidemark::engine
