#include "schema/compatibility.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "schema/number.h"
#include "schema/pattern.h"

namespace tidemark::schema {
namespace {

struct ModeName {
  Compatibility mode;
  std::string_view name;
};
constexpr std::array<ModeName, 7> kModes = {{
    {Compatibility::kNone, "NONE"},
    {Compatibility::kBackward, "BACKWARD"},
    {Compatibility::kBackwardTransitive, "BACKWARD_TRANSITIVE"},
    {Compatibility::kForward, "FORWARD"},
    {Compatibility::kForwardTransitive, "FORWARD_TRANSITIVE"},
    {Compatibility::kFull, "FULL"},
    {Compatibility::kFullTransitive, "FULL_TRANSITIVE"},
}};

// Comparisons of two schemas in one run: schemas that refer to themselves come back to pairs seen.
constexpr std::size_t kPairsMax = 20'000;

bool SameJson(const JsonValue& a, const JsonValue& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_number()) return Number(a.text()) == Number(b.text());
  if (a.Bool() != b.Bool() || a.text() != b.text()) return false;
  if (a.items().size() != b.items().size() || a.members().size() != b.members().size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.items().size(); ++i) {
    if (!SameJson(a.items()[i], b.items()[i])) return false;
  }
  return std::ranges::all_of(a.members(), [&b](const JsonValue::Member& member) {
    const JsonValue* other = b.Find(member.first);
    return other != nullptr && SameJson(member.second, *other);
  });
}

bool IsFalse(const JsonValue* schema) { return schema != nullptr && schema->Bool() == false; }
bool IsOpen(const JsonValue* schema) {
  return schema == nullptr || schema->Bool() == true ||
         (schema->is_object() && schema->members().empty());
}

// Names that must be there, draft 3's booleans included.
std::set<std::string> RequiredOf(const JsonValue& schema) {
  std::set<std::string> names;
  if (const JsonValue* required = schema.Find("required")) {
    for (const JsonValue& name : required->items()) names.insert(name.text());
  }
  if (const JsonValue* properties = schema.Find("properties")) {
    for (const auto& [name, property] : properties->members()) {
      const JsonValue* flag = property.Find("required");
      if (flag != nullptr && flag->Bool() == true) names.insert(name);
    }
  }
  return names;
}

std::set<std::string> TypesOf(const JsonValue& schema) {
  std::set<std::string> types;
  const JsonValue* type = schema.Find("type");
  if (type == nullptr) return types;
  if (type->is_string()) types.insert(type->text());
  for (const JsonValue& one : type->items()) types.insert(one.text());
  return types;
}

std::string TypeOf(const JsonValue& value) {
  switch (value.kind()) {
    case JsonValue::Kind::kNull:
      return "null";
    case JsonValue::Kind::kBool:
      return "boolean";
    case JsonValue::Kind::kNumber:
      return Number(value.text()).IsInteger() ? "integer" : "number";
    case JsonValue::Kind::kString:
      return "string";
    case JsonValue::Kind::kArray:
      return "array";
    case JsonValue::Kind::kObject:
      break;
  }
  return "object";
}

class Comparison {
 public:
  Comparison(const JsonValue& reader, const JsonValue& writer)
      : reader_root_(reader), writer_root_(writer) {}

  std::vector<Break> Run() {
    Compare(reader_root_, writer_root_, "#");
    return std::move(breaks_);
  }

 private:
  void Note(const std::string& path, std::string_view rule, std::string message) {
    if (breaks_.size() < kBreaksMax) {
      breaks_.push_back({path, std::string(rule), std::move(message)});
    }
  }

  // Follows references inside the document; null if one leads elsewhere.
  static const JsonValue* Follow(const JsonValue& root, const JsonValue* schema) {
    for (int hops = 0; hops < 32; ++hops) {
      const JsonValue* ref = schema->Find("$ref");
      if (ref == nullptr || !ref->is_string()) return schema;
      if (!ref->text().starts_with('#')) return nullptr;
      schema = Walk(root, std::string_view(ref->text()).substr(1));
      if (schema == nullptr) return nullptr;
    }
    return nullptr;
  }

