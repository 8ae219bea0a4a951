// From the names of relations in a statement to the scans that stand for them: the relations of the
// request, and those that its FindRelation knows, each looked up once.
//
// Internal to this folder. Functions here may throw the engine's exceptions. One statement.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "duckdb.hpp"
#include "duckdb/parser/tableref/basetableref.hpp"
#include "engine/kept_rewrite_duckdb.h"
#include "engine/query.h"
#include "engine/scan_duckdb.h"

namespace tidemark::engine {

// `a.b.t` in lower case; parts that are empty are left out.
std::string FullName(const std::vector<std::string>& parts);
std::vector<std::string> NameParts(const duckdb::BaseTableRef& table);

// The rows of a statement of ours, which parses, in the place of a name. Throws.
duckdb::unique_ptr<duckdb::TableRef> StatementRows(const std::string& sql);

class Mentions {
 public:
  // All must outlive it.
  Mentions(duckdb::ClientContext& context, const QueryRequest& request, ScanState* state)
      : context_(context), request_(request), state_(state) {}

  // The request's relation of a full name, by its place.
  std::optional<std::size_t> FindGiven(const std::string& name) const;
  // Whether a relation that was found has this full name.
  bool IsKnown(const std::string& name) const;

  // What stands for a mention; `uses` may be null. nullptr: there is no such relation.
  Result<duckdb::unique_ptr<duckdb::TableRef>> ScanOf(const Mention& mention,
                                                      const std::vector<KeptUse>* uses);

  // The columns of what is mentioned that have no null, by its schema; none if there is no such
  // relation.
  Result<std::vector<std::string>> RequiredColumns(const Mention& mention);

  // The value of an expression without columns, tables and parameters, checked before.
  Result<Parameter> ValueOf(const duckdb::ParsedExpression& expression);

 private:
  struct Place {
    std::size_t relation = 0;
    std::size_t scan = 0;
  };
  Result<std::optional<Place>> Find(const Mention& mention);
  duckdb::unique_ptr<duckdb::TableRef> RowsOf(Place place, const Relation& relation) const;

  duckdb::ClientContext& context_;
  const QueryRequest& request_;
  ScanState* const state_;
  std::map<std::string, Place> found_;  // By the text of the mention.
  std::vector<std::string> names_;      // Of those.
};

}  // namespace tidemark::engine
