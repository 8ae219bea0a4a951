// The judgement of one instance by a program: an interpreter over both lists of nodes.

#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.h"
#include "schema/program.h"
#include "schema/validator.h"

namespace tidemark::schema {
namespace {

using Position = std::uint32_t;  // Of an instance node.

// From the whole to the value being judged, innermost first.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;
  std::uint32_t index = 0;
  bool is_item = false;
};

void AppendPath(const Path* path, std::string* out) {
  if (path == nullptr || path->parent == nullptr) return;
  AppendPath(path->parent, out);
  out->push_back('/');
  if (path->is_item) {
    *out += std::to_string(path->index);
    return;
  }
  for (const char c : path->key) {
    if (c == '~' || c == '/') {
      *out += c == '~' ? "~0" : "~1";
    } else {
      out->push_back(c);
    }
  }
}

// Which members or items of one value some subschema has looked at.
class Seen {
 public:
  void SeeAll() { all_ = true; }
  void See(std::uint32_t index) {
    if (index / 64 >= bits_.size()) bits_.resize(index / 64 + 1);
    bits_[index / 64] |= 1ULL << (index % 64);
  }
  bool Has(std::uint32_t index) const {
    return all_ || (index / 64 < bits_.size() && (bits_[index / 64] >> (index % 64) & 1U) != 0);
  }
  void Add(const Seen& other) {
    all_ |= other.all_;
    if (other.bits_.size() > bits_.size()) bits_.resize(other.bits_.size());
    for (std::size_t i = 0; i < other.bits_.size(); ++i) bits_[i] |= other.bits_[i];
  }

 private:
  bool all_ = false;
  std::vector<std::uint64_t> bits_;
};

std::uint64_t CountCharacters(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string_view TypeName(const InstanceNode& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kFalse:
    case Kind::kTrue:
      return "a boolean";
    case Kind::kNumber:
      return "a number";
    case Kind::kString:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      break;
  }
  return "an object";
}

std::string TypeNames(std::uint8_t types) {
  constexpr std::pair<std::uint8_t, std::string_view> kNames[] = {
      {kNullBit, "null"},       {kBooleanBit, "boolean"}, {kNumberBit, "number"},
      {kIntegerBit, "integer"}, {kStringBit, "string"},   {kArrayBit, "array"},
      {kObjectBit, "object"}};
  std::string names;
  for (const auto& [bit, name] : kNames) {
    if ((types & bit) == 0) continue;
    if (!names.empty()) names += " or ";
    names += name;
  }
  return names;
}

std::string Quoted(std::string_view name) { return "`" + std::string(name) + "`"; }

// The words that can be broken, by number from 1.
constexpr std::array<std::string_view, 29> kKeywords = {"false",
                                                        "type",
                                                        "enum",
                                                        "const",
                                                        "minimum",
                                                        "maximum",
                                                        "exclusiveMinimum",
                                                        "exclusiveMaximum",
                                                        "multipleOf",
                                                        "minLength",
                                                        "maxLength",
                                                        "pattern",
                                                        "uniqueItems",
                                                        "minItems",
                                                        "maxItems",
                                                        "contains",
                                                        "minContains",
                                                        "maxContains",
                                                        "minProperties",
                                                        "maxProperties",
                                                        "additionalProperties",
                                                        "propertyNames",
                                                        "required",
                                                        "dependentRequired",
                                                        "not",
                                                        "anyOf",
                                                        "oneOf",
                                                        "unevaluatedItems",
                                                        "unevaluatedProperties"};

std::uint8_t KeywordNumber(std::string_view keyword) {
  const auto* found = std::ranges::find(kKeywords, keyword);
  return static_cast<std::uint8_t>(found - kKeywords.begin() + 1);
}

// Which of the names that must be there are.
struct Required {
  static constexpr std::size_t kBits = 64;  // Those after them are only counted.

  void See(std::size_t place) {
    ++count;
    if (place < kBits) bits |= 1ULL << place;
  }
  bool Has(std::size_t place) const { return (bits >> place & 1U) != 0; }

  std::uint32_t count = 0;
  std::uint64_t bits = 0;
};

class Judge {
 public:
  Judge(const Program& program, const std::vector<InstanceNode>& nodes,
        std::vector<Finding>* findings, std::size_t findings_max, std::uint64_t steps_max)
      : program_(program),
        nodes_(nodes),
        findings_(findings),
        findings_max_(findings_max),
        steps_max_(steps_max) {}