  static const JsonValue* Walk(const JsonValue& root, std::string_view pointer) {
    const JsonValue* at = &root;
    while (!pointer.empty() && at != nullptr) {
      if (pointer.front() != '/') return nullptr;
      pointer.remove_prefix(1);
      const std::size_t end = std::min(pointer.find('/'), pointer.size());
      const std::string token(pointer.substr(0, end));
      pointer.remove_prefix(end);
      if (at->is_array()) {
        const std::size_t index =
            token.size() < 6 ? static_cast<std::size_t>(std::atoi(token.c_str())) : 0;
        at = index < at->items().size() ? &at->items()[index] : nullptr;
      } else {
        at = at->Find(token);
      }
    }
    return at;
  }

  void Compare(const JsonValue& reader_in, const JsonValue& writer_in, const std::string& path) {
    if (breaks_.size() >= kBreaksMax || SameSchema(reader_in, writer_in)) return;
    if (!seen_.emplace(&reader_in, &writer_in).second) return;
    if (seen_.size() > kPairsMax) {
      return Note(path, "too_complex", "the schemas are too complex to be compared");
    }
    const JsonValue* reader = Follow(reader_root_, &reader_in);
    const JsonValue* writer = Follow(writer_root_, &writer_in);
    if (reader == nullptr || writer == nullptr) {
      return Note(path, "reference_changed",
                  "a reference to another document differs and cannot be compared");
    }
    if (IsOpen(reader) || IsFalse(writer)) return;
    if (IsFalse(reader)) return Note(path, "forbidden", "no value is allowed any more");
    if (writer->Bool() == true) writer = &empty_;
    CompareTypes(*reader, *writer, path);
    CompareChoices(*reader, *writer, path);
    CompareNumbers(*reader, *writer, path);
    CompareCounts(*reader, *writer, path);
    CompareObjects(*reader, *writer, path);
    CompareItems(*reader, *writer, path);
    CompareCombinations(*reader, *writer, path);
    CompareRest(*reader, *writer, path);
  }

  // Written the same, and every reference in it is to the same document.
  bool SameSchema(const JsonValue& reader, const JsonValue& writer) {
    if (same_roots_ < 0) same_roots_ = SameJson(reader_root_, writer_root_) ? 1 : 0;
    if (same_roots_ == 1 && &reader == &reader_root_) return true;
    return !HasReference(reader) && SameJson(reader, writer);
  }

  static bool HasReference(const JsonValue& schema) {
    if (schema.Find("$ref") != nullptr || schema.Find("$dynamicRef") != nullptr) return true;
    const auto has = [](const JsonValue& inner) { return HasReference(inner); };
    return std::ranges::any_of(schema.items(), has) ||
           std::ranges::any_of(schema.members(), [&has](const JsonValue::Member& member) {
             return has(member.second);
           });
  }

  void CompareTypes(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    const std::set<std::string> allowed = TypesOf(reader);
    if (allowed.empty()) return;
    const std::set<std::string> written = TypesOf(writer);
    const auto fits = [&allowed](const std::string& type) {
      return allowed.contains(type) || (type == "integer" && allowed.contains("number"));
    };
    if (const auto values = ChoicesOf(writer); written.empty() && values) {
      for (const JsonValue& value : *values) {
        if (!fits(TypeOf(value))) {
          Note(path + "/type", "type_narrowed",
               value.ToJson() + " was allowed, now only " + List(allowed));
        }
      }
      return;
    }
    if (written.empty() && !Branches(writer).empty()) return;  // They are compared one by one.
    if (written.empty()) {
      return Note(path + "/type", "type_narrowed",
                  "any type was allowed, now only " + List(allowed));
    }
    for (const std::string& type : written) {
      if (!fits(type)) {
        Note(path + "/type", "type_narrowed", type + " was allowed, now only " + List(allowed));
      }
    }
  }

  static std::string List(const std::set<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return list;
  }

