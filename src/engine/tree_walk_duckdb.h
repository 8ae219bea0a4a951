// Visits every node of a statement's parse tree. A kind of node that is not known here stops the
// walk: nothing passes unseen. Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "duckdb.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/tableref/pivotref.hpp"

namespace tidemark::engine {

class TreeWalk {
 public:
  using Expression = duckdb::unique_ptr<duckdb::ParsedExpression>;
  using Table = duckdb::unique_ptr<duckdb::TableRef>;

  TreeWalk() = default;
  TreeWalk(const TreeWalk&) = delete;
  TreeWalk& operator=(const TreeWalk&) = delete;
  virtual ~TreeWalk() = default;

  Status Walk(duckdb::SQLStatement& statement);

 protected:
  // Called before the children. The implementation may replace the node; a replaced table is not
  // walked.
  virtual Status OnExpression(Expression& /*expression*/) { return {}; }
  virtual Status OnTable(Table& /*table*/, bool* /*replaced*/) { return {}; }
  virtual Status OnSelect(duckdb::SelectNode& /*node*/) { return {}; }
  virtual Status OnSelectItem(Expression& /*expression*/) { return {}; }

  // Whether `name` is a CTE at this place.
  bool IsCte(const std::string& name) const;

  Status WalkNode(duckdb::QueryNode& node);
  Status WalkExpression(Expression& expression);

 private:
  Status WalkKind(duckdb::QueryNode& node);
  Status WalkSelect(duckdb::SelectNode& node);
  Status WalkTable(Table& table);
  Status WalkTableKind(duckdb::TableRef& table);
  Status WalkPivot(duckdb::PivotRef& table);

  std::vector<std::string> ctes_;  // In scope, lower case.
  std::size_t depth_ = 0;
};

}  // namespace tidemark::engine