  Judgement Run() {
    const Path root;
    const bool valid = Visit(0, 0, root, nullptr, true);
    if (exhausted_) return Judgement::kUndecided;
    return valid ? Judgement::kValid : Judgement::kInvalid;
  }

  const BrokenRule& broken() const { return broken_; }
  std::uint64_t spent() const { return spent_; }

 private:
  struct Scope {
    Judge* judge;
    bool pushed;
    ~Scope() {
      --judge->nesting_;
      if (pushed) --judge->resource_count_;
    }
  };

  bool Spend(std::size_t steps) {
    spent_ += steps;
    if (spent_ > steps_max_) exhausted_ = true;
    return !exhausted_;
  }

  // Notes what is wrong; false. `tell`: the caller wants to know, and not only whether.
  template <class Say>
  bool Find(const Node& node, std::string_view keyword, const Path& path, bool tell,
            const Say& say) {
    if (!tell || exhausted_) return false;
    if (broken_.keyword == 0) {
      broken_.subschema = static_cast<std::uint32_t>(&node - program_.nodes.data());
      broken_.keyword = KeywordNumber(keyword);
    }
    if (findings_ == nullptr || findings_->size() >= findings_max_) return false;
    Finding& finding = findings_->emplace_back();
    AppendPath(&path, &finding.instance_path);
    finding.keyword = keyword;
    finding.schema_path = node.location + "/" + std::string(keyword);
    finding.message = say();
    return false;
  }
  // Whether the rest of what is wrong is of no interest.
  bool Enough(bool tell) const {
    if (exhausted_ || !tell) return true;
    return findings_ == nullptr ? broken_.keyword != 0 : findings_->size() >= findings_max_;
  }

  bool Visit(NodeIndex index, Position at, const Path& path, Seen* seen, bool tell) {
    const Node& node = program_.nodes[index];
    if (!Spend(1)) return false;
    if (++nesting_ > kNestingMax) exhausted_ = true;
    if (exhausted_) {
      --nesting_;
      return false;
    }
    const bool enters = resource_count_ == 0 || resources_[resource_count_ - 1] != node.resource;
    if (enters) resources_[resource_count_++] = node.resource;
    const Scope scope{this, enters};
    if (node.never) {
      return Find(node, "false", path, tell, [] { return "is not allowed here"; });
    }
    const bool tracks = (node.array && node.array->unevaluated != kNoNode) ||
                        (node.object && node.object->unevaluated != kNoNode);
    if (!tracks) return VisitWords(node, at, path, seen, tell);
    Seen own;
    bool good = VisitWords(node, at, path, &own, tell);
    if (!good && Enough(tell)) return false;
    good &= VisitUnevaluated(node, at, path, &own, tell);
    if (good && seen != nullptr) seen->Add(own);
    return good;
  }

  bool VisitWords(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    const InstanceNode& value = nodes_[at];
    bool good = CheckType(node, value, path, tell);
    if (!good && Enough(tell)) return false;
    if (node.choices) good &= CheckChoices(node, *node.choices, at, path, tell);
    if (node.const_value) good &= CheckChoices(node, *node.const_value, at, path, tell);
    if (!good && Enough(tell)) return false;
    if (value.kind == Kind::kNumber && node.number) good &= CheckNumber(node, value, path, tell);
    if (value.kind == Kind::kString && node.string) good &= CheckString(node, value, path, tell);
    if (value.kind == Kind::kArray && node.array) good &= CheckArray(node, at, path, seen, tell);
    if (value.kind == Kind::kObject && node.object) {
      good &= CheckObject(node, at, path, seen, tell);
    }
    if (!good && Enough(tell)) return false;
    if (node.HasApplicators()) good &= CheckApplicators(node, at, path, seen, tell);
    return good;
  }