  static std::optional<std::vector<JsonValue>> ChoicesOf(const JsonValue& schema) {
    if (const JsonValue* value = schema.Find("const")) return std::vector<JsonValue>{*value};
    if (const JsonValue* values = schema.Find("enum")) return values->items();
    return std::nullopt;
  }

  void CompareChoices(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    const auto allowed = ChoicesOf(reader);
    if (!allowed) return;
    const auto written = ChoicesOf(writer);
    if (!written) {
      return Note(path + "/enum", "enum_added", "any value was allowed, now only a list");
    }
    for (const JsonValue& value : *written) {
      const bool found = std::ranges::any_of(
          *allowed, [&value](const JsonValue& one) { return SameJson(one, value); });
      if (!found) {
        Note(path + "/enum", "enum_value_removed", value.ToJson() + " was allowed and is no more");
      }
    }
  }

  struct Bound {
    Number number;
    bool exclusive = false;
  };

  static std::optional<Bound> BoundOf(const JsonValue& schema, const char* word,
                                      const char* exclusive_word, bool is_minimum) {
    std::optional<Bound> bound;
    for (const bool exclusive : {false, true}) {
      const JsonValue* value = schema.Find(exclusive ? exclusive_word : word);
      if (value == nullptr || !value->is_number()) continue;
      const Number number(value->text());
      const bool tighter = !bound ||
                           (is_minimum ? number > bound->number : number < bound->number) ||
                           (exclusive && number == bound->number);
      if (tighter) bound = Bound{number, exclusive};
    }
    return bound;
  }

  void CompareNumbers(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    for (const bool is_minimum : {true, false}) {
      const char* word = is_minimum ? "minimum" : "maximum";
      const char* exclusive = is_minimum ? "exclusiveMinimum" : "exclusiveMaximum";
      const auto demanded = BoundOf(reader, word, exclusive, is_minimum);
      if (!demanded) continue;
      const auto promised = BoundOf(writer, word, exclusive, is_minimum);
      const bool good =
          promised &&
          ((is_minimum ? promised->number > demanded->number
                       : promised->number < demanded->number) ||
           (promised->number == demanded->number && (promised->exclusive || !demanded->exclusive)));
      if (!good) {
        Note(path + "/" + word, "range_narrowed",
             std::string("the ") + word + " excludes numbers that were allowed");
      }
    }
    const JsonValue* demanded = reader.Find("multipleOf");
    if (demanded == nullptr || !demanded->is_number()) return;
    const JsonValue* promised = writer.Find("multipleOf");
    const Number divisor(demanded->text());
    if (promised == nullptr || !divisor.IsDivisor() ||
        !Number(promised->text()).IsMultipleOf(divisor)) {
      Note(path + "/multipleOf", "range_narrowed", "multipleOf excludes numbers that were allowed");
    }
  }

  void CompareCounts(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    for (const char* word :
         {"minLength", "minItems", "minProperties", "maxLength", "maxItems", "maxProperties"}) {
      const JsonValue* demanded = reader.Find(word);
      if (demanded == nullptr || !demanded->is_number()) continue;
      const bool is_minimum = word[1] == 'i';
      const JsonValue* promised = writer.Find(word);
      const Number limit(demanded->text());
      if (is_minimum && limit.is_zero()) continue;
      const bool good =
          promised != nullptr && promised->is_number() &&
          (is_minimum ? Number(promised->text()) >= limit : Number(promised->text()) <= limit);
      if (!good) {
        Note(path + "/" + word, "size_narrowed",
             std::string(word) + " excludes values that were allowed");
      }
    }
  }

  void CompareObjects(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    const std::set<std::string> promised = RequiredOf(writer);
    for (const std::string& name : RequiredOf(reader)) {
      if (!promised.contains(name)) {
        Note(path + "/required", "required_added", "`" + name + "` was optional and is required");
      }
    }
    const JsonValue* allowed = reader.Find("properties");
    const JsonValue* written = writer.Find("properties");
    const JsonValue* other = writer.Find("additionalProperties");
    if (allowed != nullptr) {
      for (const auto& [name, property] : allowed->members()) {
        const JsonValue* before = written == nullptr ? nullptr : written->Find(name);
        if (before == nullptr && (IsFalse(other) || IsOpen(other))) continue;
        Compare(property, before == nullptr ? *other : *before, path + "/properties/" + name);
      }
    }
    CompareAdditional(reader, writer, path);
  }

