#include "tide/promotions.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/text.h"

namespace tidemark::tide {
namespace {

using event::PropertyColumn;
using event::TableSchema;

constexpr std::size_t kNameBytesMax = 64;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && IsLetter(name.front()) &&
         std::ranges::all_of(name, [](char c) { return IsLetter(c) || (c >= '0' && c <= '9'); });
}

// Whether `wanted` is a column already.
bool IsThere(const TableSchema& columns, const PropertyColumn& wanted) {
  for (std::size_t i = 0; i < columns.promoted.size(); ++i) {
    const event::TableColumn& column = columns.columns[columns.fixed_count + i];
    if (columns.promoted[i].key == wanted.key && column.name == wanted.name &&
        column.type == wanted.type) {
      return true;
    }
  }
  return false;
}

// The metadata columns of Iceberg, which other engines show beside those of a table: of two columns
// of one name they read neither.
constexpr std::array<std::string_view, 10> kMetadataColumns = {"_file",
                                                               "_pos",
                                                               "_deleted",
                                                               "_spec_id",
                                                               "_partition",
                                                               "_row_id",
                                                               "_change_type",
                                                               "_change_ordinal",
                                                               "_last_updated_sequence_number",
                                                               "_commit_snapshot_id"};

Status Refuse(const PropertyColumn& wanted, const std::string& why) {
  return Fail(Code::kInvalidArgument,
              "property " + wanted.key + " cannot be the column " + wanted.name + ": " + why);
}

// Of all columns of the table, whoever made them; lower case.
std::vector<std::string> NamesOf(const lake::TableHead* head) {
  std::vector<std::string> names;
  if (head == nullptr) {
    for (const event::ColumnInfo& info : event::kColumns) names.emplace_back(info.name);
    return names;
  }
  const lake::TableMetadata& metadata = *head->metadata;
  for (const auto& field : metadata.FindSchema(metadata.current_schema_id)->fields) {
    names.push_back(LowerCase(field.name));
  }
  return names;
}

Status CheckName(const PropertyColumn& wanted, const std::vector<std::string>& taken) {
  if (!IsPlainName(wanted.name)) {
    return Refuse(wanted, "a name has up to " + std::to_string(kNameBytesMax) +
                              " letters, digits and underscores and does not begin with a digit; "
                              "give it one: \"x-tidemark-column\": \"name\"");
  }
  const std::string lower = LowerCase(wanted.name);
  if (event::FindAlias(wanted.name)) {
    return Refuse(wanted, "statements call another column so; give it another name");
  }
  if (std::ranges::find(kMetadataColumns, lower) != kMetadataColumns.end()) {
    return Refuse(wanted, "Iceberg keeps this name for itself; give it another name");
  }
  if (lower == event::kKeptColumn || std::ranges::find(taken, lower) != taken.end()) {
    return Refuse(wanted,
                  "the table has a column of this name (names that differ by case alone are the "
                  "same), with another property or type; give it another name, or drop that one "
                  "with `tidemark table alter`");
  }
  return {};
}

}  // namespace

Status CheckPromotion(const lake::TableHead* head, std::span<const PropertyColumn> wanted) {
  const TableSchema& columns = head != nullptr ? *head->columns : *event::EventsSchema();
  std::vector<std::string> taken = NamesOf(head);
  std::size_t count = columns.promoted.size();
  for (const PropertyColumn& one : wanted) {
    if (IsThere(columns, one)) continue;
    TM_TRY(CheckName(one, taken));
    taken.push_back(LowerCase(one.name));
    if (++count > event::kPromotedColumnsMax) {
      return Refuse(one, "a table has at most " + std::to_string(event::kPromotedColumnsMax) +
                             " promoted columns; drop one with `tidemark table alter`");
    }
  }
  return {};
}

Result<std::shared_ptr<const TableSchema>> PlanPromotion(const lake::TableHead& head,
                                                         std::span<const PropertyColumn> wanted) {
  TM_TRY(CheckPromotion(&head, wanted));
  const TableSchema& columns = *head.columns;
  std::shared_ptr<TableSchema> next;
  std::int32_t last_id = head.metadata->last_column_id;
  for (const PropertyColumn& one : wanted) {
    if (IsThere(columns, one)) continue;
    if (!next) {
      next = std::make_shared<TableSchema>(columns);
      ++next->promotions;
    }
    next->columns.push_back({one.name, one.type, false, ++last_id});
    next->promoted.push_back({one.key, last_id, next->promotions, {}});
  }
  return std::shared_ptr<const TableSchema>(std::move(next));
}

std::shared_ptr<const TableSchema> NoteFirstRows(const TableSchema& columns,
                                                 const hot::SegmentList& hot, LogOffset end) {
  std::shared_ptr<TableSchema> next;
  for (std::size_t i = 0; i < columns.promoted.size(); ++i) {
    const LogOffset first = hot.FirstWith(columns.promoted[i].number);
    if (columns.promoted[i].since || first >= end) continue;
    if (!next) next = std::make_shared<TableSchema>(columns);
    next->promoted[i].since = first;
  }
  return next;
}

std::vector<LogOffset> FirstOffsets(const TableSchema& columns, const hot::SegmentList& hot) {
  std::vector<LogOffset> first;
  for (const event::Promotion& one : columns.promoted) first.push_back(hot.FirstWith(one.number));
  return first;
}

}  // namespace tidemark::tide