  bool CheckType(const Node& node, const InstanceNode& value, const Path& path, bool tell) {
    if (node.types == 0) return true;
    std::uint8_t bit = 0;
    switch (value.kind) {
      case Kind::kNull:
        bit = kNullBit;
        break;
      case Kind::kFalse:
      case Kind::kTrue:
        bit = kBooleanBit;
        break;
      case Kind::kNumber:
        bit = kNumberBit;
        if ((node.types & (kNumberBit | kIntegerBit)) == kIntegerBit &&
            Number(value.text).IsInteger()) {
          bit = kIntegerBit;
        }
        break;
      case Kind::kString:
        bit = kStringBit;
        break;
      case Kind::kArray:
        bit = kArrayBit;
        break;
      case Kind::kObject:
        bit = kObjectBit;
        break;
    }
    if ((node.types & bit) != 0) return true;
    return Find(node, "type", path, tell, [&] {
      return "must be of type " + TypeNames(node.types) + ", and is " +
             std::string(TypeName(value));
    });
  }

  bool CheckChoices(const Node& node, const Choices& choices, Position at, const Path& path,
                    bool tell) {
    const InstanceNode& value = nodes_[at];
    bool found = false;
    if (value.kind == Kind::kString) {
      found = choices.strings.Find(value.text, HashName(value.text)) != nullptr;
    } else {
      for (const JsonValue& choice : choices.values) {
        if (found || !Spend(1)) break;
        found = Equal(at, choice);
      }
    }
    if (found) return true;
    return Find(node, choices.is_const ? "const" : "enum", path, tell, [&]() -> std::string {
      if (choices.is_const) return "must be the one value that is allowed";
      return "must be one of the " + std::to_string(choices.values.size()) +
             " values that are allowed";
    });
  }

  bool Equal(Position at, const JsonValue& other) {
    const InstanceNode& value = nodes_[at];
    if (!Spend(1)) return false;
    switch (value.kind) {
      case Kind::kNull:
        return other.is_null();
      case Kind::kFalse:
        return other.Bool() == false;
      case Kind::kTrue:
        return other.Bool() == true;
      case Kind::kNumber:
        return other.is_number() && Number(value.text) == Number(other.text());
      case Kind::kString:
        return other.is_string() && value.text == other.text();
      case Kind::kArray: {
        if (!other.is_array() || other.items().size() != value.count) return false;
        Position item = at + 1;
        for (const JsonValue& one : other.items()) {
          if (!Equal(item, one)) return false;
          item = nodes_[item].next;
        }
        return true;
      }
      case Kind::kObject:
        break;
    }
    if (!other.is_object() || other.members().size() != value.count) return false;
    for (Position member = at + 1; member < value.next; member = nodes_[member].next) {
      const JsonValue* same = other.Find(nodes_[member].key);
      if (same == nullptr || !Equal(member, *same)) return false;
    }
    return true;
  }

  bool Equal(Position a, Position b) {
    const InstanceNode& one = nodes_[a];
    const InstanceNode& two = nodes_[b];
    if (!Spend(1) || one.kind != two.kind || one.count != two.count) return false;
    if (one.kind == Kind::kNumber) return Number(one.text) == Number(two.text);
    if (one.kind == Kind::kString) return one.text == two.text;
    Position item = b + 1;
    for (Position member = a + 1; member < one.next; member = nodes_[member].next) {
      if (one.kind == Kind::kArray) {
        if (!Equal(member, item)) return false;
        item = nodes_[item].next;
        continue;
      }
      Position same = b + 1;
      while (same < two.next && nodes_[same].key != nodes_[member].key) {
        if (!Spend(1)) return false;
        same = nodes_[same].next;
      }
      if (same >= two.next || !Equal(member, same)) return false;
    }
    return true;
  }

  // The same for equal values.
  std::uint64_t HashOf(Position at) {
    const InstanceNode& value = nodes_[at];
    std::uint64_t hash = static_cast<std::uint64_t>(value.kind) * 0x9E3779B97F4A7C15ULL;
    if (!Spend(1)) return hash;
    if (value.kind == Kind::kNumber) return hash ^ Number(value.text).Hash();
    if (value.kind == Kind::kString) return hash ^ Hash64(value.text);
    for (Position member = at + 1; member < value.next; member = nodes_[member].next) {
      const std::uint64_t inner = HashOf(member);
      if (value.kind == Kind::kArray) {
        hash = (hash ^ inner) * 0xBF58476D1CE4E5B9ULL + 1;
      } else {
        hash += (Hash64(nodes_[member].key) ^ inner) * 0xBF58476D1CE4E5B9ULL;
      }
    }
    return hash;
  }