  // Properties that the writer speaks of and the reader does not, and all others.
  void CompareAdditional(const JsonValue& reader, const JsonValue& writer,
                         const std::string& path) {
    const JsonValue* rest = reader.Find("additionalProperties");
    const JsonValue* allowed = reader.Find("properties");
    if (const JsonValue* written = writer.Find("properties")) {
      for (const auto& [name, property] : written->members()) {
        if (allowed != nullptr && allowed->Find(name) != nullptr) continue;
        if (IsOpen(rest) || IsFalse(&property) || HasPattern(reader, name)) continue;
        if (IsFalse(rest)) {
          Note(path + "/properties/" + name, "property_removed",
               "`" + name + "` was allowed and other properties are not allowed");
        } else {
          Compare(*rest, property, path + "/additionalProperties");
        }
      }
    }
    const JsonValue* other = writer.Find("additionalProperties");
    if (IsOpen(rest) || IsFalse(other)) return;
    if (IsFalse(rest)) {
      return Note(path + "/additionalProperties", "closed",
                  "other properties were allowed and are no more");
    }
    Compare(*rest, other == nullptr ? empty_ : *other, path + "/additionalProperties");
  }

  static bool HasPattern(const JsonValue& reader, const std::string& name) {
    const JsonValue* patterns = reader.Find("patternProperties");
    if (patterns == nullptr) return false;
    return std::ranges::any_of(patterns->members(), [&name](const JsonValue::Member& member) {
      const auto pattern = Pattern::Make(member.first);
      return pattern && pattern->Matches(name) && IsOpen(&member.second);
    });
  }

  void CompareItems(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    const JsonValue* allowed = reader.Find("items");
    const JsonValue* written = writer.Find("items");
    const bool lists = (allowed != nullptr && allowed->is_array()) ||
                       (written != nullptr && written->is_array()) ||
                       reader.Find("prefixItems") != nullptr ||
                       writer.Find("prefixItems") != nullptr;
    if (lists) {
      for (const char* word : {"items", "prefixItems", "additionalItems"}) {
        MustBeSame(reader, writer, word, path);
      }
      return;
    }
    if (IsOpen(allowed)) return;
    Compare(*allowed, written == nullptr ? empty_ : *written, path + "/items");
  }

  // Whether `reader` takes all of `writer`, without noting why not.
  bool Takes(const JsonValue& reader, const JsonValue& writer) {
    std::vector<Break> kept = std::move(breaks_);
    breaks_.clear();
    auto seen = seen_;
    Compare(reader, writer, "");
    const bool takes = breaks_.empty();
    breaks_ = std::move(kept);
    seen_ = std::move(seen);
    return takes;
  }

  static std::vector<const JsonValue*> Branches(const JsonValue& schema) {
    std::vector<const JsonValue*> branches;
    for (const char* word : {"anyOf", "oneOf"}) {
      const JsonValue* list = schema.Find(word);
      if (list == nullptr) continue;
      for (const JsonValue& branch : list->items()) branches.push_back(&branch);
    }
    return branches;
  }

