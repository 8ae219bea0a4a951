// From a schema document to a program: every subschema that can be reached, its words checked for
// their types, its references resolved.

#include <algorithm>
#include <deque>
#include <utility>

#include "base/check.h"
#include "base/json_writer.h"
#include "event/json_names.h"
#include "event/schema.h"
#include "schema/documents.h"
#include "schema/metaschemas.h"
#include "schema/program.h"
#include "schema/validator.h"

namespace tidemark::schema {
namespace {

constexpr std::size_t kFindingsTold = 3;
constexpr std::uint64_t kMetaschemaStepsMax = 5'000'000;  // A large schema is a large instance.

std::uint8_t TypeBit(std::string_view name) {
  constexpr std::pair<std::string_view, std::uint8_t> kTypes[] = {
      {"null", kNullBit},       {"boolean", kBooleanBit}, {"number", kNumberBit},
      {"integer", kIntegerBit}, {"string", kStringBit},   {"array", kArrayBit},
      {"object", kObjectBit}};
  for (const auto& [type, bit] : kTypes) {
    if (type == name) return bit;
  }
  return 0;
}

// The boolean `required` of draft 3 inside a property.
bool IsRequiredProperty(const JsonValue& schema) {
  const JsonValue* required = schema.Find("required");
  return required != nullptr && required->Bool() == true;
}

class Compiler {
 public:
  explicit Compiler(const CompileOptions& options)
      : of_events_(options.of_events), documents_(&options) {}

  Status CheckDraft(const JsonValue& schema) {
    if (!schema.is_object() && schema.kind() != JsonValue::Kind::kBool) {
      return Fail(Code::kInvalidArgument, "a schema must be an object or a boolean");
    }
    const JsonValue* named = schema.Find("$schema");
    if (named == nullptr || !named->is_string()) return {};
    const auto dialect = documents_.DialectOf(named->text());
    return dialect ? Status() : Status(Fail(dialect.error()));
  }

  Status Run(const JsonValue& schema) {
    TM_TRY(documents_.AddRoot(schema));
    root_resource_ = documents_.PlaceOf(&schema).resource;
    TM_ASSIGN(const NodeIndex root, Want(&schema));
    TM_CHECK(root == 0);
    TM_ASSIGN(program_->shape, ShapeOf(schema));
    while (true) {
      while (!queue_.empty()) {
        const auto [value, index] = queue_.front();
        queue_.pop_front();
        if (auto built = Build(*value, index); !built) {
          return Fail(std::move(built).error().With(program_->nodes[index].location));
        }
      }
      TM_TRY(WantDynamicAnchors());
      if (queue_.empty()) break;
    }
    if (of_events_) RenameColumns();
    for (Node& node : program_->nodes) {
      if (node.object) ListNames(&*node.object);
    }
    program_->columns = ColumnRules::Of(*program_);
    return CheckForLoops();
  }

  std::unique_ptr<Program> TakeProgram() { return std::move(program_); }
  std::vector<std::string> TakeNotes() { return std::move(notes_); }

 private:
  static Result<Shape> ShapeOf(const JsonValue& schema) {
    const JsonValue* named = schema.Find("x-tidemark-shape");
    if (named == nullptr) {
      const JsonValue* properties = schema.Find("properties");
      const bool nested = properties != nullptr && properties->Find("properties") != nullptr;
      return nested ? Shape::kNested : Shape::kFlat;
    }
    if (named->text() == "flat") return Shape::kFlat;
    if (named->text() == "nested") return Shape::kNested;
    if (named->text() == "columns") return Shape::kColumns;
    return Fail(Code::kInvalidArgument, "x-tidemark-shape must be flat, nested or columns");
  }

  static void ListNames(ObjectRules* rules) {
    for (const auto& [name, rule] : rules->names) {
      if (rule.required) rules->required.push_back(name);
    }
    std::ranges::sort(rules->required);
    rules->required_count = static_cast<std::uint32_t>(rules->required.size());
    for (std::uint32_t i = 0; i < rules->required_count; ++i) {
      rules->names[rules->required[i]].place = i;
    }
    rules->table = NameTable<ObjectRules::Name>(rules->names);
  }