  bool CheckNumber(const Node& node, const InstanceNode& value, const Path& path, bool tell) {
    const NumberRules& rules = *node.number;
    const Number number(value.text);
    const auto fail = [&](std::string_view keyword, std::string_view must) {
      return Find(node, keyword, path, tell, [&] { return "must be " + std::string(must); });
    };
    if (rules.minimum && number < *rules.minimum) {
      return fail("minimum", "at least the minimum");
    }
    if (rules.maximum && number > *rules.maximum) {
      return fail("maximum", "at most the maximum");
    }
    if (rules.exclusive_minimum && number <= *rules.exclusive_minimum) {
      return fail("exclusiveMinimum", "greater than the exclusive minimum");
    }
    if (rules.exclusive_maximum && number >= *rules.exclusive_maximum) {
      return fail("exclusiveMaximum", "less than the exclusive maximum");
    }
    if (rules.multiple_of && !number.IsMultipleOf(*rules.multiple_of)) {
      return fail("multipleOf", "a multiple of what is given");
    }
    return true;
  }

  bool CheckString(const Node& node, const InstanceNode& value, const Path& path, bool tell) {
    const StringRules& rules = *node.string;
    if (rules.length_min > 0 || rules.length_max < value.text.size()) {
      const std::uint64_t length = CountCharacters(value.text);
      if (length < rules.length_min) {
        return Find(node, "minLength", path, tell, [&] {
          return "must have at least " + std::to_string(rules.length_min) + " characters";
        });
      }
      if (length > rules.length_max) {
        return Find(node, "maxLength", path, tell, [&] {
          return "must have at most " + std::to_string(rules.length_max) + " characters";
        });
      }
    }
    if (!rules.pattern || Matches(*rules.pattern, value.text)) return true;
    return Find(node, "pattern", path, tell, [&] {
      return "must match the pattern " + program_.patterns[*rules.pattern].source();
    });
  }

  bool Matches(std::uint32_t pattern, std::string_view text) {
    return Spend(1 + text.size() / 64) && program_.patterns[pattern].Matches(text);
  }

  bool CheckArray(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    const ArrayRules& rules = *node.array;
    const InstanceNode& value = nodes_[at];
    bool good = CheckItemCount(node, value, path, tell);
    if (good && rules.unique && !IsUnique(at)) {
      good = Find(node, "uniqueItems", path, tell, [] { return "must not repeat an item"; });
    }
    if (!good && Enough(tell)) return false;
    if (!rules.prefix.empty() || rules.items != kNoNode) {
      std::uint32_t index = 0;
      for (Position item = at + 1; item < value.next; item = nodes_[item].next, ++index) {
        const NodeIndex by = index < rules.prefix.size() ? rules.prefix[index] : rules.items;
        if (by == kNoNode) break;
        const Path inner{&path, {}, index, true};
        good &= Visit(by, item, inner, nullptr, tell);
        if (!good && Enough(tell)) return false;
        if (seen != nullptr) seen->See(index);
      }
    }
    return rules.contains == kNoNode ? good : good & CheckContains(node, at, path, seen, tell);
  }

  bool CheckItemCount(const Node& node, const InstanceNode& value, const Path& path, bool tell) {
    const ArrayRules& rules = *node.array;
    if (value.count < rules.items_min) {
      return Find(node, "minItems", path, tell, [&] {
        return "must have at least " + std::to_string(rules.items_min) + " items";
      });
    }
    if (value.count > rules.items_max) {
      return Find(node, "maxItems", path, tell, [&] {
        return "must have at most " + std::to_string(rules.items_max) + " items";
      });
    }
    return true;
  }

  bool IsUnique(Position at) {
    std::vector<std::pair<std::uint64_t, Position>> hashes;
    for (Position item = at + 1; item < nodes_[at].next; item = nodes_[item].next) {
      hashes.emplace_back(HashOf(item), item);
    }
    std::sort(hashes.begin(), hashes.end());
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      for (std::size_t j = i + 1; j < hashes.size() && hashes[i].first == hashes[j].first; ++j) {
        if (Equal(hashes[i].second, hashes[j].second)) return false;
        if (exhausted_) return false;
      }
    }
    return true;
  }

