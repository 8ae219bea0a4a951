#include "engine/kept_rewrite_duckdb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "duckdb/parser/expression/list.hpp"
#include "duckdb/parser/parsed_expression_iterator.hpp"
#include "duckdb/parser/query_node/list.hpp"
#include "duckdb/parser/statement/select_statement.hpp"
#include "duckdb/parser/tableref/list.hpp"
#include "engine/json_path.h"
#include "engine/table_calls_duckdb.h"
#include "engine/tree_walk_duckdb.h"

namespace tidemark::engine {
namespace {

using duckdb::ExpressionClass;
using duckdb::StringUtil;
using duckdb::TableReferenceType;
using ExpressionPtr = duckdb::unique_ptr<duckdb::ParsedExpression>;

constexpr std::string_view kProperties = "properties";
constexpr std::array<std::string_view, 3> kTextFunctions = {"->>", "json_extract_string",
                                                            "json_extract_path_text"};
constexpr std::size_t kFileGroupsMax = 8;  // Scans of one table; more are read as texts.

bool Is(const std::string& name, std::string_view known) {
  return StringUtil::CIEquals(name, std::string(known));
}

// Whether a query inside a SELECT names one of its tables as a whole.
class WholeRowLook final : public TreeWalk {
 public:
  explicit WholeRowLook(const std::string& alias) : alias_(alias) {}
  bool Finds(duckdb::QueryNode& node) { return !WalkNode(node).has_value() || found_; }

 private:
  Status OnExpression(TreeWalk::Expression& expression) override {
    if (expression->GetExpressionClass() == ExpressionClass::COLUMN_REF) {
      const auto& names = expression->Cast<duckdb::ColumnRefExpression>().column_names;
      found_ |= Is(names.back(), alias_);
    } else if (expression->GetExpressionClass() == ExpressionClass::STAR) {
      found_ |= Is(expression->Cast<duckdb::StarExpression>().relation_name, alias_);
    }
    return {};
  }

  const std::string& alias_;
  bool found_ = false;
};

// One table of one SELECT: finds what can be read from kept paths, and what forbids it.
class TableLook {
 public:
  TableLook(const Relation& relation, std::string alias, bool alone)
      : relation_(relation), alias_(std::move(alias)), alone_(alone) {}

  void LookAt(duckdb::SelectNode& node) {
    for (ExpressionPtr& item : node.select_list) {
      if (Is(item->GetAlias(), kProperties)) safe_ = false;
      const std::size_t before = found_.size();
      if (item->GetExpressionClass() == ExpressionClass::STAR) {
        LookAtStar(item->Cast<duckdb::StarExpression>());
      } else {
        Visit(item);
      }
      if (found_.size() > before) unnamed_.push_back(item.get());
    }
    for (auto* clause : {&node.where_clause, &node.having, &node.qualify}) {
      if (*clause != nullptr) Visit(*clause);
    }
    for (ExpressionPtr& group : node.groups.group_expressions) Visit(group);
    duckdb::ParsedExpressionIterator::EnumerateQueryNodeModifiers(
        node, [this](ExpressionPtr& expression) {
          if (expression != nullptr) Visit(expression);
        });
    const bool groups = !node.groups.group_expressions.empty() ||
                        node.aggregate_handling == duckdb::AggregateHandling::FORCE_AGGREGATES;
    // An expression over a grouped `properties` is fine as it is and would not be as a column.
    if (groups && bare_) safe_ = false;
    LookAtTables(*node.from_table);
  }

  bool any() const { return safe_ && !found_.empty() && found_.size() <= kFoundMax; }

