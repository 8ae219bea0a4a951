#include "engine/sql_guard_duckdb.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "duckdb/parser/expression/list.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/query_node/select_node.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/list.hpp"
#include "duckdb/parser/tableref/showref.hpp"
#include "engine/as_of_syntax_duckdb.h"
#include "engine/kept_rewrite_duckdb.h"
#include "engine/mentions_duckdb.h"
#include "engine/sql_quote.h"
#include "engine/table_calls_duckdb.h"
#include "engine/tree_walk_duckdb.h"
#include "event/schema.h"

namespace tidemark::engine {
namespace {

using duckdb::ExpressionClass;
using duckdb::StringUtil;
using duckdb::TableReferenceType;

constexpr std::array<std::string_view, 7> kTableFunctions = {
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"};

// Functions that look outside the query, keep state, run SQL, wait, or take raw states.
constexpr std::array<std::string_view, 22> kDenied = {"current_query",
                                                      "current_setting",
                                                      "set_config",
                                                      "getvariable",
                                                      "getenv",
                                                      "nextval",
                                                      "currval",
                                                      "setseed",
                                                      "json_serialize_sql",
                                                      "json_serialize_plan",
                                                      "json_deserialize_sql",
                                                      "parse_duckdb_log_message",
                                                      "write_log",
                                                      "sleep_ms",
                                                      "pg_sleep",
                                                      "stats",
                                                      "finalize",
                                                      "combine",
                                                      "get_block_size",
                                                      "pg_get_viewdef",
                                                      "pg_get_constraintdef",
                                                      "variant_bytes_to_variant"};
// Parts of names that no harmless function has, should a later engine bring new ones.
constexpr std::array<std::string_view, 14> kDeniedParts = {
    "read_", "write_", "glob",  "secret", "getenv",  "setting", "sleep",
    "http",  "file_",  "copy_", "load_",  "attach_", "duckdb_", "__internal"};
// What the parser makes of SHOW TABLES, and of SHOW ALL TABLES and a bare DESCRIBE.
constexpr std::string_view kShowTables = "\"tables\"";
constexpr std::string_view kShowAllTables = "__show_tables_expanded";
// Of SHOW SCHEMAS and SHOW DATABASES.
constexpr std::array<std::string_view, 2> kShowSchemas = {"\"schemas\"", "\"databases\""};
// What the tables' schemas are in, where a statement names it.
constexpr std::array<std::string_view, 2> kCatalogs = {"iceberg", "tidemark"};
// Schemas that SHOW TABLES lists nothing of.
constexpr std::array<std::string_view, 3> kOtherSchemas = {"system", "information_schema",
                                                           "pg_catalog"};
constexpr std::size_t kCallArgumentsMax = 8;  // Of a relation that is written as a call.
// The parser's own names that are in no catalog.
constexpr std::array<std::string_view, 3> kParserFunctions = {"unnest", "unlist", "grouping"};

bool IsDenied(std::string_view name) {
  if (std::find(kDenied.begin(), kDenied.end(), name) != kDenied.end()) return true;
  return std::any_of(kDeniedParts.begin(), kDeniedParts.end(), [&](std::string_view part) {
    return name.find(part) != std::string_view::npos;
  });
}

bool HasSubquery(const duckdb::ParsedExpression& expression) {
  if (expression.GetExpressionClass() == ExpressionClass::SUBQUERY) return true;
  bool found = false;
  duckdb::ParsedExpressionIterator::EnumerateChildren(
      expression, [&](const duckdb::ParsedExpression& child) { found |= HasSubquery(child); });
  return found;
}

class Guard final : public TreeWalk {
 public:
  Guard(duckdb::ClientContext& context, const FunctionList& functions, const QueryRequest& request,
        ScanState* state, bool use_kept)
      : functions_(functions),
        request_(request),
        mentions_(context, request, state),
        use_kept_(use_kept) {}
  bool used_kept() const { return kept_.any(); }

 private:
  Status CheckFunction(const std::string& written) const {
    const std::string name = StringUtil::Lower(written);
    if (IsDenied(name) || functions_.denied.contains(name)) {
      return Fail(Code::kPermissionDenied, "function \"" + written + "\" is not allowed");
    }
    if (functions_.allowed.contains(name)) return {};
    if (std::find(kParserFunctions.begin(), kParserFunctions.end(), name) !=
        kParserFunctions.end()) {
      return {};
    }
    return Fail(Code::kInvalidArgument, "function \"" + written + "\" does not exist");
  }

  Status OnSelect(duckdb::SelectNode& node) override {
    if (!use_kept_) return {};
    kept_.Rewrite(&node, [this](const duckdb::BaseTableRef& base) -> const Relation* {
      const auto parts = NameParts(base);
      const auto index = mentions_.FindGiven(FullName(parts));
      const bool is_cte = parts.size() == 1 && IsCte(base.table_name);
      if (!index || is_cte || base.at_clause != nullptr) return nullptr;
      return request_.relations[*index].relation.get();
    });
    return {};
  }

  // The column of the answer is named by what was written, not by the scans that stand for it.
  Status OnSelectItem(Expression& item) override {
    if (item->GetAlias().empty() && HasSubquery(*item)) item->SetAlias(item->ToString());
    return {};
  }

  Status OnExpression(Expression& expression) override {
    switch (expression->GetExpressionClass()) {
      case ExpressionClass::FUNCTION: {
        const auto& function = expression->Cast<duckdb::FunctionExpression>();
        if (function.export_state) {
          return Fail(Code::kPermissionDenied, "EXPORT_STATE is not allowed");
        }
        return CheckFunction(function.function_name);
      }
      case ExpressionClass::WINDOW:
        return CheckFunction(expression->Cast<duckdb::WindowExpression>().function_name);
      case ExpressionClass::COLUMN_REF:
        DropQualifier(&expression->Cast<duckdb::ColumnRefExpression>().column_names);
        return {};
      default:
        return {};
    }
  }

  // `iceberg.events.user_id` is `events.user_id`: the scan that stands for it has no schema.
  void DropQualifier(duckdb::vector<std::string>* names) const {
    if (names->size() < 3) return;
    for (std::size_t parts = 2; parts < names->size() && parts <= 3; ++parts) {
      const std::string table = parts == 2 ? FullName({(*names)[0], (*names)[1]})
                                           : FullName({(*names)[0], (*names)[1], (*names)[2]});
      if (!mentions_.IsKnown(table)) continue;
      names->erase(names->begin(), names->begin() + static_cast<std::ptrdiff_t>(parts) - 1);
      return;
    }
  }

  Status OnTable(Table& table, bool* replaced) override {
    switch (table->type) {
      case TableReferenceType::BASE_TABLE:
        return OnBaseTable(table, replaced);
      case TableReferenceType::TABLE_FUNCTION:
        return OnTableFunction(table, replaced);
      case TableReferenceType::SHOW_REF:
        return OnShow(table);
      default:
        return {};
    }
  }

  Status OnBaseTable(Table& table, bool* replaced) {
    auto& base = table->Cast<duckdb::BaseTableRef>();
    Mention mention{.name = NameParts(base)};
    if (mention.name.size() == 1 && IsCte(base.table_name)) return {};
    if (base.at_clause != nullptr) {
      TM_ASSIGN(mention.as_of, ReadAt(*base.at_clause));
    }
    TM_ASSIGN(auto scan, mentions_.ScanOf(mention, kept_.UsesOf(base)));
    if (scan == nullptr) return Unknown(base, FullName(mention.name));
    scan->alias = base.alias.empty() ? base.table_name : base.alias;
    scan->column_name_alias = base.column_name_alias;
    scan->query_location = base.query_location;
    if (base.sample != nullptr) scan->sample = base.sample->Copy();
    table = std::move(scan);
    *replaced = true;
    return {};
  }

  Result<std::optional<AsOf>> ReadAt(duckdb::AtClause& at) {
    TM_TRY(WalkExpression(at.ExpressionMutable()));
    AsOf as_of;
    as_of.unit = StringUtil::CIEquals(at.Unit(), "timestamp") ? AsOf::Unit::kTimestamp
                                                              : AsOf::Unit::kVersion;
    TM_ASSIGN(as_of.value, mentions_.ValueOf(*at.ExpressionMutable()));
    return std::optional<AsOf>(std::move(as_of));
  }

  Status OnTableFunction(Table& table, bool* replaced) {
    const auto& reference = table->Cast<duckdb::TableFunctionRef>();
    if (reference.function->GetExpressionClass() != ExpressionClass::FUNCTION) {
      return Fail(Code::kPermissionDenied, "this table function is not allowed");
    }
    auto& call = reference.function->Cast<duckdb::FunctionExpression>();
    const std::string& name = call.function_name;
    if (std::find(kTableFunctions.begin(), kTableFunctions.end(), StringUtil::Lower(name)) !=
        kTableFunctions.end()) {
      return {};
    }
    if (!IsDenied(StringUtil::Lower(name)) && request_.find != nullptr &&
        call.children.size() <= kCallArgumentsMax && call.catalog.empty() && call.schema.empty()) {
      TM_ASSIGN(auto scan, ScanOfCall(call));
      if (scan != nullptr) {
        if (reference.with_ordinality == duckdb::OrdinalityType::WITH_ORDINALITY) {
          return Fail(Code::kInvalidArgument, "\"" + name + "\" has no ordinality");
        }
        if (reference.sample != nullptr) scan->sample = reference.sample->Copy();
        scan->alias = reference.alias.empty() ? name : reference.alias;
        scan->column_name_alias = reference.column_name_alias;
        scan->query_location = reference.query_location;
        table = std::move(scan);
        *replaced = true;
        return {};
      }
    }
    return Fail(Code::kPermissionDenied, "table function \"" + name + "\" is not allowed");
  }

  Result<Table> ScanOfCall(duckdb::FunctionExpression& call) {
    Mention mention{.name = {call.function_name}, .is_call = true};
    // Asked without arguments it says whether there is such a function at all.
    TM_ASSIGN(auto scan, mentions_.ScanOf(mention, nullptr));
    if (scan == nullptr) return scan;
    if (call.children.empty()) {
      return Fail(Code::kInvalidArgument, "\"" + call.function_name + "\" needs arguments");
    }
    for (auto& argument : call.children) {
      TM_TRY(WalkExpression(argument));
      TM_ASSIGN(Parameter value, mentions_.ValueOf(*argument));
      mention.arguments.push_back(std::move(value));
    }
    return mentions_.ScanOf(mention, nullptr);
  }

  static Status Unknown(const duckdb::BaseTableRef& base, const std::string& name) {
    const std::string schema = StringUtil::Lower(base.schema_name);
    const bool is_system = schema == "information_schema" || schema == "pg_catalog" ||
                           name.starts_with("duckdb_") || name.starts_with("pg_") ||
                           name.starts_with("sqlite_") || name.starts_with("pragma_");
    if (is_system || base.table_name.find_first_of("/.:*") != std::string::npos) {
      return Fail(
          Code::kPermissionDenied,
          "table \"" + name +
              "\" may not be read; SHOW TABLES lists the tables, DESCRIBE the columns of one");
    }
    return Fail(Code::kNotFound, "table \"" + name + "\" does not exist");
  }

  // DESCRIBE and SUMMARIZE of a relation become those of its rows, SHOW TABLES and SHOW SCHEMAS
  // questions to the system tables.
  Status OnShow(Table& table) {
    auto& show = table->Cast<duckdb::ShowRef>();
    if (show.query != nullptr) return OnDescribe(table);
    const auto is_it = [&](std::string_view name) { return show.table_name == name; };
    if (is_it(kShowTables) || is_it(kShowAllTables)) {
      table = StatementRows(TablesWhere("true"));
      return {};
    }
    if (std::ranges::any_of(kShowSchemas, is_it)) {
      table =
          StatementRows("SELECT DISTINCT table_schema AS schema FROM system.tables ORDER BY ALL");
      return {};
    }
    if (show.show_type == duckdb::ShowType::SHOW_FROM && IsOfTables(show)) {
      table = StatementRows(TablesWhere(IsInSchema(show)));
      return {};
    }
    Mention mention;
    for (const auto* part : {&show.catalog_name, &show.schema_name, &show.table_name}) {
      if (!part->empty()) mention.name.push_back(*part);
    }
    Table scan;
    if (!mention.name.empty()) {
      TM_ASSIGN(scan, mentions_.ScanOf(mention, nullptr));
    }
    if (scan == nullptr) {
      return Fail(Code::kPermissionDenied,
                  "SHOW TABLES, SHOW TABLES FROM a schema, SHOW SCHEMAS and SHOW, DESCRIBE or "
                  "SUMMARIZE of a table are all that is shown");
    }
    auto base = duckdb::make_uniq<duckdb::BaseTableRef>();
    base->catalog_name = show.catalog_name;
    base->schema_name = show.schema_name;
    base->table_name = show.table_name;
    show.query = SelectAll(std::move(base));
    show.catalog_name.clear();
    show.schema_name.clear();
    show.table_name.clear();
    return OnDescribe(table);
  }

  static std::string TablesWhere(const std::string& condition) {
    return "SELECT table_schema AS schema, table_name AS name, table_type AS type "
           "FROM system.tables WHERE " +
           condition + " ORDER BY ALL";
  }

  static bool IsCatalog(const std::string& name) {
    return std::ranges::find(kCatalogs, StringUtil::Lower(name)) != kCatalogs.end();
  }

  static bool IsOfTables(const duckdb::ShowRef& show) {
    return std::ranges::find(kOtherSchemas, StringUtil::Lower(show.schema_name)) ==
           kOtherSchemas.end();
  }

  // A catalog has the tables of all its schemas; the levels of a namespace may be two parts.
  static std::string IsInSchema(const duckdb::ShowRef& show) {
    if (show.catalog_name.empty() && IsCatalog(show.schema_name)) return "true";
    const bool of_catalog = show.catalog_name.empty() || IsCatalog(show.catalog_name);
    const std::string name =
        of_catalog ? show.schema_name : show.catalog_name + "." + show.schema_name;
    return "lower(table_schema) = lower(" + QuotedText(name) + ")";
  }

  // The engine says of every column that it may be null; those of `SELECT * FROM t` the table
  // knows.
  Status OnDescribe(Table& table) {
    auto& show = table->Cast<duckdb::ShowRef>();
    if (show.show_type == duckdb::ShowType::SUMMARY) return {};
    const duckdb::BaseTableRef* base = OnlyTable(*show.query);
    if (base == nullptr || (base->schema_name.empty() && IsCte(base->table_name))) return {};
    if (base->at_clause != nullptr || described_.erase(base) > 0) return {};
    described_.insert(base);
    TM_ASSIGN(const auto required, mentions_.RequiredColumns({.name = NameParts(*base)}));
    if (required.empty()) return {};
    std::string names;
    for (const std::string& name : required)
      names += (names.empty() ? "" : ", ") + QuotedText(name);
    auto told = StatementRows("SELECT * REPLACE (CASE WHEN column_name IN (" + names +
                              ") THEN 'NO' ELSE \"null\" END AS \"null\") FROM here");
    auto& node = *told->Cast<duckdb::SubqueryRef>().subquery->node;
    node.Cast<duckdb::SelectNode>().from_table = std::move(table);
    table = std::move(told);
    return {};
  }

  // The table of `SELECT * FROM t` and nothing more; null: it is another query.
  static const duckdb::BaseTableRef* OnlyTable(const duckdb::QueryNode& node) {
    if (node.type != duckdb::QueryNodeType::SELECT_NODE || !node.cte_map.map.empty())
      return nullptr;
    const auto& select = node.Cast<duckdb::SelectNode>();
    const bool is_star = select.select_list.size() == 1 && select.select_list[0]->ToString() == "*";
    if (!is_star || select.from_table == nullptr) return nullptr;
    if (select.from_table->type != TableReferenceType::BASE_TABLE) return nullptr;
    return &select.from_table->Cast<duckdb::BaseTableRef>();
  }

  const FunctionList& functions_;
  const QueryRequest& request_;
  Mentions mentions_;
  const bool use_kept_;
  KeptRewriter kept_;
  std::set<const duckdb::BaseTableRef*> described_;  // Each is looked at twice.
};

// The column of the field after `context.`: `context.ip` and `context.userAgent` are names of it.
std::optional<event::Column> FindContextField(const std::string& name) {
  if (StringUtil::CIEquals(name, "ip")) return event::Column::kIp;
  if (StringUtil::CIEquals(name, "userAgent")) return event::Column::kUserAgent;
  return std::nullopt;
}

// Renames a reference to an alias of a column; false if it is none.
bool Rename(duckdb::ColumnRefExpression& reference) {
  auto& names = reference.column_names;
  if (names.size() >= 2 && StringUtil::CIEquals(names[names.size() - 2], "context")) {
    const auto field = FindContextField(names.back());
    if (!field) return false;
    names.pop_back();
    names.back() = std::string(event::Info(*field).name);
    return true;
  }
  const auto column = event::FindAlias(names.back());
  if (!column) return false;
  names.back() = std::string(event::Info(*column).name);
  return true;
}

class AliasResolver final : public TreeWalk {
 public:
  explicit AliasResolver(std::uint64_t location) : location_(location) {}
  bool done() const { return done_; }

 private:
  bool IsIt(const duckdb::ParsedExpression& expression) const {
    return !done_ && expression.GetQueryLocation().IsValid() &&
           expression.GetQueryLocation().GetIndex() == location_;
  }
  bool Holds(const duckdb::ParsedExpression& expression) const {
    if (IsIt(expression)) return true;
    bool found = false;
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        expression, [&](const duckdb::ParsedExpression& child) { found |= Holds(child); });
    return found;
  }
  // The name of the answer's column is what was asked for: `max(ip_address)`, not `max(ip)`.
  Status OnSelectItem(Expression& item) override {
    if (!item->GetAlias().empty() || !Holds(*item)) return {};
    const bool is_column = item->GetExpressionClass() == ExpressionClass::COLUMN_REF;
    item->SetAlias(is_column ? item->Cast<duckdb::ColumnRefExpression>().GetColumnName()
                             : item->ToString());
    return {};
  }
  Status OnExpression(Expression& expression) override {
    if (!IsIt(*expression)) return {};
    if (expression->GetExpressionClass() == ExpressionClass::COLUMN_REF) {
      done_ = Rename(expression->Cast<duckdb::ColumnRefExpression>());
    } else if (expression->GetExpressionType() == duckdb::ExpressionType::GROUPING_FUNCTION) {
      // The engine names the place of the call, not that of the column in it.
      for (auto& child : expression->Cast<duckdb::OperatorExpression>().children) {
        if (child->GetExpressionClass() != ExpressionClass::COLUMN_REF) continue;
        done_ |= Rename(child->Cast<duckdb::ColumnRefExpression>());
      }
    }
    return {};
  }

  const std::uint64_t location_;
  bool done_ = false;
};

}  // namespace

FunctionList ListFunctions(duckdb::Connection& connection) {
  FunctionList list;
  const auto result = connection.Query(
      "SELECT DISTINCT lower(function_name), function_type FROM duckdb_functions()");
  if (result->HasError()) result->ThrowError();
  for (duckdb::idx_t row = 0; row < result->RowCount(); ++row) {
    const std::string name = result->GetValue(0, row).ToString();
    const std::string type = result->GetValue(1, row).ToString();
    const bool is_value = type == "scalar" || type == "aggregate" || type == "macro";
    (is_value && !IsDenied(name) ? list.allowed : list.denied).insert(name);
  }
  // A name may be both (range, repeat, unnest): as a function of values it is allowed.
  for (const std::string& name : list.allowed) list.denied.erase(name);
  for (const std::string_view name : kParserFunctions) list.denied.erase(std::string(name));
  return list;
}

Result<duckdb::unique_ptr<duckdb::SQLStatement>> ParseGuarded(duckdb::ClientContext& context,
                                                              const FunctionList& functions,
                                                              const QueryRequest& request,
                                                              bool* use_kept) {
  // The parser ends there, and would leave out what is behind.
  if (const std::size_t at = request.sql.find('\0'); at != std::string::npos) {
    return Fail(Code::kInvalidArgument, "the statement has a NUL character at byte " +
                                            std::to_string(at) +
                                            ": a text with one is sent as a parameter");
  }
  // Not Connection::ExtractStatements: that one already runs parts of PRAGMA statements.
  duckdb::Parser parser(context.GetParserOptions());
  parser.ParseQuery(WithAtClauses(request.sql));
  if (parser.statements.size() != 1) {
    return Fail(Code::kInvalidArgument,
                parser.statements.empty() ? "there is no statement" : "one statement at a time");
  }
  auto statement = std::move(parser.statements[0]);
  const auto state = context.registered_state->Get<ScanState>(ScanState::kKey);
  Guard guard(context, functions, request, state.get(), *use_kept);
  TM_TRY(guard.Walk(*statement));
  *use_kept = guard.used_kept();
  return statement;
}

bool ResolveAlias(duckdb::SQLStatement& statement, std::uint64_t location) {
  AliasResolver resolver(location);
  return resolver.Walk(statement).has_value() && resolver.done();
}

}  // namespace tidemark::engine
