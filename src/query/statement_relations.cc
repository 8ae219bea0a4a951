#include "query/statement_relations.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "lake/table_columns.h"
#include "query/near_names.h"
#include "query/plain_relation.h"

namespace tidemark::query {
namespace {

using RelationPointer = std::shared_ptr<const engine::Relation>;

constexpr std::string_view kSystem = "system";
constexpr std::string_view kInformationSchema = "information_schema";
constexpr std::string_view kIceberg = "iceberg";  // The project's namespace, whatever its name.
constexpr std::string_view kBetween = "events_between";
constexpr std::string_view kRowsBetween = "rows_between";  // Of any table.

std::string Joined(const std::vector<std::string>& parts) {
  std::string name;
  for (const std::string& part : parts) name += (name.empty() ? "" : ".") + part;
  return name;
}

// SQL's names have three parts at most: deeper namespaces are written as one, `"a.b"`.
std::vector<std::string> SplitLevels(const std::vector<std::string>& ns) {
  std::vector<std::string> levels;
  for (const std::string& level : ns) {
    for (std::size_t at = 0; at <= level.size();) {
      const std::size_t end = std::min(level.find('.', at), level.size());
      levels.push_back(level.substr(at, end - at));
      at = end + 1;
    }
  }
  return levels;
}

Error NothingSettled() {
  return {
      Code::kNotFound,
      "table \"events\" has no snapshot yet: nothing of it is settled; `tidemark settle` settles "
      "what is durable"};
}

// A snapshot in a call: its id, a branch or tag, or a time.
Result<AsOf> ReadArgument(const engine::Parameter& argument) {
  if (const auto* id = std::get_if<std::int64_t>(&argument)) {
    return AsOf{.snapshot = SnapshotId(*id)};
  }
  if (const auto* time = std::get_if<TimeMicros>(&argument)) {
    return AsOf{.kind = AsOf::Kind::kTime, .time = *time};
  }
  if (const auto* text = std::get_if<std::string>(&argument)) {
    return ReadAsOf(std::string_view(*text));
  }
  return Fail(
      Code::kInvalidArgument,
      "events_between and rows_between take snapshot ids, branches, tags or times; the first "
      "may be NULL: the table's beginning");
}

// A name as SQL writes it: parts between dots, those with dots of their own in double quotes.
std::vector<std::string> SplitName(std::string_view text) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const bool doubled = quoted && i + 1 < text.size() && text[i + 1] == '"';
      if (doubled) {
        parts.back() += text[++i];
      } else {
        quoted = !quoted;
      }
    } else if (c == '.' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// The snapshots after the first of `ends` (null: the table's beginning) up to the second that only
// appended, oldest first.
Result<std::vector<const lake::Snapshot*>> AppendsBetween(const lake::TableMetadata& metadata,
                                                          std::string_view table,
                                                          std::span<const engine::Parameter> ends) {
  const lake::Snapshot* from = nullptr;
  if (!std::holds_alternative<std::monostate>(ends[0])) {
    TM_ASSIGN(const AsOf begin, ReadArgument(ends[0]));
    TM_ASSIGN(from, FindSnapshot(metadata, table, begin));
  }
  TM_ASSIGN(const AsOf end, ReadArgument(ends[1]));
  TM_ASSIGN(const lake::Snapshot* to, FindSnapshot(metadata, table, end));
  TM_ASSIGN(auto between, SnapshotsBetween(metadata, from, *to));
  std::erase_if(between, [](const lake::Snapshot* snapshot) {
    return snapshot->Summary("operation") != "append";
  });
  return between;
}

// What we do not read of a plain table is the statement's affair: another one may be sent.
Result<RelationPointer> Told(Result<RelationPointer> relation, const std::string& table) {
  if (relation) return relation;
  const Error error = std::move(relation).error().With("table \"" + table + "\"");
  if (error.code() != Code::kUnimplemented) return Fail(error);
  return Fail(Code::kInvalidArgument, error.message());
}

}  // namespace

std::vector<std::string> EventsNames(std::string_view project) {
  return {"events", "analytics_engine.events", "iceberg.events", "user_events_realtime",
          std::string(project) + ".events"};
}

Result<RelationPointer> StatementRelations::Find(const engine::Mention& mention) {
  const std::string name = LowerCase(Joined(mention.name));
  if (mention.is_call) {
    return name == kBetween       ? EventsBetween(mention.arguments)
           : name == kRowsBetween ? RowsBetween(mention)
                                  : Result<RelationPointer>(nullptr);
  }
  const auto events = EventsNames(project_);
  const bool is_events = std::any_of(events.begin(), events.end(), [&](const std::string& known) {
    return LowerCase(known) == name;
  });
  if (is_events) return FindEvents(mention);
  if (mention.name.size() < 2) {
    if (mention.as_of && parts_.tables != nullptr) {
      return Fail(Code::kNotFound, "table \"" + name + "\" has no past to be read");
    }
    TM_TRY(CheckMisspelled(mention.name));
    return RelationPointer();
  }
  const std::string schema = LowerCase(mention.name[0]);
  if (mention.name.size() == 2 && (schema == kSystem || schema == kInformationSchema)) {
    return FindSystem(mention, schema == kInformationSchema);
  }
  return FindPlain(mention);
}

Result<RelationPointer> StatementRelations::FindEvents(const engine::Mention& mention) {
  if (!mention.as_of) return RelationPointer();
  TM_ASSIGN(const AsOf as_of, ReadAsOf(*mention.as_of));
  TM_ASSIGN(Past past, EventsAsOf(as_of));
  return RelationPointer(std::move(past.relation));
}

Result<const lake::TableHead*> StatementRelations::Settled() const {
  if (cut_->lake == nullptr) return Fail(NothingSettled());
  return cut_->lake.get();
}

Result<StatementRelations::Past> StatementRelations::EventsAsOf(const AsOf& as_of) {
  if (as_of.kind == AsOf::Kind::kOffset) return BelowOffset(as_of);
  TM_ASSIGN(const lake::TableHead* now, Settled());
  TM_ASSIGN(const lake::Snapshot* snapshot, FindSnapshot(*now->metadata, "events", as_of));
  Past past;
  past.snapshot = snapshot;
  past.end = OffsetOf(*now->metadata, *snapshot);
  TM_ASSIGN(past.head, parts_.heads->At(cut_->lake, snapshot->id));
  past.relation = std::make_shared<engine::Relation>();
  past.relation->schema = lake::WithOthers(*cut_->lake->metadata, cut_->lake->columns);
  TM_ASSIGN(const HeadFiles files, LakeFilesOf(*parts_.core, *past.head, parts_.deletes));
  past.relation->files = files.files;
  past.settled_rows = files.rows;
  return past;
}

// The rows are where they are by now: settled since, or still hot.
Result<StatementRelations::Past> StatementRelations::BelowOffset(const AsOf& as_of) {
  if (as_of.log_id != parts_.core->log_id()) {
    return Fail(Code::kInvalidArgument,
                "as_of is a receipt of another log; use one that this server gave");
  }
  if (as_of.end > cut_->end()) {
    return Fail(Code::kUnavailable, "the events of as_of are not visible yet; ask again");
  }
  Past past;
  past.end = as_of.end;
  past.relation = std::make_shared<engine::Relation>();
  past.relation->end = as_of.end;
  if (cut_->lake != nullptr) {
    past.head = cut_->lake;
    past.relation->schema = lake::WithOthers(*cut_->lake->metadata, cut_->lake->columns);
    TM_ASSIGN(const HeadFiles files, LakeFilesOf(*parts_.core, *cut_->lake, parts_.deletes));
    past.relation->files = files.files;
    past.settled_rows = files.rows;
  }
  if (cut_->settled() < as_of.end) {
    past.relation->hot.push_back(cut_->HotRows(cut_->settled(), as_of.end));
  }
  return past;
}

Result<RelationPointer> StatementRelations::EventsBetween(std::span<const engine::Parameter> ends) {
  auto relation = std::make_shared<engine::Relation>();
  if (ends.empty()) return RelationPointer(std::move(relation));
  if (ends.size() != 2) {
    return Fail(Code::kInvalidArgument, "events_between takes two snapshots: from and to");
  }
  TM_ASSIGN(const lake::TableHead* now, Settled());
  TM_ASSIGN(const auto between, AppendsBetween(*now->metadata, "events", ends));
  auto head = std::make_shared<lake::TableHead>(*now);
  TM_ASSIGN(head->files, lake::FilesAppended(parts_.core->store(), between));
  relation->schema = lake::WithOthers(*now->metadata, now->columns);
  TM_ASSIGN(const HeadFiles files, LakeFilesOf(*parts_.core, *head, parts_.deletes));
  relation->files = files.files;
  return RelationPointer(std::move(relation));
}

Result<RelationPointer> StatementRelations::RowsBetween(const engine::Mention& mention) {
  if (mention.arguments.empty()) {
    return RelationPointer(std::make_shared<engine::Relation>());
  }
  const auto* text = std::get_if<std::string>(&mention.arguments.front());
  if (text == nullptr || mention.arguments.size() != 3) {
    return Fail(Code::kInvalidArgument,
                "rows_between takes a table's name as text and two snapshots: from and to");
  }
  const std::span<const engine::Parameter> ends = std::span(mention.arguments).subspan(1);
  const std::vector<std::string> names = SplitName(*text);
  const auto events = EventsNames(project_);
  if (std::ranges::find(events, LowerCase(Joined(names))) != events.end()) {
    return EventsBetween(ends);
  }
  TM_ASSIGN(const CatalogTable* table, PlainTable(names));
  if (table == nullptr) {
    TM_TRY(CheckMisspelled(names));
    return Fail(Code::kNotFound, "rows_between: there is no table \"" + *text +
                                     "\"; write it as a statement does, as in 'iceberg.users'");
  }
  TM_ASSIGN(const auto between, AppendsBetween(*table->metadata, *text, ends));
  return Told(PlainAppended(*table, between, parts_.lineage), *text);
}

Result<const SystemView*> StatementRelations::View() {
  if (!view_) {
    SystemView view{project_, cut_, &parts_.core->store(), {}, parts_.tables};
    if (parts_.tables != nullptr) {
      TM_ASSIGN(view.others, parts_.tables->List(project_));
    }
    view_ = std::move(view);
  }
  return &*view_;
}

Result<RelationPointer> StatementRelations::FindSystem(const engine::Mention& mention,
                                                       bool information) {
  const std::string name = LowerCase(mention.name[1]);
  if (!(information ? IsInformationTable(name) : IsSystemTable(name))) return RelationPointer();
  if (mention.as_of) {
    return Fail(Code::kInvalidArgument,
                LowerCase(Joined(mention.name)) + " has no past: it is of the cut");
  }
  TM_ASSIGN(const SystemView* view, View());
  return information ? InformationRelation(name, *view) : SystemRelation(name, *view);
}

Result<std::span<const TableId>> StatementRelations::Names() {
  if (!names_) {
    TM_ASSIGN(names_, parts_.tables->Names(project_));
  }
  return std::span<const TableId>(*names_);
}

Result<const CatalogTable*> StatementRelations::ExactTable(const std::vector<std::string>& ns,
                                                           const std::string& name) {
  std::vector<std::string> levels = ns;
  levels.push_back(name);
  const std::string key = NamespaceText(levels);
  auto known = plain_.find(key);
  if (known == plain_.end()) {
    TM_ASSIGN(auto table, parts_.tables->Find(ns, name));
    if (!table) return static_cast<const CatalogTable*>(nullptr);
    known = plain_.emplace(key, *std::move(table)).first;
  }
  return &known->second;
}

Result<const CatalogTable*> StatementRelations::TableInAnyCase(const std::vector<std::string>& ns,
                                                               const std::string& name) {
  const auto names = Names();
  // Of so many only the exact name is looked for.
  if (!names && names.error().code() != Code::kOverloaded) return Fail(names.error());
  const auto found = names ? InAnyCase(*names, ns, name) : std::vector<TableId>();
  if (found.size() > 1) {
    std::string all;
    for (const TableId& one : found) all += (all.empty() ? "" : ", ") + SqlName(one);
    return Fail(Code::kInvalidArgument, "there is no table \"" + SqlName({ns, name}) +
                                            "\", and more than one that differs from it in case "
                                            "alone; name one of them exactly: " +
                                            all);
  }
  if (found.empty()) return static_cast<const CatalogTable*>(nullptr);
  return ExactTable(found.front().ns, found.front().name);
}

Status StatementRelations::CheckMisspelled(const std::vector<std::string>& names) {
  if (parts_.tables == nullptr) return {};
  const auto all = Names();
  if (!all) return {};
  const auto meant = Nearest(*all, project_, names);
  if (!meant) return {};
  return Fail(Code::kNotFound, "table \"" + Joined(names) + "\" does not exist; did you mean " +
                                   SqlName(*meant) + "?");
}

// `iceberg.<table>` or `<project>.<table>`, with namespaces below the project's between them.
Result<const CatalogTable*> StatementRelations::PlainTable(const std::vector<std::string>& names) {
  const CatalogTable* const none = nullptr;
  if (parts_.tables == nullptr || names.size() < 2) return none;
  const std::string first = LowerCase(names.front());
  if (first != project_ && first != kIceberg) return none;
  std::vector<std::string> ns(names.begin(), names.end() - 1);
  ns.front() = project_;
  TM_ASSIGN(const CatalogTable* table, ExactTable(ns, names.back()));
  if (table == nullptr) {
    TM_ASSIGN(table, ExactTable(SplitLevels(ns), names.back()));
  }
  if (table == nullptr) {
    TM_ASSIGN(table, TableInAnyCase(ns, names.back()));
  }
  if (table == nullptr) return none;
  const std::string name = SqlName({table->ns, table->name});
  if (table->is_view) {
    return Fail(Code::kInvalidArgument, "\"" + name + "\" is a view of another engine's SQL");
  }
  if (table->metadata == nullptr) {
    return Fail(Code::kInvalidArgument, "table \"" + name + "\" cannot be read: " + table->problem);
  }
  return table;
}

Result<RelationPointer> StatementRelations::FindPlain(const engine::Mention& mention) {
  TM_ASSIGN(const CatalogTable* found, PlainTable(mention.name));
  if (found == nullptr) {
    TM_TRY(CheckMisspelled(mention.name));
    return RelationPointer();
  }
  const CatalogTable& table = *found;
  std::vector<std::string> levels = table.ns;
  levels.push_back(table.name);
  const std::string name = NamespaceText(levels);
  if (parts_.past_of_nothing && !mention.as_of) {
    return Fail(Code::kInvalidArgument,
                "as_of is of events, which the statement does not name; of a plain table the "
                "statement says it: " +
                    SqlName({table.ns, table.name}) + " AT (VERSION => ..) or (TIMESTAMP => ..)");
  }
  const lake::Snapshot* snapshot = table.metadata->current();
  PlainColumns columns{.lineage = parts_.lineage};
  if (mention.as_of) {
    TM_ASSIGN(const AsOf as_of, ReadAsOf(*mention.as_of));
    TM_ASSIGN(snapshot, FindSnapshot(*table.metadata, name, as_of));
    const auto ref = table.metadata->refs.find(as_of.ref);
    const bool on_branch = as_of.kind == AsOf::Kind::kRef && ref != table.metadata->refs.end() &&
                           ref->second.is_branch;
    if (!on_branch) columns.at = ColumnsAt::kSnapshot;
  }
  return Told(PlainRelation(table, snapshot, columns, parts_.deletes), name);
}

}  // namespace tidemark::query
