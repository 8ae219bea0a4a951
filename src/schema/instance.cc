#include "schema/instance.h"

#include <array>
#include <charconv>
#include <cstring>
#include <map>

#include "base/check.h"
#include "base/json_writer.h"
#include "event/json_names.h"
#include "event/json_tokens.h"
#include "event/schema.h"
#include "schema/name_table.h"

namespace tidemark::schema {
namespace {

constexpr std::size_t kKeptBytesMax = 1 << 20;

Error TooMany() {
  return {Code::kInvalidArgument,
          "the value has more than " + std::to_string(kInstanceNodesMax) + " parts"};
}

Kind KindOf(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull:
      return Kind::kNull;
    case JsonValue::Kind::kBool:
      return *value.Bool() ? Kind::kTrue : Kind::kFalse;
    case JsonValue::Kind::kNumber:
      return Kind::kNumber;
    case JsonValue::Kind::kString:
      return Kind::kString;
    case JsonValue::Kind::kArray:
      return Kind::kArray;
    case JsonValue::Kind::kObject:
      break;
  }
  return Kind::kObject;
}

// Strings that the event carries and a schema may speak of, in the table's order.
bool IsVisible(event::Column column) {
  return event::Info(column).type == event::Type::kString && column != event::Column::kProperties;
}

std::array<std::uint32_t, event::kColumnCount> HashColumns() {
  std::array<std::uint32_t, event::kColumnCount> hashes{};
  for (const event::ColumnInfo& info : event::kColumns) {
    hashes[event::Index(info.column)] = HashName(info.name);
  }
  return hashes;
}
std::uint32_t HashOf(event::Column column) {
  static const auto kHashes = HashColumns();
  return kHashes[event::Index(column)];
}

}  // namespace

const event::Column* ColumnOfName(std::string_view name, std::uint32_t hash) {
  static const NameTable<event::Column> kTable = [] {
    std::map<std::string_view, event::Column> columns;
    for (const event::FieldName& field : event::Fields()) {
      if (field.role == event::FieldRole::kColumn) columns.emplace(field.name, field.column);
    }
    for (const event::ColumnInfo& info : event::kColumns) columns.emplace(info.name, info.column);
    return NameTable<event::Column>(columns);
  }();
  return kTable.Find(name, hash);
}

InstanceNode& Instance::Add(Kind kind, std::string_view key) {
  return Add(kind, key, HashName(key));
}

void Instance::AddColumn(Kind kind, event::Column column, std::string_view text) {
  Add(kind, event::Info(column).name, HashOf(column)).text = text;
}

InstanceNode& Instance::Add(Kind kind, std::string_view key, std::uint32_t key_hash) {
  InstanceNode& node = nodes_.emplace_back();
  node.kind = kind;
  node.key = key;
  node.key_hash = key_hash;
  node.next = static_cast<std::uint32_t>(nodes_.size());
  return node;
}

Status Instance::Read(const JsonValue& value) {
  nodes_.clear();
  return Append(value, {});
}

Status Instance::Append(const JsonValue& value, std::string_view key) {
  if (nodes_.size() >= kInstanceNodesMax) return Fail(TooMany());
  const std::size_t at = nodes_.size();
  Add(KindOf(value), key).text = value.text();
  for (const JsonValue& item : value.items()) TM_TRY(Append(item, {}));
  for (const auto& [name, member] : value.members()) TM_TRY(Append(member, name));
  nodes_[at].count = static_cast<std::uint32_t>(value.items().size() + value.members().size());
  nodes_[at].next = static_cast<std::uint32_t>(nodes_.size());
  return {};
}

std::uint32_t Instance::AddColumns(const event::EventView& event, std::string_view project) {
  AddColumn(Kind::kString, event::Column::kProjectId, project);
  std::uint32_t count = 1;
  for (const event::ColumnInfo& info : event::kColumns) {
    if (!event.Has(info.column) || info.column == event::Column::kProjectId) continue;
    if (IsVisible(info.column)) {
      AddColumn(Kind::kString, info.column, event.Text(info.column));
      ++count;
    } else if (info.column == event::Column::kTimestamp) {
      time_.clear();
      AppendTime(&time_, event.timestamp);
      AddColumn(Kind::kString, info.column, time_);
      ++count;
    } else if (info.column == event::Column::kValue) {
      value_.clear();
      JsonWriter(&value_).Double(event.value);
      AddColumn(Kind::kNumber, info.column, value_);
      ++count;
    }
  }
  return count;
}