  // Clients send columns under several names; an event has them under one.
  void RenameColumns() {
    if (!At(0).object) return;
    auto& names = At(0).object->names;
    std::vector<std::pair<std::string, std::string_view>> aliases;
    for (const auto& [name, rule] : names) {
      const event::FieldName& field = event::FindField(name);
      const bool alias =
          field.role == event::FieldRole::kColumn && event::Info(field.column).name != name;
      if (alias) aliases.emplace_back(name, event::Info(field.column).name);
    }
    for (const auto& [alias, column] : aliases) {
      const ObjectRules::Name rule = names.find(alias)->second;
      ObjectRules::Name& to = names[std::string(column)];
      if (to.node == kNoNode) to.node = rule.node;
      to.required |= rule.required;
      names.erase(alias);
    }
  }

  // The node of a subschema; it is built later.
  Result<NodeIndex> Want(const JsonValue* schema) {
    const auto found = index_of_.find(schema);
    if (found != index_of_.end()) return found->second;
    if (program_->nodes.size() >= kSchemaNodesMax) {
      return Fail(Code::kInvalidArgument, "the schema has, with all that it refers to, more than " +
                                              std::to_string(kSchemaNodesMax) + " subschemas");
    }
    const auto index = static_cast<NodeIndex>(program_->nodes.size());
    const Place& place = documents_.PlaceOf(schema);
    Node& node = program_->nodes.emplace_back();
    node.resource = place.resource;
    const std::string& uri = documents_.resource(place.resource).uri;
    node.location = (place.resource == root_resource_ ? std::string() : uri) + "#" + place.pointer;
    index_of_.emplace(schema, index);
    queue_.emplace_back(schema, index);
    return index;
  }

  Status WantInto(const JsonValue& schema, NodeIndex* out) {
    if (!schema.is_object() && schema.kind() != JsonValue::Kind::kBool) {
      return Fail(Code::kInvalidArgument, "a schema must be an object or a boolean");
    }
    TM_ASSIGN(*out, Want(&schema));
    return {};
  }

  // What a $dynamicRef may find at run time.
  Status WantDynamicAnchors() {
    auto& anchors = program_->dynamic_anchors;
    anchors.resize(documents_.resource_count());
    for (std::uint32_t i = 0; i < anchors.size(); ++i) {
      for (const auto& [name, schema] : documents_.resource(i).dynamic_anchors) {
        TM_ASSIGN(const NodeIndex index, Want(schema));
        anchors[i].emplace(name, index);
      }
    }
    return {};
  }

  Node& At(NodeIndex index) { return program_->nodes[index]; }

  Status Build(const JsonValue& schema, NodeIndex index) {
    if (!schema.is_object()) {
      At(index).never = schema.Bool() == false;
      return {};
    }
    const Dialect dialect = documents_.resource(At(index).resource).dialect;
    const bool old = dialect.draft == Draft::k7;
    TM_TRY(BuildReferences(schema, index, old));
    if (old && At(index).ref != kNoNode) return {};
    if (dialect.validation) {
      TM_TRY(BuildTypes(schema, index));
      TM_TRY(BuildNumber(schema, index));
      TM_TRY(BuildString(schema, index));
    }
    if (dialect.applicator) TM_TRY(BuildCombinations(schema, index));
    TM_TRY(BuildArray(schema, index, dialect));
    return BuildObject(schema, index, dialect);
  }

  Status BuildReferences(const JsonValue& schema, NodeIndex index, bool old) {
    const std::uint32_t resource = At(index).resource;
    const JsonValue* ref = schema.Find("$ref");
    if (ref != nullptr && ref->is_string()) {
      TM_ASSIGN(const Target target, documents_.Resolve(ref->text(), resource));
      NodeIndex to = kNoNode;
      TM_TRY(WantInto(*target.schema, &to));
      At(index).ref = to;
    }
    const JsonValue* dynamic = schema.Find("$dynamicRef");
    if (old || dynamic == nullptr || !dynamic->is_string()) return {};
    TM_ASSIGN(const Target target, documents_.Resolve(dynamic->text(), resource));
    NodeIndex to = kNoNode;
    TM_TRY(WantInto(*target.schema, &to));
    At(index).dynamic_ref = to;
    At(index).dynamic_name = target.dynamic_name;
    return {};
  }