  bool CheckContains(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    const ArrayRules& rules = *node.array;
    std::uint64_t found = 0;
    std::uint32_t index = 0;
    for (Position item = at + 1; item < nodes_[at].next; item = nodes_[item].next, ++index) {
      const Path inner{&path, {}, index, true};
      if (!Visit(rules.contains, item, inner, nullptr, false)) continue;
      ++found;
      if (seen != nullptr) seen->See(index);
    }
    if (found < rules.contains_min) {
      return Find(node, rules.contains_min == 1 ? "contains" : "minContains", path, tell, [&] {
        return "must contain at least " + std::to_string(rules.contains_min) +
               " items of the wanted kind";
      });
    }
    if (found > rules.contains_max) {
      return Find(node, "maxContains", path, tell, [&] {
        return "must contain at most " + std::to_string(rules.contains_max) +
               " items of the wanted kind";
      });
    }
    return true;
  }

  bool CheckObject(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    const ObjectRules& rules = *node.object;
    bool good = CheckMemberCount(node, nodes_[at], path, tell);
    if (!good && Enough(tell)) return false;
    Required required;
    std::uint32_t index = 0;
    for (Position member = at + 1; member < nodes_[at].next; ++index) {
      good &= CheckMember(node, member, {&path, nodes_[member].key, index, false}, seen, &required,
                          tell);
      if (!good && Enough(tell)) return false;
      member = nodes_[member].next;
    }
    if (required.count < rules.required_count) good = FindMissing(node, at, path, required, tell);
    if (!good && Enough(tell)) return false;
    return good & CheckDependencies(node, at, path, seen, tell);
  }

  bool CheckMemberCount(const Node& node, const InstanceNode& value, const Path& path, bool tell) {
    const ObjectRules& rules = *node.object;
    if (value.count < rules.members_min) {
      return Find(node, "minProperties", path, tell, [&] {
        return "must have at least " + std::to_string(rules.members_min) + " members";
      });
    }
    if (value.count > rules.members_max) {
      return Find(node, "maxProperties", path, tell, [&] {
        return "must have at most " + std::to_string(rules.members_max) + " members";
      });
    }
    return true;
  }

  bool CheckMember(const Node& node, Position member, const Path& path, Seen* seen,
                   Required* required, bool tell) {
    const ObjectRules& rules = *node.object;
    const std::string_view key = nodes_[member].key;
    bool good = true;
    bool known = false;
    const ObjectRules::Name* name = rules.table.Find(key, nodes_[member].key_hash);
    if (name != nullptr) {
      if (name->required) required->See(name->place);
      if (name->node != kNoNode) {
        known = true;
        good = Visit(name->node, member, path, nullptr, tell);
      }
    }
    for (const auto& [pattern, schema] : rules.patterns) {
      if (!Matches(pattern, key)) continue;
      known = true;
      good &= Visit(schema, member, path, nullptr, tell);
    }
    if (!known && rules.additional != kNoNode) {
      known = true;
      if (program_.nodes[rules.additional].never) {
        good = Find(node, "additionalProperties", path, tell,
                    [&] { return "is a property that the schema does not know"; });
      } else {
        good = Visit(rules.additional, member, path, nullptr, tell);
      }
    }
    if (known && seen != nullptr) seen->See(path.index);
    if (rules.property_names != kNoNode && !exhausted_) {
      good &= CheckName(node, key, path, tell);
    }
    return good;
  }

  // The name itself, as a string.
  bool CheckName(const Node& node, std::string_view key, const Path& path, bool tell) {
    InstanceNode name;
    name.kind = Kind::kString;
    name.text = key;
    name.next = 1;
    const std::vector<InstanceNode> nodes = {name};
    Judge judge(program_, nodes, nullptr, 0, steps_max_);
    judge.spent_ = spent_;  // It looks without telling.
    judge.nesting_ = nesting_;
    judge.resource_count_ = resource_count_;
    std::copy_n(resources_.begin(), resource_count_, judge.resources_.begin());
    const bool good = judge.Visit(node.object->property_names, 0, path, nullptr, false);
    spent_ = judge.spent_;
    exhausted_ |= judge.exhausted_;
    if (good) return true;
    return Find(node, "propertyNames", path, tell, [] { return "has a name that is not allowed"; });
  }