Status Instance::Read(const event::EventView& event, std::string_view project, Shape shape) {
  nodes_.clear();
  Add(Kind::kObject, {});
  columns_count_ = AddColumns(event, project);
  columns_end_ = nodes_.size();
  return Reshape(event, shape);
}

Status Instance::Reshape(const event::EventView& event, Shape shape) {
  nodes_.resize(columns_end_);
  std::uint32_t count = columns_count_;
  if (shape != Shape::kColumns && event.Has(event::Column::kProperties)) {
    const std::string_view text = event.Text(event::Column::kProperties);
    arena_.clear();
    if (arena_.capacity() > kKeptBytesMax) arena_ = {};
    arena_.reserve(text.size());
    const char* at = text.data();
    if (shape == Shape::kNested) {
      TM_TRY(AppendText(&at, event::Info(event::Column::kProperties).name));
      ++count;
    } else {
      const std::size_t before = nodes_.size();
      TM_TRY(AppendProperties(event));
      for (std::size_t i = before; i < nodes_.size(); i = nodes_[i].next) ++count;
    }
  }
  nodes_[0].count = count;
  nodes_[0].next = static_cast<std::uint32_t>(nodes_.size());
  return {};
}

// The members of `properties` beside the columns.
Status Instance::AppendProperties(const event::EventView& event) {
  const std::string_view text = event.Text(event::Column::kProperties);
  std::uint32_t taken = event.present | event::Bit(event::Column::kProjectId);
  const char* at = text.data() + 1;
  while (*at != '}') {
    if (*at == ',') ++at;
    const std::string_view key = ReadString(&at);
    ++at;  // The colon.
    const std::size_t node = nodes_.size();
    TM_TRY(AppendText(&at, key));
    const event::Column* column = ColumnOfName(key, nodes_[node].key_hash);
    if (column == nullptr || *column == event::Column::kProperties) continue;
    // A column that is filled already, or by another of its names, is the one that counts.
    if ((taken & event::Bit(*column)) != 0) {
      nodes_.resize(node);
    } else {
      taken |= event::Bit(*column);
      nodes_[node].key = event::Info(*column).name;
      nodes_[node].key_hash = HashOf(*column);
    }
  }
  return {};
}

std::string_view Instance::ReadString(const char** at) {
  const char* begin = ++*at;
  const char* end = begin;
  bool escaped = false;
  for (; *end != '"'; ++end) {
    if (*end == '\\') {
      escaped = true;
      ++end;
    }
  }
  *at = end + 1;
  const std::string_view inside(begin, static_cast<std::size_t>(end - begin));
  if (!escaped) return inside;
  const std::size_t from = arena_.size();
  TM_CHECK(event::DecodeJsonString(inside, &arena_) == event::JsonFault::kNone);
  return std::string_view(arena_).substr(from);
}

Status Instance::AppendMembers(const char** at, char close) {
  const std::size_t parent = nodes_.size() - 1;
  std::uint32_t count = 0;
  ++*at;
  while (**at != close) {
    if (**at == ',') ++*at;
    std::string_view key;
    if (close == '}') {
      key = ReadString(at);
      ++*at;  // The colon.
    }
    TM_TRY(AppendText(at, key));
    ++count;
  }
  ++*at;
  nodes_[parent].count = count;
  nodes_[parent].next = static_cast<std::uint32_t>(nodes_.size());
  return {};
}

Status Instance::AppendText(const char** at, std::string_view key) {
  if (nodes_.size() >= kInstanceNodesMax) return Fail(TooMany());
  switch (**at) {
    case '{':
      Add(Kind::kObject, key);
      return AppendMembers(at, '}');
    case '[':
      Add(Kind::kArray, key);
      return AppendMembers(at, ']');
    case '"':
      Add(Kind::kString, key);
      nodes_.back().text = ReadString(at);
      return {};
    case 't':
      Add(Kind::kTrue, key);
      *at += 4;
      return {};
    case 'f':
      Add(Kind::kFalse, key);
      *at += 5;
      return {};
    case 'n':
      Add(Kind::kNull, key);
      *at += 4;
      return {};
    default:
      break;
  }
  const char* begin = *at;
  const char* end = begin;
  while (*end != ',' && *end != '}' && *end != ']') ++end;
  Add(Kind::kNumber, key).text = {begin, static_cast<std::size_t>(end - begin)};
  *at = end;
  return {};
}

}  // namespace tidemark::schema