  Status BuildTypes(const JsonValue& schema, NodeIndex index) {
    Node& node = At(index);
    if (const JsonValue* type = schema.Find("type")) {
      const JsonValue* one[] = {type};
      const std::size_t count = type->is_array() ? type->items().size() : 1;
      for (std::size_t i = 0; i < count; ++i) {
        const JsonValue& name = type->is_array() ? type->items()[i] : *one[0];
        const std::uint8_t bit = TypeBit(name.text());
        if (!name.is_string() || bit == 0) {
          return Fail(Code::kInvalidArgument, "type: no such type as " + name.ToJson());
        }
        node.types |= bit;
      }
    }
    if (const JsonValue* values = schema.Find("enum")) {
      if (!values->is_array()) return Fail(Code::kInvalidArgument, "enum must be a list");
      node.choices = MakeChoices(values->items(), false);
    }
    if (const JsonValue* value = schema.Find("const")) {
      node.const_value = MakeChoices({*value}, true);
    }
    return {};
  }

  static Choices MakeChoices(std::vector<JsonValue> values, bool is_const) {
    NameMap<bool> strings;
    for (const JsonValue& value : values) {
      if (value.is_string()) strings.emplace(value.text(), true);
    }
    return {std::move(values), NameTable<bool>(strings), is_const};
  }

  static Status ReadNumber(const JsonValue& schema, std::string_view word,
                           std::optional<Number>* out, bool* any) {
    const JsonValue* value = schema.Find(word);
    if (value == nullptr) return {};
    if (!value->is_number()) {
      return Fail(Code::kInvalidArgument, std::string(word) + " must be a number");
    }
    *out = Number(value->text());
    *any = true;
    return {};
  }

  Status BuildNumber(const JsonValue& schema, NodeIndex index) {
    NumberRules rules;
    bool any = false;
    TM_TRY(ReadNumber(schema, "minimum", &rules.minimum, &any));
    TM_TRY(ReadNumber(schema, "maximum", &rules.maximum, &any));
    TM_TRY(ReadNumber(schema, "exclusiveMinimum", &rules.exclusive_minimum, &any));
    TM_TRY(ReadNumber(schema, "exclusiveMaximum", &rules.exclusive_maximum, &any));
    TM_TRY(ReadNumber(schema, "multipleOf", &rules.multiple_of, &any));
    if (rules.multiple_of && !rules.multiple_of->IsDivisor()) {
      return Fail(Code::kInvalidArgument, "multipleOf must be greater than 0 and have at most " +
                                              std::to_string(Number::kDivisorDigitsMax) +
                                              " digits");
    }
    if (any) At(index).number = std::move(rules);
    return {};
  }

  // A count: an integer of 0 and more; what is beyond 64 bits is no limit.
  static Status ReadCount(const JsonValue& schema, std::string_view word, std::uint64_t* out,
                          bool* any) {
    const JsonValue* value = schema.Find(word);
    if (value == nullptr) return {};
    const Number number = value->is_number() ? Number(value->text()) : Number("-1");
    if (!number.IsInteger() || number.is_negative()) {
      return Fail(Code::kInvalidArgument, std::string(word) + " must be an integer of 0 or more");
    }
    const auto count = value->Double().value_or(1e300);
    *out = count >= 1e18 ? ~0ULL : static_cast<std::uint64_t>(count);
    *any = true;
    return {};
  }

  Result<std::uint32_t> AddPattern(std::string_view text) {
    const auto found = pattern_of_.find(text);
    if (found != pattern_of_.end()) return found->second;
    if (program_->patterns.size() >= kSchemaPatternsMax) {
      return Fail(Code::kInvalidArgument,
                  "the schema has more than " + std::to_string(kSchemaPatternsMax) + " patterns");
    }
    auto pattern = Pattern::Make(text);
    if (!pattern) return Fail(std::move(pattern).error().With(text));
    const auto index = static_cast<std::uint32_t>(program_->patterns.size());
    program_->patterns.push_back(*std::move(pattern));
    pattern_of_.emplace(text, index);
    return index;
  }

  Status BuildString(const JsonValue& schema, NodeIndex index) {
    StringRules rules;
    bool any = false;
    TM_TRY(ReadCount(schema, "minLength", &rules.length_min, &any));
    TM_TRY(ReadCount(schema, "maxLength", &rules.length_max, &any));
    if (const JsonValue* pattern = schema.Find("pattern")) {
      if (!pattern->is_string()) return Fail(Code::kInvalidArgument, "pattern must be a string");
      TM_ASSIGN(rules.pattern, AddPattern(pattern->text()));
      any = true;
    }
    if (any) At(index).string = rules;
    return {};
  }

  Status WantOne(const JsonValue& schema, std::string_view word, NodeIndex* out) {
    const JsonValue* value = schema.Find(word);
    return value == nullptr ? Status() : WantInto(*value, out);
  }