  bool Has(Position object, std::string_view key) const {
    for (Position member = object + 1; member < nodes_[object].next; member = nodes_[member].next) {
      if (nodes_[member].key == key) return true;
    }
    return false;
  }

  bool FindMissing(const Node& node, Position at, const Path& path, const Required& seen,
                   bool tell) {
    if (Enough(tell)) return false;
    const std::vector<std::string>& required = node.object->required;
    for (std::size_t i = 0; i < required.size(); ++i) {
      if (i < Required::kBits ? seen.Has(i) : Has(at, required[i])) continue;
      const bool first = broken_.keyword == 0;
      const Path inner{&path, required[i], 0, false};
      Find(node, "required", inner, tell, [] { return "is missing"; });
      if (first) broken_.detail = static_cast<std::uint16_t>(std::min<std::size_t>(i, 0xFFFF));
      if (Enough(tell)) break;
    }
    return false;
  }

  bool CheckDependencies(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    const ObjectRules& rules = *node.object;
    bool good = true;
    for (const auto& [name, needed] : rules.dependent_required) {
      if (!Spend(1 + nodes_[at].count / 8) || !Has(at, name)) continue;
      for (const std::string& need : needed) {
        if (!Spend(1 + nodes_[at].count / 8)) return false;
        if (Has(at, need)) continue;
        const Path inner{&path, need, 0, false};
        good = Find(node, "dependentRequired", inner, tell,
                    [&] { return "is missing: it must be where " + Quoted(name) + " is"; });
        if (Enough(tell)) return false;
      }
    }
    for (const auto& [name, schema] : rules.dependent_schemas) {
      if (!Spend(1 + nodes_[at].count / 8) || !Has(at, name)) continue;
      good &= VisitInPlace(schema, at, path, seen, tell);
      if (!good && Enough(tell)) return false;
    }
    return good;
  }

  // A subschema of the same value: what it has seen counts if it holds.
  bool VisitInPlace(NodeIndex index, Position at, const Path& path, Seen* seen, bool tell) {
    if (seen == nullptr) return Visit(index, at, path, nullptr, tell);
    Seen inner;
    if (!Visit(index, at, path, &inner, tell)) return false;
    seen->Add(inner);
    return true;
  }

  bool CheckApplicators(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    bool good = true;
    if (node.ref != kNoNode) good &= VisitInPlace(node.ref, at, path, seen, tell);
    if (node.dynamic_ref != kNoNode) {
      good &= VisitInPlace(FindDynamic(node), at, path, seen, tell);
    }
    for (const NodeIndex one : node.all_of) {
      if (!good && Enough(tell)) return false;
      good &= VisitInPlace(one, at, path, seen, tell);
    }
    if (!good && Enough(tell)) return false;
    if (!node.any_of.empty()) good &= CheckAnyOf(node, at, path, seen, tell);
    if (!node.one_of.empty()) good &= CheckOneOf(node, at, path, seen, tell);
    if (node.not_one != kNoNode && Visit(node.not_one, at, path, nullptr, false)) {
      good = Find(node, "not", path, tell, [] { return "must not be as the schema under `not`"; });
    }
    if (!good && Enough(tell)) return false;
    if (node.if_node == kNoNode) return good;
    const bool holds = VisitInPlace(node.if_node, at, path, seen, false);
    const NodeIndex branch = holds ? node.then_node : node.else_node;
    if (branch != kNoNode) good &= VisitInPlace(branch, at, path, seen, tell);
    return good;
  }

  bool CheckAnyOf(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    bool any = false;
    for (const NodeIndex one : node.any_of) {
      any |= VisitInPlace(one, at, path, seen, false);
      if (any && seen == nullptr) return true;
    }
    if (any) return true;
    return Find(node, "anyOf", path, tell, [&] {
      return "fits none of the " + std::to_string(node.any_of.size()) + " schemas under `anyOf`";
    });
  }

  bool CheckOneOf(const Node& node, Position at, const Path& path, Seen* seen, bool tell) {
    std::size_t count = 0;
    for (const NodeIndex one : node.one_of) {
      count += VisitInPlace(one, at, path, seen, false) ? 1U : 0U;
      if (count > 1) break;
    }
    if (count == 1) return true;
    return Find(node, "oneOf", path, tell, [&] {
      return (count == 0 ? "fits none of the " : "fits more than one of the ") +
             std::to_string(node.one_of.size()) + " schemas under `oneOf`";
    });
  }