  void CompareCombinations(const JsonValue& reader, const JsonValue& writer,
                           const std::string& path) {
    if (const JsonValue* all = reader.Find("allOf")) {
      const JsonValue* written = writer.Find("allOf");
      for (std::size_t i = 0; i < all->items().size(); ++i) {
        const JsonValue& demanded = all->items()[i];
        bool good = written != nullptr &&
                    std::ranges::any_of(written->items(),
                                        [&](const JsonValue& one) { return Takes(demanded, one); });
        if (!good) Compare(demanded, writer, path + "/allOf/" + std::to_string(i));
      }
    }
    const std::vector<const JsonValue*> allowed = Branches(reader);
    std::vector<const JsonValue*> written = Branches(writer);
    if (!allowed.empty()) {
      if (written.empty()) written.push_back(&writer);
      for (const JsonValue* branch : written) {
        const bool good = std::ranges::any_of(
            allowed, [&](const JsonValue* one) { return Takes(*one, *branch); });
        if (!good) {
          Note(path + (reader.Find("anyOf") != nullptr ? "/anyOf" : "/oneOf"), "choice_removed",
               "a kind of value that was allowed fits none of the choices");
        }
      }
      return;
    }
    // The writer's own words were compared above; what they leave open its branches may say.
    if (!TypesOf(reader).empty() && TypesOf(writer).empty()) {
      for (const JsonValue* branch : written) Compare(reader, *branch, path);
    }
  }

  void MustBeSame(const JsonValue& reader, const JsonValue& writer, const char* word,
                  const std::string& path) {
    const JsonValue* demanded = reader.Find(word);
    if (demanded == nullptr || demanded->Bool() == true) return;
    if (std::string_view(word) == "uniqueItems" && demanded->Bool() == false) return;
    const JsonValue* promised = writer.Find(word);
    if (promised != nullptr && SameJson(*demanded, *promised)) return;
    Note(path + "/" + word, "cannot_compare",
         std::string("`") + word + "` is new or differs, and may exclude what was allowed");
  }

  void CompareRest(const JsonValue& reader, const JsonValue& writer, const std::string& path) {
    for (const char* word :
         {"pattern", "not", "if", "then", "else", "contains", "minContains", "maxContains",
          "propertyNames", "patternProperties", "dependencies", "dependentRequired",
          "dependentSchemas", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef"}) {
      MustBeSame(reader, writer, word, path);
    }
    const JsonValue* unique = reader.Find("uniqueItems");
    const JsonValue* was = writer.Find("uniqueItems");
    if (unique != nullptr && unique->Bool() == true && (was == nullptr || was->Bool() != true)) {
      Note(path + "/uniqueItems", "size_narrowed", "repeated items were allowed and are no more");
    }
  }

  const JsonValue& reader_root_;
  const JsonValue& writer_root_;
  const JsonValue empty_ = JsonValue::Parse("{}").value();
  int same_roots_ = -1;
  std::set<std::pair<const JsonValue*, const JsonValue*>> seen_;
  std::vector<Break> breaks_;
};

}  // namespace

std::string_view CompatibilityName(Compatibility mode) {
  return std::ranges::find(kModes, mode, &ModeName::mode)->name;
}

Result<Compatibility> FindCompatibility(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const auto* found = std::ranges::find(kModes, upper, &ModeName::name);
  if (found != kModes.end()) return found->mode;
  return Fail(Code::kInvalidArgument,
              "compatibility must be NONE, BACKWARD, FORWARD or FULL, or one of the last three "
              "with _TRANSITIVE");
}

bool IsTransitive(Compatibility mode) {
  return mode == Compatibility::kBackwardTransitive || mode == Compatibility::kForwardTransitive ||
         mode == Compatibility::kFullTransitive;
}

std::vector<Break> FindBreaks(const JsonValue& reader, const JsonValue& writer) {
  return Comparison(reader, writer).Run();
}

std::vector<Break> FindBreaks(const JsonValue& next, const JsonValue& last, Compatibility mode) {
  std::vector<Break> breaks;
  const bool backward = mode == Compatibility::kBackward ||
                        mode == Compatibility::kBackwardTransitive ||
                        mode == Compatibility::kFull || mode == Compatibility::kFullTransitive;
  const bool forward = mode == Compatibility::kForward ||
                       mode == Compatibility::kForwardTransitive || mode == Compatibility::kFull ||
                       mode == Compatibility::kFullTransitive;
  if (backward) breaks = FindBreaks(next, last);
  if (!forward) return breaks;
  for (Break& one : FindBreaks(last, next)) {
    one.message = "for readers of the last version: " + one.message;
    breaks.push_back(std::move(one));
  }
  return breaks;
}

}  // namespace tidemark::schema