  Status WantList(const JsonValue& schema, std::string_view word, std::vector<NodeIndex>* out) {
    const JsonValue* list = schema.Find(word);
    if (list == nullptr) return {};
    if (!list->is_array()) {
      return Fail(Code::kInvalidArgument, std::string(word) + " must be a list of schemas");
    }
    for (const JsonValue& item : list->items()) {
      TM_TRY(WantInto(item, &out->emplace_back(kNoNode)));
    }
    return {};
  }

  Status BuildCombinations(const JsonValue& schema, NodeIndex index) {
    Node node;  // The list of nodes may move while others are wanted.
    TM_TRY(WantList(schema, "allOf", &node.all_of));
    TM_TRY(WantList(schema, "anyOf", &node.any_of));
    TM_TRY(WantList(schema, "oneOf", &node.one_of));
    TM_TRY(WantOne(schema, "not", &node.not_one));
    TM_TRY(WantOne(schema, "if", &node.if_node));
    if (node.if_node != kNoNode) {
      TM_TRY(WantOne(schema, "then", &node.then_node));
      TM_TRY(WantOne(schema, "else", &node.else_node));
    }
    Node& built = At(index);
    built.all_of = std::move(node.all_of);
    built.any_of = std::move(node.any_of);
    built.one_of = std::move(node.one_of);
    built.not_one = node.not_one;
    built.if_node = node.if_node;
    built.then_node = node.then_node;
    built.else_node = node.else_node;
    return {};
  }

  Status BuildArray(const JsonValue& schema, NodeIndex index, const Dialect& dialect) {
    ArrayRules rules;
    bool any = false;
    if (dialect.validation) {
      TM_TRY(ReadCount(schema, "minItems", &rules.items_min, &any));
      TM_TRY(ReadCount(schema, "maxItems", &rules.items_max, &any));
      const JsonValue* unique = schema.Find("uniqueItems");
      rules.unique = unique != nullptr && unique->Bool() == true;
    }
    if (dialect.applicator) TM_TRY(BuildItems(schema, dialect, &rules));
    if (dialect.unevaluated && dialect.draft != Draft::k7) {
      TM_TRY(WantOne(schema, "unevaluatedItems", &rules.unevaluated));
    }
    any |= rules.unique || !rules.prefix.empty() || rules.items != kNoNode ||
           rules.contains != kNoNode || rules.unevaluated != kNoNode;
    if (any) At(index).array = std::move(rules);
    return {};
  }

  Status BuildItems(const JsonValue& schema, const Dialect& dialect, ArrayRules* rules) {
    const JsonValue* items = schema.Find("items");
    if (dialect.draft == Draft::k7) {
      if (items != nullptr && items->is_array()) {
        TM_TRY(WantList(schema, "items", &rules->prefix));
        TM_TRY(WantOne(schema, "additionalItems", &rules->items));
      } else {
        TM_TRY(WantOne(schema, "items", &rules->items));
      }
      return WantOne(schema, "contains", &rules->contains);
    }
    TM_TRY(WantList(schema, "prefixItems", &rules->prefix));
    TM_TRY(WantOne(schema, "items", &rules->items));
    TM_TRY(WantOne(schema, "contains", &rules->contains));
    if (rules->contains == kNoNode || !dialect.validation) return {};
    bool any = false;
    TM_TRY(ReadCount(schema, "minContains", &rules->contains_min, &any));
    return ReadCount(schema, "maxContains", &rules->contains_max, &any);
  }

  Status BuildObject(const JsonValue& schema, NodeIndex index, const Dialect& dialect) {
    ObjectRules rules;
    bool any = false;
    if (dialect.validation) {
      TM_TRY(ReadCount(schema, "minProperties", &rules.members_min, &any));
      TM_TRY(ReadCount(schema, "maxProperties", &rules.members_max, &any));
      TM_TRY(BuildRequired(schema, &rules));
    }
    if (dialect.applicator) {
      TM_TRY(BuildProperties(schema, index, &rules));
      TM_TRY(WantOne(schema, "additionalProperties", &rules.additional));
      TM_TRY(WantOne(schema, "propertyNames", &rules.property_names));
    }
    TM_TRY(BuildDependencies(schema, dialect, &rules));
    if (dialect.unevaluated && dialect.draft != Draft::k7) {
      TM_TRY(WantOne(schema, "unevaluatedProperties", &rules.unevaluated));
    }
    any |= !rules.names.empty() || !rules.patterns.empty() || rules.additional != kNoNode ||
           rules.property_names != kNoNode || rules.unevaluated != kNoNode ||
           !rules.dependent_required.empty() || !rules.dependent_schemas.empty();
    if (any) At(index).object = std::move(rules);
    return {};
  }