  // Replaces what was found; what the answer's columns are called stays.
  std::vector<KeptUse> Replace(std::size_t* column_count) {
    for (duckdb::ParsedExpression* item : unnamed_) {
      if (item->GetAlias().empty()) item->SetAlias(item->ToString());
    }
    std::vector<KeptUse> uses;
    for (const Found& found : found_) {
      auto use = std::find_if(uses.begin(), uses.end(),
                              [&](const KeptUse& one) { return one.path == found.path; });
      if (use == uses.end()) {
        if (uses.size() == kKeptUsesMax) continue;
        uses.push_back({found.path, "__kept_" + std::to_string((*column_count)++)});
        use = uses.end() - 1;
      }
      auto column = duckdb::make_uniq<duckdb::ColumnRefExpression>(use->column, alias_);
      column->SetAlias((*found.place)->GetAlias());
      *found.place = std::move(column);
    }
    for (duckdb::StarExpression* star : stars_) {
      for (const KeptUse& use : uses) {
        star->exclude_list.insert(duckdb::QualifiedColumnName(use.column));
      }
    }
    return uses;
  }

 private:
  static constexpr std::size_t kFoundMax = 1'000;

  struct Found {
    ExpressionPtr* place;
    std::size_t path;
  };

  void LookAtStar(duckdb::StarExpression& star) {
    if (star.columns || star.expr != nullptr) {
      safe_ = false;
    } else if (star.relation_name.empty() || Is(star.relation_name, alias_)) {
      stars_.push_back(&star);
      for (auto& [name, replaced] : star.replace_list) {
        if (replaced != nullptr) Visit(replaced);
      }
    }
  }

  // Other tables of the FROM clause may look at this one's rows.
  void LookAtTables(duckdb::TableRef& table) {
    switch (table.type) {
      case TableReferenceType::BASE_TABLE:
        return;
      case TableReferenceType::JOIN: {
        auto& join = table.Cast<duckdb::JoinRef>();
        LookAtTables(*join.left);
        LookAtTables(*join.right);
        if (join.condition != nullptr) Visit(join.condition);
        return;
      }
      case TableReferenceType::SUBQUERY:
        LookInto(*table.Cast<duckdb::SubqueryRef>().subquery->node);
        return;
      default:
        safe_ = false;
    }
  }

  void LookInto(duckdb::QueryNode& node) {
    if (WholeRowLook(alias_).Finds(node)) safe_ = false;
  }

  bool IsProperties(const duckdb::ParsedExpression& expression) const {
    if (expression.GetExpressionClass() != ExpressionClass::COLUMN_REF) return false;
    const auto& names = expression.Cast<duckdb::ColumnRefExpression>().column_names;
    if (names.size() == 1) return alone_ && Is(names[0], kProperties);
    return names.size() == 2 && Is(names[0], alias_) && Is(names[1], kProperties);
  }

