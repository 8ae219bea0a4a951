#include "schema/infer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/time.h"
#include "schema/metaschemas.h"
#include "schema/number.h"

namespace tidemark::schema {
namespace {

constexpr std::size_t kChoiceBytesMax = 64;

// Columns that every event has and no client means: they say nothing about the events.
constexpr std::array<std::string_view, 8> kOwnColumns = {
    "event_id",   "timestamp",     "received_at", "project_id",
    "event_type", "log_partition", "log_offset",  "properties"};

// Columns that the server may fill in itself, behind the check: a schema cannot demand them.
constexpr std::array<std::string_view, 7> kFilledColumns = {
    "ip", "user_agent", "country", "device_type", "browser", "os", "user_tier"};

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = static_cast<char>(text[i] | 0x20);
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

bool IsDateTime(std::string_view text) {
  return text.size() >= 20 && (text[10] == 'T' || text[10] == 't') && ParseTime(text).has_value();
}

bool IsDate(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-' && ParseTime(text).has_value();
}

bool IsUri(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

bool IsEmail(std::string_view text) {
  const std::size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && text.find('@', at + 1) == text.npos &&
         text.find('.', at) != text.npos && text.find(' ') == text.npos && text.back() != '.';
}

bool IsIpv4(std::string_view text) {
  int dots = 0;
  int number = -1;
  for (const char c : text) {
    if (c == '.') {
      if (number < 0) return false;
      ++dots;
      number = -1;
    } else if (c >= '0' && c <= '9') {
      number = std::max(number, 0) * 10 + (c - '0');
      if (number > 255) return false;
    } else {
      return false;
    }
  }
  return dots == 3 && number >= 0;
}

struct Format {
  std::string_view name;
  bool (*is)(std::string_view);
};
constexpr std::array<Format, 6> kFormats = {{{"uuid", IsUuid},
                                             {"date-time", IsDateTime},
                                             {"date", IsDate},
                                             {"uri", IsUri},
                                             {"email", IsEmail},
                                             {"ipv4", IsIpv4}}};

}  // namespace

// What was seen at one place of the events.
struct Inference::Seen {
  std::uint64_t count = 0;
  std::uint64_t nulls = 0;
  std::uint64_t booleans = 0;
  std::uint64_t integers = 0;
  std::uint64_t numbers = 0;  // That are no integers.
  std::uint64_t strings = 0;
  std::uint64_t arrays = 0;
  std::uint64_t objects = 0;
  bool choices_end = false;  // Too many different strings, or too long ones.
  std::set<std::string> choices;
  std::uint32_t formats = (1U << kFormats.size()) - 1;  // Those that every string has.
  std::map<std::string, std::unique_ptr<Seen>> members;
  std::unique_ptr<Seen> items;
};

Inference::Inference() : root_(std::make_unique<Seen>()) {}
Inference::~Inference() = default;

void Inference::AddRow(const JsonValue& row) {
  ++root_->count;
  ++root_->objects;
  const JsonValue fraction = JsonValue::Parse("0.5").value_or(JsonValue());
  for (const auto& [name, value] : row.members()) {
    if (value.is_null() || std::ranges::find(kOwnColumns, name) != kOwnColumns.end()) continue;
    // The column of numbers is of doubles, also where they happen to be whole.
    Member(name, value.is_number() ? fraction : value, 1, root_.get());
  }
  const JsonValue* properties = row.Find("properties");
  if (properties == nullptr || !properties->is_string()) return;
  const auto parsed = JsonValue::Parse(properties->text());
  if (!parsed) return;
  for (const auto& [name, value] : parsed->members()) {
    const JsonValue* column = row.Find(name);
    if (column == nullptr || column->is_null()) Member(name, value, 1, root_.get());
  }
}

void Inference::Member(const std::string& name, const JsonValue& value, std::size_t depth,
                       Seen* seen) {
  auto found = seen->members.find(name);
  if (found == seen->members.end()) {
    if (seen->members.size() >= kInferMembersMax) return;
    found = seen->members.emplace(name, std::make_unique<Seen>()).first;
  }
  Add(value, depth, found->second.get());
}

void Inference::Add(const JsonValue& value, std::size_t depth, Seen* seen) {
  ++seen->count;
  switch (value.kind()) {
    case JsonValue::Kind::kNull:
      ++seen->nulls;
      return;
    case JsonValue::Kind::kBool:
      ++seen->booleans;
      return;
    case JsonValue::Kind::kNumber:
      ++(Number(value.text()).IsInteger() ? seen->integers : seen->numbers);
      return;
    case JsonValue::Kind::kString: {
      ++seen->strings;
      const std::string& text = value.text();
      for (std::size_t i = 0; i < kFormats.size(); ++i) {
        if (text.empty() || !kFormats[i].is(text)) seen->formats &= ~(1U << i);
      }
      if (seen->choices_end) return;
      seen->choices.insert(text);
      seen->choices_end = seen->choices.size() > kInferChoicesMax || text.size() > kChoiceBytesMax;
      if (seen->choices_end) seen->choices.clear();
      return;
    }
    case JsonValue::Kind::kArray:
      ++seen->arrays;
      if (depth >= kInferDepthMax) return;
      if (seen->items == nullptr) seen->items = std::make_unique<Seen>();
      for (const JsonValue& item : value.items()) Add(item, depth + 1, seen->items.get());
      return;
    case JsonValue::Kind::kObject:
      break;
  }
  ++seen->objects;
  if (depth >= kInferDepthMax) return;
  for (const auto& [name, member] : value.members()) Member(name, member, depth + 1, seen);
}

void Inference::Write(const Seen& seen, bool is_root, JsonWriter* out) {
  JsonWriter& json = *out;
  std::vector<std::string_view> types;
  if (seen.nulls > 0) types.push_back("null");
  if (seen.booleans > 0) types.push_back("boolean");
  if (seen.numbers > 0) types.push_back("number");
  if (seen.integers > 0 && seen.numbers == 0) types.push_back("integer");
  if (seen.strings > 0) types.push_back("string");
  if (seen.arrays > 0) types.push_back("array");
  if (seen.objects > 0) types.push_back("object");
  json.BeginObject();
  if (types.size() == 1) json.Field("type", types.front());
  if (types.size() > 1) {
    json.Key("type").BeginArray();
    for (const std::string_view type : types) json.String(type);
    json.EndArray();
  }
  if (seen.strings > 0 && seen.strings == seen.count) {
    for (std::size_t i = 0; i < kFormats.size(); ++i) {
      if ((seen.formats >> i & 1U) == 0) continue;
      json.Field("format", kFormats[i].name);
      break;
    }
    const bool few = !seen.choices_end && seen.formats == 0 &&
                     seen.strings >= kInferChoiceEvents * seen.choices.size();
    if (few) {
      json.Key("enum").BeginArray();
      for (const std::string& choice : seen.choices) json.String(choice);
      json.EndArray();
    }
  }
  if (seen.items != nullptr && seen.items->count > 0) {
    json.Key("items");
    Write(*seen.items, false, out);
  }
  if (!seen.members.empty()) {
    json.Key("properties").BeginObject();
    for (const auto& [name, member] : seen.members) {
      json.Key(name);
      Write(*member, false, out);
    }
    json.EndObject().Key("required").BeginArray();
    for (const auto& [name, member] : seen.members) {
      const bool filled =
          is_root && std::ranges::find(kFilledColumns, name) != kFilledColumns.end();
      if (member->count == seen.objects && !filled) json.String(name);
    }
    json.EndArray();
  }
  json.EndObject();
}

std::string Inference::Propose(std::string_view event_type) const {
  std::string inner;
  JsonWriter writer(&inner);
  Write(*root_, true, &writer);
  std::string text;
  JsonWriter json(&text);
  json.BeginObject().Field("$schema", kDraft202012Uri).Field("title", event_type).EndObject();
  // Both are objects: the members of the one behind those of the other.
  text.back() = ',';
  return text + inner.substr(1);
}

}  // namespace tidemark::schema