  static Result<std::vector<std::string>> ReadNames(const JsonValue& list, std::string_view word) {
    std::vector<std::string> names;
    for (const JsonValue& name : list.items()) {
      if (name.is_string()) names.push_back(name.text());
    }
    if (!list.is_array() || names.size() != list.items().size()) {
      return Fail(Code::kInvalidArgument, std::string(word) + " must be a list of names");
    }
    return names;
  }

  static Status BuildRequired(const JsonValue& schema, ObjectRules* rules) {
    const JsonValue* required = schema.Find("required");
    // A boolean is about the property that this schema is of: BuildProperties reads it.
    if (required == nullptr || required->kind() == JsonValue::Kind::kBool) return {};
    TM_ASSIGN(const std::vector<std::string> names, ReadNames(*required, "required"));
    for (const std::string& name : names) rules->names[name].required = true;
    return {};
  }

  Status BuildProperties(const JsonValue& schema, NodeIndex index, ObjectRules* rules) {
    if (const JsonValue* properties = schema.Find("properties")) {
      if (!properties->is_object()) {
        return Fail(Code::kInvalidArgument, "properties must be an object of schemas");
      }
      for (const auto& [name, property] : properties->members()) {
        TM_TRY(WantInto(property, &rules->names[name].node));
        if (!IsRequiredProperty(property)) continue;
        rules->names[name].required = true;
        notes_.push_back(At(index).location + "/properties/" + name +
                         ": `\"required\": true` is read as draft 3 meant it: the property must "
                         "be there; write `\"required\": [\"" +
                         name + "\"]` beside `properties`");
      }
    }
    const JsonValue* patterns = schema.Find("patternProperties");
    if (patterns == nullptr) return {};
    if (!patterns->is_object()) {
      return Fail(Code::kInvalidArgument, "patternProperties must be an object of schemas");
    }
    for (const auto& [pattern, property] : patterns->members()) {
      TM_ASSIGN(const std::uint32_t compiled, AddPattern(pattern));
      TM_TRY(WantInto(property, &rules->patterns.emplace_back(compiled, kNoNode).second));
    }
    return {};
  }

  Status BuildDependencies(const JsonValue& schema, const Dialect& dialect, ObjectRules* rules) {
    const bool old = dialect.draft == Draft::k7;
    const char* required_word = old ? "dependencies" : "dependentRequired";
    const char* schemas_word = old ? "dependencies" : "dependentSchemas";
    const JsonValue* required = schema.Find(required_word);
    if (required != nullptr && dialect.validation) {
      for (const auto& [name, value] : required->members()) {
        if (old && !value.is_array()) continue;
        TM_ASSIGN(auto names, ReadNames(value, required_word));
        rules->dependent_required.emplace_back(name, std::move(names));
      }
    }
    const JsonValue* schemas = schema.Find(schemas_word);
    if (schemas == nullptr || !dialect.applicator) return {};
    for (const auto& [name, value] : schemas->members()) {
      if (old && value.is_array()) continue;
      TM_TRY(WantInto(value, &rules->dependent_schemas.emplace_back(name, kNoNode).second));
    }
    return {};
  }

  // Subschemas that see the same instance.
  static void InPlace(const Node& node, std::vector<NodeIndex>* out) {
    *out = {node.ref, node.dynamic_ref, node.not_one, node.if_node, node.then_node, node.else_node};
    for (const auto* list : {&node.all_of, &node.any_of, &node.one_of}) {
      out->insert(out->end(), list->begin(), list->end());
    }
    if (!node.object) return;
    for (const auto& [name, schema] : node.object->dependent_schemas) out->push_back(schema);
  }