  // The kept path whose text the expression asks for.
  std::optional<std::size_t> PathOf(const duckdb::ParsedExpression& expression) const {
    if (expression.GetExpressionClass() != ExpressionClass::FUNCTION) return std::nullopt;
    const auto& function = expression.Cast<duckdb::FunctionExpression>();
    const std::string name = StringUtil::Lower(function.function_name);
    if (std::find(kTextFunctions.begin(), kTextFunctions.end(), name) == kTextFunctions.end() ||
        function.children.size() != 2 || function.filter != nullptr || function.distinct ||
        !IsProperties(*function.children[0]) ||
        function.children[1]->GetExpressionClass() != ExpressionClass::CONSTANT) {
      return std::nullopt;
    }
    const duckdb::Value& value = function.children[1]->Cast<duckdb::ConstantExpression>().value;
    if (value.IsNull() || value.type().id() != duckdb::LogicalTypeId::VARCHAR) return std::nullopt;
    const auto path = JsonPath::Parse(duckdb::StringValue::Get(value));
    const auto keys = path ? path->Keys() : std::nullopt;
    if (!keys) return std::nullopt;
    const auto& kept = relation_.schema->kept.paths;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i].keys == *keys) return i;
    }
    return std::nullopt;
  }

  void Visit(ExpressionPtr& expression) {
    switch (expression->GetExpressionClass()) {
      case ExpressionClass::STAR:
        if (const auto& star = expression->Cast<duckdb::StarExpression>();
            star.relation_name.empty() || Is(star.relation_name, alias_)) {
          safe_ = false;
        }
        return;
      case ExpressionClass::LAMBDA:
        // Its parameters may have any name.
        if (WholeRowIn(*expression)) safe_ = false;
        bare_ = true;
        return;
      case ExpressionClass::COLUMN_REF: {
        const auto& names = expression->Cast<duckdb::ColumnRefExpression>().column_names;
        if (Is(names.back(), alias_)) safe_ = false;
        if (Is(names.back(), kProperties)) bare_ = true;
        return;
      }
      case ExpressionClass::SUBQUERY:
        LookInto(*expression->Cast<duckdb::SubqueryExpression>().subquery->node);
        break;
      default:
        break;
    }
    if (const auto path = PathOf(*expression)) {
      found_.push_back({&expression, *path});
      return;
    }
    duckdb::ParsedExpressionIterator::EnumerateChildren(*expression, [this](ExpressionPtr& child) {
      if (child != nullptr) Visit(child);
    });
  }

  bool WholeRowIn(const duckdb::ParsedExpression& expression) const {
    if (expression.GetExpressionClass() == ExpressionClass::COLUMN_REF) {
      return Is(expression.Cast<duckdb::ColumnRefExpression>().column_names.back(), alias_);
    }
    const bool opaque = expression.GetExpressionClass() == ExpressionClass::SUBQUERY ||
                        expression.GetExpressionClass() == ExpressionClass::STAR;
    bool found = opaque;
    duckdb::ParsedExpressionIterator::EnumerateChildren(
        expression, [&](const duckdb::ParsedExpression& child) { found |= WholeRowIn(child); });
    return found;
  }

  const Relation& relation_;
  const std::string alias_;
  const bool alone_;  // The only table: its columns need no qualifier.
  bool safe_ = true;
  bool bare_ = false;  // `properties` is used for something else too.
  std::vector<Found> found_;
  std::vector<duckdb::ParsedExpression*> unnamed_;
  std::vector<duckdb::StarExpression*> stars_;
};

void CollectTables(duckdb::TableRef* table, std::vector<duckdb::BaseTableRef*>* out) {
  if (table->type == TableReferenceType::BASE_TABLE) {
    out->push_back(&table->Cast<duckdb::BaseTableRef>());
  } else if (table->type == TableReferenceType::JOIN) {
    auto& join = table->Cast<duckdb::JoinRef>();
    CollectTables(join.left.get(), out);
    CollectTables(join.right.get(), out);
  }
}

bool HasKept(const Relation& relation) {
  if (relation.schema->kept.paths.empty() || relation.files == nullptr) return false;
  return std::any_of(relation.files->begin(), relation.files->end(),
                     [](const LakeFile& file) { return file.added != nullptr; });
}

// The uses that a file has as columns, a bit each.
std::uint64_t MaskOf(const LakeFile& file, const Relation& relation,
                     const std::vector<KeptUse>& uses) {
  std::uint64_t mask = 0;
  if (file.added == nullptr) return mask;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const std::int32_t id = relation.schema->kept.paths[uses[i].path].field_id;
    if (std::binary_search(file.added->begin(), file.added->end(), id)) mask |= 1ULL << i;
  }
  return mask;
}

ExpressionPtr TextOf(const event::KeptPath& path, bool kept) {
  duckdb::vector<ExpressionPtr> arguments;
  if (!kept) {
    arguments.push_back(duckdb::make_uniq<duckdb::ColumnRefExpression>(std::string(kProperties)));
    arguments.push_back(
        duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(event::PathText(path.keys))));
    return duckdb::make_uniq<duckdb::FunctionExpression>("json_extract_string",
                                                         std::move(arguments));
  }
  arguments.push_back(
      duckdb::make_uniq<duckdb::ColumnRefExpression>(std::string(event::kKeptColumn)));
  arguments.push_back(duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(path.name)));
  return duckdb::make_uniq<duckdb::CastExpression>(
      duckdb::LogicalType::VARCHAR,
      duckdb::make_uniq<duckdb::FunctionExpression>("struct_extract", std::move(arguments)));
}