  // The outermost resource on the way here that has the anchor.
  NodeIndex FindDynamic(const Node& node) const {
    if (node.dynamic_name.empty()) return node.dynamic_ref;
    for (std::size_t i = 0; i < resource_count_; ++i) {
      const auto& anchors = program_.dynamic_anchors[resources_[i]];
      const auto found = anchors.find(node.dynamic_name);
      if (found != anchors.end()) return found->second;
    }
    return node.dynamic_ref;
  }

  bool VisitUnevaluated(const Node& node, Position at, const Path& path, Seen* own, bool tell) {
    const Kind kind = nodes_[at].kind;
    NodeIndex by = kNoNode;
    if (kind == Kind::kArray && node.array) by = node.array->unevaluated;
    if (kind == Kind::kObject && node.object) by = node.object->unevaluated;
    if (by == kNoNode) return true;
    bool good = true;
    std::uint32_t index = 0;
    for (Position member = at + 1; member < nodes_[at].next; member = nodes_[member].next) {
      const Path inner{&path, nodes_[member].key, index, kind == Kind::kArray};
      if (own->Has(index++)) continue;
      if (program_.nodes[by].never) {
        good = Find(node, kind == Kind::kArray ? "unevaluatedItems" : "unevaluatedProperties",
                    inner, tell, [] { return "is something that the schema does not know"; });
      } else {
        good &= Visit(by, member, inner, nullptr, tell);
      }
      if (!good && Enough(tell)) return false;
    }
    own->SeeAll();
    return good;
  }

  const Program& program_;
  const std::vector<InstanceNode>& nodes_;
  std::vector<Finding>* const findings_;
  const std::size_t findings_max_;
  const std::uint64_t steps_max_;
  // Entered on the way here, outermost first; no more than there are levels. Not filled at first.
  std::array<std::uint32_t, kNestingMax + 1> resources_;
  std::size_t resource_count_ = 0;
  std::uint64_t spent_ = 0;
  std::uint32_t nesting_ = 0;
  bool exhausted_ = false;
  BrokenRule broken_;
};

}  // namespace

Judgement Validator::Judge(const Instance& instance, std::vector<Finding>* findings,
                           std::size_t findings_max, Steps* steps) const {
  schema::Judge judge(*program_, instance.nodes(), findings, findings_max,
                      steps == nullptr ? kStepsMax : steps->max);
  const Judgement judgement = judge.Run();
  if (steps != nullptr) steps->taken += judge.spent();
  return judgement;
}

std::optional<Judgement> Validator::JudgeColumns(const event::EventView& event, BrokenRule* broken,
                                                 KnownShapes* known) const {
  std::uint16_t place = 0;
  const auto answer = program_->columns ? program_->columns->Ask(event, &place, known)
                                        : ColumnRules::Answer::kUnknown;
  if (answer == ColumnRules::Answer::kUnknown) return std::nullopt;
  if (answer == ColumnRules::Answer::kValid) return Judgement::kValid;
  static const std::uint8_t kRequired = KeywordNumber("required");
  *broken = {0, kRequired, place};
  return Judgement::kInvalid;
}

Judgement Validator::Judge(const Instance& instance, BrokenRule* broken, Steps* steps) const {
  schema::Judge judge(*program_, instance.nodes(), nullptr, 0,
                      steps == nullptr ? kStepsMax : steps->max);
  const Judgement judgement = judge.Run();
  *broken = judge.broken();
  if (steps != nullptr) steps->taken += judge.spent();
  return judgement;
}

std::string Validator::RuleName(const BrokenRule& broken) const {
  if (broken.keyword == 0 || broken.keyword > kKeywords.size() ||
      broken.subschema >= program_->nodes.size()) {
    return "#";
  }
  const Node& node = program_->nodes[broken.subschema];
  const std::string_view keyword = kKeywords[broken.keyword - 1U];
  std::string name = node.location + "/" + std::string(keyword);
  if (keyword == "required" && node.object && broken.detail < node.object->required.size()) {
    name += "/" + node.object->required[broken.detail];
  }
  return name;
}

}  // namespace tidemark::schema