  // A schema that comes back to itself without going into the instance would never end.
  Status CheckForLoops() {
    enum class Mark : std::uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(program_->nodes.size(), Mark::kNew);
    struct Frame {
      NodeIndex node;
      std::vector<NodeIndex> next;
    };
    for (NodeIndex start = 0; start < marks.size(); ++start) {
      if (marks[start] != Mark::kNew) continue;
      std::vector<Frame> stack;
      const auto open = [&](NodeIndex node) {
        marks[node] = Mark::kOpen;
        InPlace(At(node), &stack.emplace_back(Frame{node, {}}).next);
      };
      open(start);
      while (!stack.empty()) {
        Frame& top = stack.back();
        if (top.next.empty()) {
          marks[top.node] = Mark::kDone;
          stack.pop_back();
          continue;
        }
        const NodeIndex next = top.next.back();
        top.next.pop_back();
        if (next == kNoNode || marks[next] == Mark::kDone) continue;
        if (marks[next] == Mark::kOpen) {
          return Fail(Code::kInvalidArgument,
                      At(next).location +
                          ": the schema leads back to itself without going into "
                          "the value: it would never end");
        }
        open(next);
      }
    }
    return {};
  }

  const bool of_events_;
  Documents documents_;
  std::uint32_t root_resource_ = 0;
  std::unique_ptr<Program> program_ = std::make_unique<Program>();
  std::vector<std::string> notes_;
  std::unordered_map<const JsonValue*, NodeIndex> index_of_;
  NameMap<std::uint32_t> pattern_of_;
  std::deque<std::pair<const JsonValue*, NodeIndex>> queue_;
};

// The text of `schema` without the booleans of draft 3, which no metaschema allows.
void AppendWithoutDraft3(const JsonValue& value, bool in_properties, std::string* out) {
  if (!value.is_object()) return value.AppendTo(out);
  out->push_back('{');
  for (const auto& [name, member] : value.members()) {
    const bool draft3 =
        !in_properties && name == "required" && member.kind() == JsonValue::Kind::kBool;
    if (draft3) continue;
    if (out->back() != '{') out->push_back(',');
    AppendJsonString(out, name);
    out->push_back(':');
    AppendWithoutDraft3(member, !in_properties && name == "properties", out);
  }
  out->push_back('}');
}

// Whether `schema` is a schema by the metaschema that it names.
Status CheckByMetaschema(const JsonValue& schema, const CompileOptions& options) {
  const JsonValue* named = schema.Find("$schema");
  std::string uri(options.draft == Draft::k7 ? kDraft7Uri : kDraft202012Uri);
  if (named != nullptr && named->is_string()) uri = named->text();
  std::string text = "{\"$ref\":";
  AppendJsonString(&text, uri);
  TM_ASSIGN(const JsonValue reference, JsonValue::Parse(text + "}"));
  CompileOptions of_meta{.uri = {}, .draft = Draft::k202012, .find = options.find};
  of_meta.check_metaschema = false;
  TM_ASSIGN(const auto metaschema, Validator::Compile(reference, of_meta));
  std::string stripped;
  AppendWithoutDraft3(schema, false, &stripped);
  TM_ASSIGN(const JsonValue value, JsonValue::Parse(stripped));
  Instance instance;
  TM_TRY(instance.Read(value));
  std::vector<Finding> findings;
  Validator::Steps steps{.max = kMetaschemaStepsMax};
  const Judgement judgement = metaschema->Judge(instance, &findings, kFindingsTold, &steps);
  if (judgement == Judgement::kValid) return {};
  if (judgement == Judgement::kUndecided) {
    return Fail(Code::kInvalidArgument, "the schema is too large or too deep to be checked");
  }
  std::string message = "this is no valid JSON Schema";
  for (const Finding& finding : findings) {
    message += "; #" + finding.instance_path + " " + finding.message;
    if (finding.instance_path.ends_with("/type")) {
      message += " (types are array, boolean, integer, null, number, object and string)";
    }
  }
  return Fail(Code::kInvalidArgument, message);
}

}  // namespace

Result<std::shared_ptr<const Validator>> Validator::Compile(const JsonValue& schema,
                                                            const CompileOptions& options) {
  if (options.check_metaschema) {
    // A draft that is not understood is told before what is wrong by another one.
    TM_TRY(Compiler(options).CheckDraft(schema));
    TM_TRY(CheckByMetaschema(schema, options));
  }
  Compiler compiler(options);
  TM_TRY(compiler.Run(schema));
  auto notes = compiler.TakeNotes();
  return std::shared_ptr<const Validator>(new Validator(compiler.TakeProgram(), std::move(notes)));
}

Validator::Validator(std::unique_ptr<const Program> program, std::vector<std::string> notes)
    : program_(std::move(program)), notes_(std::move(notes)) {}
Validator::~Validator() = default;

Shape Validator::shape() const { return program_->shape; }

}  // namespace tidemark::schema