// SELECT *, <the uses> FROM `table`, whose struct of kept paths is not among the columns.
duckdb::unique_ptr<duckdb::SelectNode> SelectUses(duckdb::unique_ptr<duckdb::TableRef> table,
                                                  const Relation& relation,
                                                  const std::vector<KeptUse>& uses,
                                                  std::uint64_t mask) {
  auto select = SelectAll(std::move(table));
  if (mask != 0) {
    select->select_list[0]->Cast<duckdb::StarExpression>().exclude_list.insert(
        duckdb::QualifiedColumnName(std::string(event::kKeptColumn)));
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const event::KeptPath& path = relation.schema->kept.paths[uses[i].path];
    ExpressionPtr text = TextOf(path, (mask >> i & 1) != 0);
    text->SetAlias(uses[i].column);
    select->select_list.push_back(std::move(text));
  }
  return select;
}

}  // namespace

void KeptRewriter::Rewrite(duckdb::SelectNode* node, const RelationOf& relation_of) {
  if (node->from_table == nullptr) return;
  std::vector<duckdb::BaseTableRef*> tables;
  CollectTables(node->from_table.get(), &tables);
  for (duckdb::BaseTableRef* table : tables) {
    if (!table->column_name_alias.empty()) continue;
    const Relation* relation = relation_of(*table);
    if (relation == nullptr || !HasKept(*relation)) continue;
    TableLook look(*relation, table->alias.empty() ? table->table_name : table->alias,
                   node->from_table.get() == table);
    look.LookAt(*node);
    if (look.any()) uses_[table] = look.Replace(&column_count_);
  }
}

const std::vector<KeptUse>* KeptRewriter::UsesOf(const duckdb::TableRef& table) const {
  const auto found = uses_.find(&table);
  return found == uses_.end() ? nullptr : &found->second;
}

duckdb::unique_ptr<duckdb::TableRef> ScanWithKept(std::size_t index, const Relation& relation,
                                                  const std::vector<KeptUse>& uses,
                                                  ScanState* state) {
  std::map<std::uint64_t, std::vector<LakeFile>> groups;
  for (const LakeFile& file : *relation.files) {
    const std::uint64_t mask = MaskOf(file, relation, uses);
    const bool fits = groups.size() < kFileGroupsMax || groups.contains(mask);
    groups[fits ? mask : 0].push_back(file);
  }
  auto all = duckdb::make_uniq<duckdb::SetOperationNode>();
  all->setop_type = duckdb::SetOperationType::UNION;
  all->setop_all = true;
  for (auto& [mask, files] : groups) {
    FileScan scan{state->relations[index],
                  std::make_shared<const std::vector<LakeFile>>(std::move(files)),
                  {}};
    for (std::size_t i = 0; i < uses.size(); ++i) {
      if ((mask >> i & 1) != 0) scan.kept.push_back(uses[i].path);
    }
    const std::string number = std::to_string(state->scans.size());
    state->scans.push_back(std::move(scan));
    all->children.push_back(
        SelectUses(CallTable("tm_files", duckdb::Value(number)), relation, uses, mask));
  }
  if (!relation.hot.empty()) {
    all->children.push_back(
        SelectUses(CallTable("tm_rows", duckdb::Value::UBIGINT(index)), relation, uses, 0));
  }
  auto statement = duckdb::make_uniq<duckdb::SelectStatement>();
  if (all->children.size() == 1) {
    statement->node = std::move(all->children[0]);
  } else {
    statement->node = std::move(all);
  }
  return duckdb::make_uniq<duckdb::SubqueryRef>(std::move(statement));
}

}  // namespace tidemark::engine
