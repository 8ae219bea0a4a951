#include "base/json_reader.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>

#include <simdjson.h>

#include "base/check.h"
#include "base/json_elements.h"
#include "base/json_writer.h"

namespace tidemark {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kMembersReserved = 6;  // Most objects have about as many.
constexpr std::size_t kMembersFew = 32;      // Are looked through; more are looked up.

Error BadJson(simdjson::error_code code) {
  return {Code::kInvalidArgument, std::string("not valid JSON: ") + simdjson::error_message(code)};
}

std::string_view TrimmedToken(std::string_view token) {
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

// A number without fraction or exponent, which most are; else the library looks at it.
bool IsPlainInteger(std::string_view token) {
  if (token.starts_with('-')) token.remove_prefix(1);
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return false;
  return std::ranges::all_of(token, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

// Turns simdjson's cursor into a tree.
class JsonTreeBuilder {
 public:
  static Status Build(ondemand::value value, std::size_t depth, JsonValue* out) {
    if (depth > kJsonDepthMax) return Fail(Code::kInvalidArgument, "JSON is nested too deeply");
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return Fail(BadJson(error));
    switch (type) {
      case ondemand::json_type::object:
        return BuildObject(value, depth, nullptr, out);
      case ondemand::json_type::array:
        return BuildArray(value, depth, out);
      case ondemand::json_type::string: {
        std::string_view text;
        if (auto error = value.get_string().get(text)) return Fail(BadJson(error));
        return SetString(text, out);
      }
      case ondemand::json_type::number: {
        const std::string_view token = TrimmedToken(value.raw_json_token());
        double number = 0;
        if (!IsPlainInteger(token)) {
          if (auto error = value.get_double().get(number)) return Fail(BadJson(error));
        }
        return SetNumber(token, out);
      }
      case ondemand::json_type::boolean: {
        bool flag = false;
        if (auto error = value.get_bool().get(flag)) return Fail(BadJson(error));
        return SetBool(flag, out);
      }
      case ondemand::json_type::null:
        break;
    }
    bool null = false;
    if (value.is_null().get(null) != simdjson::SUCCESS || !null) {
      return Fail(Code::kInvalidArgument, "not valid JSON");
    }
    return {};
  }

  // The outermost object, of which some arrays are told.
  static Status BuildRoot(ondemand::value value, const JsonElements& elements, JsonValue* out) {
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return Fail(BadJson(error));
    if (type != ondemand::json_type::object) return Build(value, 1, out);
    return BuildObject(value, 1, &elements, out);
  }

  static Status BuildScalarDocument(ondemand::document* document, JsonValue* out) {
    ondemand::json_type type{};
    if (auto error = document->type().get(type)) return Fail(BadJson(error));
    if (type == ondemand::json_type::string) {
      std::string_view text;
      if (auto error = document->get_string().get(text)) return Fail(BadJson(error));
      return SetString(text, out);
    }
    if (type == ondemand::json_type::number) {
      std::string_view token;
      if (auto error = document->raw_json_token().get(token)) return Fail(BadJson(error));
      const std::string kept(TrimmedToken(token));
      double number = 0;
      if (auto error = document->get_double().get(number)) return Fail(BadJson(error));
      return SetNumber(kept, out);
    }
    if (type == ondemand::json_type::boolean) {
      bool flag = false;
      if (auto error = document->get_bool().get(flag)) return Fail(BadJson(error));
      return SetBool(flag, out);
    }
    bool null = false;
    if (document->is_null().get(null) != simdjson::SUCCESS || !null) {
      return Fail(Code::kInvalidArgument, "not valid JSON");
    }
    return {};
  }

 private:
  using Places = std::map<std::string, std::size_t>;

  static Status SetString(std::string_view text, JsonValue* out) {
    out->kind_ = JsonValue::Kind::kString;
    out->text_ = text;
    return {};
  }
  static Status SetNumber(std::string_view token, JsonValue* out) {
    out->kind_ = JsonValue::Kind::kNumber;
    out->text_ = token;
    return {};
  }
  static Status SetBool(bool flag, JsonValue* out) {
    out->kind_ = JsonValue::Kind::kBool;
    out->bool_ = flag;
    return {};
  }

  static Status BuildObject(ondemand::value value, std::size_t depth, const JsonElements* elements,
                            JsonValue* out) {
    out->kind_ = JsonValue::Kind::kObject;
    ondemand::object object;
    if (auto error = value.get_object().get(object)) return Fail(BadJson(error));
    Places places;
    for (auto field : object) {
      std::string_view name;
      if (auto error = field.unescaped_key().get(name)) return Fail(BadJson(error));
      JsonValue* const value_of = Slot(name, &places, out);
      ondemand::value inner;
      if (auto error = field.value().get(inner)) return Fail(BadJson(error));
      if (elements != nullptr &&
          std::ranges::find(elements->members, name) != elements->members.end()) {
        TM_TRY(TellElements(inner, std::string(name), *elements, value_of));
      } else {
        TM_TRY(Build(inner, depth + 1, value_of));
      }
    }
    return {};
  }

  // An array's objects; what else there is in it is built.
  static Status TellElements(ondemand::value value, const std::string& member,
                             const JsonElements& elements, JsonValue* out) {
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return Fail(BadJson(error));
    if (type != ondemand::json_type::array) return Build(value, 2, out);
    out->kind_ = JsonValue::Kind::kArray;
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return Fail(BadJson(error));
    elements.begin(member);
    for (auto item : array) {
      ondemand::value inner;
      if (auto error = item.get(inner)) return Fail(BadJson(error));
      if (auto error = inner.type().get(type)) return Fail(BadJson(error));
      if (type != ondemand::json_type::object) {
        TM_TRY(Build(inner, 3, &out->items_.emplace_back()));
        continue;
      }
      ondemand::object object;
      std::string_view text;
      if (auto error = inner.get_object().get(object)) return Fail(BadJson(error));
      if (auto error = object.raw_json().get(text)) return Fail(BadJson(error));
      TM_TRY(elements.take(member, TrimmedToken(text)));
    }
    return {};
  }

  // Where the value of `name` goes: of repeated names the last counts. `many` has the places of
  // the members of an object with more than a few, else looking for each would take too long.
  static JsonValue* Slot(std::string_view name, Places* many, JsonValue* out) {
    std::vector<JsonValue::Member>& members = out->members_;
    if (members.size() < kMembersFew) {
      for (auto& [known, value] : members) {
        if (known == name) return &(value = JsonValue());
      }
      if (members.empty()) members.reserve(kMembersReserved);
    } else {
      for (std::size_t i = many->size(); i < members.size(); ++i) {
        many->emplace(members[i].first, i);
      }
      const auto [place, is_new] = many->emplace(name, members.size());
      if (!is_new) return &(members[place->second].second = JsonValue());
    }
    return &members
                .emplace_back(std::piecewise_construct, std::forward_as_tuple(name),
                              std::forward_as_tuple())
                .second;
  }

  static Status BuildArray(ondemand::value value, std::size_t depth, JsonValue* out) {
    out->kind_ = JsonValue::Kind::kArray;
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return Fail(BadJson(error));
    for (auto item : array) {
      ondemand::value inner;
      if (auto error = item.get(inner)) return Fail(BadJson(error));
      TM_TRY(Build(inner, depth + 1, &out->items_.emplace_back()));
    }
    return {};
  }
};

namespace {

Result<JsonValue> ParseWith(std::string_view text, const JsonElements* elements) {
  const simdjson::padded_string padded(text);
  ondemand::parser parser;
  ondemand::document document;
  if (auto error = parser.iterate(padded).get(document)) return Fail(BadJson(error));
  JsonValue value;
  bool scalar = false;
  if (auto error = document.is_scalar().get(scalar)) return Fail(BadJson(error));
  if (scalar) {
    TM_TRY(JsonTreeBuilder::BuildScalarDocument(&document, &value));
  } else {
    ondemand::value root;
    if (auto error = document.get_value().get(root)) return Fail(BadJson(error));
    TM_TRY(elements != nullptr ? JsonTreeBuilder::BuildRoot(root, *elements, &value)
                               : JsonTreeBuilder::Build(root, 1, &value));
  }
  // A cursor that is past the last token has no location.
  if (!document.current_location().error())
    return Fail(Code::kInvalidArgument, "not valid JSON: text after its end");
  return value;
}

}  // namespace

Result<JsonValue> JsonValue::Parse(std::string_view text) { return ParseWith(text, nullptr); }

Result<JsonValue> ParseJsonElements(std::string_view text, const JsonElements& elements) {
  return ParseWith(text, &elements);
}

std::optional<bool> JsonValue::Bool() const {
  return kind_ == Kind::kBool ? std::optional(bool_) : std::nullopt;
}

std::optional<std::int64_t> JsonValue::Int() const {
  if (kind_ != Kind::kNumber) return std::nullopt;
  std::int64_t number = 0;
  const auto read = std::from_chars(text_.data(), text_.data() + text_.size(), number);
  if (read.ec != std::errc() || read.ptr != text_.data() + text_.size()) return std::nullopt;
  return number;
}

std::optional<double> JsonValue::Double() const {
  if (kind_ != Kind::kNumber) return std::nullopt;
  double number = 0;
  const auto read = std::from_chars(text_.data(), text_.data() + text_.size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  return number;
}

const JsonValue* JsonValue::Find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

JsonValue* JsonValue::Find(std::string_view name) {
  for (Member& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

JsonValue JsonValue::Flag(bool value) {
  JsonValue flag(Kind::kBool);
  flag.bool_ = value;
  return flag;
}

JsonValue JsonValue::Number(std::int64_t value) {
  JsonValue number(Kind::kNumber);
  number.text_ = std::to_string(value);
  return number;
}

JsonValue JsonValue::String(std::string_view text) {
  JsonValue string(Kind::kString);
  string.text_ = text;
  return string;
}

JsonValue& JsonValue::Set(std::string_view name, JsonValue value) {
  TM_CHECK(is_object());
  if (JsonValue* member = Find(name)) {
    *member = std::move(value);
  } else {
    members_.emplace_back(std::string(name), std::move(value));
  }
  return *this;
}

bool JsonValue::Remove(std::string_view name) {
  return std::erase_if(members_, [&](const Member& member) { return member.first == name; }) > 0;
}

bool JsonValue::SetAll(const std::vector<Member>& members) {
  TM_CHECK(is_object());
  const bool few = members.size() < kMembersFew;
  std::map<std::string_view, JsonValue*> known;
  for (auto at = members_.begin(); !few && at != members_.end(); ++at) {
    known.emplace(at->first, &at->second);
  }
  const auto find = [&](std::string_view name) {
    if (few) return Find(name);
    const auto found = known.find(name);
    return found == known.end() ? nullptr : found->second;
  };
  bool changed = false;
  std::vector<const Member*> added;  // Last, when no place of a known one is needed any more.
  for (const Member& member : members) {
    JsonValue* const have = find(member.first);
    if (have != nullptr && *have == member.second) continue;
    changed = true;
    have != nullptr ? void(*have = member.second) : added.push_back(&member);
  }
  for (const Member* member : added) members_.push_back(*member);
  return changed;
}

bool JsonValue::RemoveAll(const std::set<std::string_view>& names) {
  return std::erase_if(members_,
                       [&](const Member& member) { return names.contains(member.first); }) > 0;
}

JsonValue& JsonValue::Append(JsonValue value) {
  TM_CHECK(is_array());
  items_.push_back(std::move(value));
  return *this;
}

bool operator==(const JsonValue& a, const JsonValue& b) {
  if (a.kind_ != b.kind_ || a.bool_ != b.bool_ || a.text_ != b.text_ || a.items_ != b.items_ ||
      a.members_.size() != b.members_.size()) {
    return false;
  }
  return std::all_of(a.members_.begin(), a.members_.end(), [&b](const JsonValue::Member& member) {
    const JsonValue* other = b.Find(member.first);
    return other != nullptr && member.second == *other;
  });
}

Result<std::int64_t> JsonValue::IntAt(std::string_view name) const {
  const JsonValue* value = Find(name);
  if (value != nullptr) {
    if (const auto number = value->Int()) return *number;
  }
  return Fail(Code::kInvalidArgument, std::string(name) + " must be an integer");
}

Result<std::string> JsonValue::StringAt(std::string_view name) const {
  const JsonValue* value = Find(name);
  if (value != nullptr && value->is_string()) return value->text();
  return Fail(Code::kInvalidArgument, std::string(name) + " must be a string");
}

void JsonValue::AppendTo(std::string* out) const {
  switch (kind_) {
    case Kind::kNull:
      out->append("null");
      return;
    case Kind::kBool:
      out->append(bool_ ? "true" : "false");
      return;
    case Kind::kNumber:
      out->append(text_);
      return;
    case Kind::kString:
      AppendJsonString(out, text_);
      return;
    case Kind::kArray: {
      out->push_back('[');
      for (std::size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) out->push_back(',');
        items_[i].AppendTo(out);
      }
      out->push_back(']');
      return;
    }
    case Kind::kObject: {
      out->push_back('{');
      for (std::size_t i = 0; i < members_.size(); ++i) {
        if (i > 0) out->push_back(',');
        AppendJsonString(out, members_[i].first);
        out->push_back(':');
        members_[i].second.AppendTo(out);
      }
      out->push_back('}');
      return;
    }
  }
}

std::string JsonValue::ToJson() const {
  std::string out;
  AppendTo(&out);
  return out;
}

}  // namespace tidemark
