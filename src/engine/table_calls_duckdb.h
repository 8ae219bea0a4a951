// Small pieces of parse trees: calls of table functions and what selects all of them. Internal.
#pragma once

#include <string>
#include <utility>

#include "duckdb.hpp"
#include "duckdb/parser/expression/list.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/tableref/list.hpp"

namespace tidemark::engine {

inline duckdb::unique_ptr<duckdb::TableRef> CallTable(std::string name, duckdb::Value argument) {
  duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>> arguments;
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(std::move(argument)));
  auto table = duckdb::make_uniq<duckdb::TableFunctionRef>();
  table->function =
      duckdb::make_uniq<duckdb::FunctionExpression>(std::move(name), std::move(arguments));
  return table;
}

inline duckdb::unique_ptr<duckdb::SelectNode> SelectAll(
    duckdb::unique_ptr<duckdb::TableRef> table) {
  auto select = duckdb::make_uniq<duckdb::SelectNode>();
  select->select_list.push_back(duckdb::make_uniq<duckdb::StarExpression>());
  select->from_table = std::move(table);
  return select;
}

}  // namespace tidemark::engine
