#include "iceberg/scan_filter.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "iceberg/scan_values.h"

namespace tidemark::iceberg {
namespace {

using engine::BoundValue;
using engine::Predicate;
using engine::ValueRange;
using lake::Transform;
using Kind = Predicate::Kind;

// Both hold.
ValueRange Both(ValueRange a, const ValueRange& b) {
  a.may_be_null = a.may_be_null && b.may_be_null;
  a.may_have_value = a.may_have_value && b.may_have_value;
  a.may_be_nan = a.may_be_nan && b.may_be_nan;
  const auto same = [](const auto& x, const auto& y) { return x && y && x->index() == y->index(); };
  if (!a.lower || (same(a.lower, b.lower) && *a.lower < *b.lower)) a.lower = b.lower;
  if (!a.upper || (same(a.upper, b.upper) && *b.upper < *a.upper)) a.upper = b.upper;
  return a;
}

bool IsFloating(std::string_view type) { return type == "float" || type == "double"; }

// What values of a partition field from `first` to `last` say of the column.
ValueRange RangeOfSource(const ScanPartitionField& field, const std::optional<BoundValue>& first,
                         const std::optional<BoundValue>& last) {
  ValueRange range;
  range.may_be_nan = IsFloating(field.source_type);
  if (field.transform == Transform::kIdentity) {
    range.lower = first;
    range.upper = last;
    return range;
  }
  const auto values_of = [&](const std::optional<BoundValue>& period) {
    const auto* number = period ? std::get_if<std::int64_t>(&*period) : nullptr;
    return number == nullptr ? std::nullopt
                             : ValuesOfPeriod(field.transform, field.source_type, *number);
  };
  if (const auto values = values_of(first)) range.lower = values->first;
  if (const auto values = values_of(last)) range.upper = values->last;
  return range;
}

// Whether a null of the partition is a null of the column, and its order the column's.
bool Tells(const ScanPartitionField& field) {
  return !field.source_type.empty() && field.transform != Transform::kOther &&
         field.transform != Transform::kVoid;
}

ValueRange RangeOfTuple(const ScanPartitionField& field, const lake::PartitionValue& value) {
  if (value.kind == lake::PartitionValue::Kind::kNull) {
    ValueRange range;
    range.may_have_value = range.may_be_nan = false;
    return range;
  }
  const auto read = ValueFromPartition(field.result_type, value);
  ValueRange range = RangeOfSource(field, read, read);
  range.may_be_null = false;
  return range;
}

ValueRange RangeOfSummary(const ScanPartitionField& field, const lake::FieldSummary& summary) {
  const auto read = [&](const std::optional<std::string>& bound) {
    return bound ? ValueFromBound(field.result_type, *bound) : std::nullopt;
  };
  ValueRange range = RangeOfSource(field, read(summary.lower), read(summary.upper));
  range.may_be_null = summary.contains_null;
  return range;
}

std::string TransformText(const lake::PartitionSpec& spec, std::size_t i) {
  const auto json = JsonValue::Parse(spec.json);
  if (!json) return "";
  const std::vector<JsonValue>& fields = MemberOf(*json, "fields").items();
  return i < fields.size() ? TextOr(fields[i], "transform") : "";
}

std::string ResultType(Transform transform, const std::string& source, std::string_view text) {
  switch (transform) {
    case Transform::kYear:
    case Transform::kMonth:
    case Transform::kHour:
      return "int";
    case Transform::kDay:
      return "date";
    default:
      return text.starts_with("bucket") ? "int" : source;
  }
}

}  // namespace

ScanSpec ScanSpecOf(const lake::PartitionSpec& spec, const FieldIndex& schemas) {
  ScanSpec made;
  for (std::size_t i = 0; i < spec.fields.size(); ++i) {
    const lake::PartitionField& field = spec.fields[i];
    ScanPartitionField& one = made.fields.emplace_back();
    one.source_id = field.source_id;
    one.transform = field.transform;
    const auto source = schemas.find(field.source_id);
    if (source != schemas.end()) one.source_type = source->second.type.text();
    const std::string text = field.transform == Transform::kOther ? TransformText(spec, i) : "";
    one.result_type = ResultType(field.transform, one.source_type, text);
  }
  return made;
}

// Reads an expression. A negation is carried down to what it is of.
class ScanFilter::Reader {
 public:
  Reader(const FieldIndex& fields, bool case_sensitive, std::vector<Operand>* operands)
      : fields_(fields), case_sensitive_(case_sensitive), operands_(*operands) {}

  Outcome<Predicate> Read(const JsonValue& json, bool negated) {
    if (const auto constant = json.Bool()) return Constant(*constant, negated);
    const std::string type = TextOr(json, "type");
    if (type == "true" || type == "false") return Constant(type == "true", negated);
    if (type == "literal") {
      return Constant(MemberOf(json, "value").Bool().value_or(true), negated);
    }
    if (type == "not") return Read(MemberOf(json, "child"), !negated);
    if (type == "and" || type == "or") {
      Predicate both{.kind = (type == "and") != negated ? Kind::kAll : Kind::kAny};
      for (const char* side : {"left", "right"}) {
        ICE_ASSIGN(Predicate one, Read(MemberOf(json, side), negated));
        both.children.push_back(std::move(one));
      }
      return both;
    }
    if (type == "in" || type == "not-in") return Set(json, (type == "in") == negated);
    if (type.starts_with("is-") || type.starts_with("not-n")) return Unary(json, type, negated);
    return Comparison(json, type, negated);
  }

 private:
  static Predicate Constant(bool value, bool negated) {
    return value == negated ? Predicate::Nothing() : Predicate();
  }

  // Either name of a member: the specification has renamed them.
  static const JsonValue& Either(const JsonValue& json, std::string_view a, std::string_view b) {
    const JsonValue* found = json.Find(a);
    return found != nullptr ? *found : MemberOf(json, b);
  }

  Outcome<std::int32_t> FieldNamed(const std::string& name) const {
    const std::string wanted = case_sensitive_ ? name : LowerCase(name);
    for (const auto& [id, field] : fields_) {
      if ((case_sensitive_ ? field.name : LowerCase(field.name)) == wanted) return id;
    }
    return NotValid("Cannot find field '" + name + "' in the table's schema");
  }

  // The place of the operand that a term is; nothing: one that bounds say nothing of.
  Outcome<std::optional<std::size_t>> Term(const JsonValue& json) {
    const std::string type = TextOr(json, "type");
    if (type == "transform") {
      ICE_ASSIGN(auto inner, Term(MemberOf(json, "term")));
      const Transform transform = lake::FindTransform(TextOr(json, "transform"));
      if (!inner || transform == Transform::kIdentity) return inner;
      Operand& operand = operands_[*inner];
      const bool timed = operand.type == "date" || operand.type.starts_with("timestamp");
      const bool known = transform != Transform::kOther && transform != Transform::kVoid;
      if (!known || !timed || operand.type.ends_with("_ns")) return std::optional<std::size_t>();
      operand.transform = transform;
      return inner;
    }
    if (type == "apply") return std::optional<std::size_t>();
    std::int32_t id = static_cast<std::int32_t>(IntOr(json, "id", -1));
    if (json.is_string() || id < 0) {
      const JsonValue& name = json.is_string() ? json : Either(json, "name", "term");
      if (!name.is_string()) return BadRequest("Cannot parse a filter's term: it names no field");
      ICE_ASSIGN(id, FieldNamed(name.text()));
    }
    const auto field = fields_.find(id);
    if (field == fields_.end()) {
      return NotValid("Cannot find field " + std::to_string(id) + " in the table's schema");
    }
    if (!field->second.primitive() || field->second.in_collection) {
      return std::optional<std::size_t>();
    }
    operands_.push_back({id, field->second.type.text(), Transform::kIdentity});
    return std::optional(operands_.size() - 1);
  }

  // Nothing: not comparable.
  Outcome<std::optional<BoundValue>> Literal(const JsonValue& json, std::size_t operand) {
    if (++literals_ > kFilterLiteralsMax) {
      return BadRequest("A filter has at most " + std::to_string(kFilterLiteralsMax) +
                        " literals: ask in parts, or plan on the client");
    }
    const JsonValue& value = json.is_object() ? MemberOf(json, "value") : json;
    const Operand& of = operands_[operand];
    if (of.transform == Transform::kIdentity) return ValueFromJson(of.type, value);
    return ValueFromJson(of.transform == Transform::kDay ? "date" : "int", value);
  }

  Outcome<Predicate> Unary(const JsonValue& json, std::string_view type, bool negated) {
    ICE_ASSIGN(const auto operand, Term(Either(json, "child", "term")));
    const bool null = type == "is-null";
    if (!null && type != "not-null" && type != "is-nan" && type != "not-nan") {
      return BadRequest("Cannot parse a filter: there is no predicate " + std::string(type));
    }
    if (!operand || type.ends_with("nan")) return Predicate();
    return Predicate{.kind = null != negated ? Kind::kNull : Kind::kNotNull, .operand = *operand};
  }

  Outcome<Predicate> Set(const JsonValue& json, bool excludes) {
    ICE_ASSIGN(const auto operand, Term(Either(json, "child", "term")));
    const JsonValue& list = MemberOf(json, "values");
    const JsonValue& values = list.is_object() ? MemberOf(list, "values") : list;
    if (!values.is_array()) return BadRequest("Cannot parse a filter: values must be an array");
    if (!operand) return Predicate();
    Predicate equal{.kind = Kind::kEqual, .operand = *operand};
    bool all = true;
    for (const JsonValue& item : values.items()) {
      ICE_ASSIGN(const auto value, Literal(item, *operand));
      all = all && value.has_value();
      if (value) equal.values.push_back(*value);
    }
    // Of what is excluded bounds say nothing: one other value is enough.
    if (excludes || !all) return Predicate();
    if (equal.values.empty()) return Predicate::Nothing();
    std::ranges::sort(equal.values);
    return equal;
  }

  static bool IsLiteral(const JsonValue& json) {
    return !json.is_object() || TextOr(json, "type") == "literal";
  }

  Outcome<Predicate> Comparison(const JsonValue& json, std::string_view type, bool negated) {
    static constexpr std::pair<std::string_view, Kind> kKinds[] = {
        {"lt", Kind::kLess},
        {"lt-eq", Kind::kLessOrEqual},
        {"gt", Kind::kGreater},
        {"gt-eq", Kind::kGreaterOrEqual},
        {"eq", Kind::kEqual},
        {"not-eq", Kind::kUnequal},
        {"starts-with", Kind::kPrefix},
        {"not-starts-with", Kind::kAnything}};
    const auto* known = std::ranges::find(kKinds, type, [](const auto& one) { return one.first; });
    if (known == std::end(kKinds)) {
      return BadRequest("Cannot parse a filter: there is no predicate " + std::string(type));
    }
    Kind kind = known->second;
    const JsonValue* term = &Either(json, "left", "term");
    const JsonValue* value = &Either(json, "right", "value");
    if (term->is_null() || value->is_null()) {
      return BadRequest("Cannot parse a filter: " + std::string(type) + " compares two things");
    }
    // The new form may have them the other way round; the old one's term is a name.
    if (json.Find("left") != nullptr && IsLiteral(*term)) {
      std::swap(term, value);
      kind = Turned(kind);
    }
    ICE_ASSIGN(const auto operand, Term(*term));
    if (!operand || !IsLiteral(*value)) return Predicate();
    ICE_ASSIGN(const auto literal, Literal(*value, *operand));
    if (!literal) return Predicate();
    return Compared(kind, *operand, *literal, negated);
  }

  static Kind Turned(Kind kind) {
    switch (kind) {
      case Kind::kLess:
        return Kind::kGreater;
      case Kind::kLessOrEqual:
        return Kind::kGreaterOrEqual;
      case Kind::kGreater:
        return Kind::kLess;
      case Kind::kGreaterOrEqual:
        return Kind::kLessOrEqual;
      case Kind::kPrefix:
        return Kind::kAnything;
      default:
        return kind;
    }
  }

  static Kind Opposite(Kind kind) {
    switch (kind) {
      case Kind::kLess:
        return Kind::kGreaterOrEqual;
      case Kind::kLessOrEqual:
        return Kind::kGreater;
      case Kind::kGreater:
        return Kind::kLessOrEqual;
      case Kind::kGreaterOrEqual:
        return Kind::kLess;
      case Kind::kUnequal:
        return Kind::kEqual;
      case Kind::kEqual:
        return Kind::kUnequal;
      default:
        return Kind::kAnything;
    }
  }

  // Engines differ in whether null is unlike a value, and whether it fails a comparison that is
  // negated: it may match.
  static Predicate Compared(Kind kind, std::size_t operand, const BoundValue& value, bool negated) {
    if (negated) kind = Opposite(kind);
    if (kind == Kind::kAnything) return {};
    if (kind == Kind::kPrefix && !std::holds_alternative<std::string>(value)) return {};
    Predicate compare{.kind = kind, .operand = operand, .values = {value}};
    if (!negated && kind != Kind::kUnequal) return compare;
    Predicate either{.kind = Kind::kAny};
    either.children = {std::move(compare), {.kind = Kind::kNull, .operand = operand}};
    return either;
  }

  const FieldIndex& fields_;
  const bool case_sensitive_;
  std::vector<Operand>& operands_;
  std::size_t literals_ = 0;
};

Outcome<ScanFilter> ScanFilter::Read(const JsonValue& json, const FieldIndex& fields,
                                     bool case_sensitive) {
  ScanFilter filter;
  Reader reader(fields, case_sensitive, &filter.operands_);
  ICE_ASSIGN(filter.predicate_, reader.Read(json, false));
  return filter;
}

bool ScanFilter::MayMatch(const RangeOfColumn& column, const RangeOfPart& part,
                          const ScanSpec& spec) const {
  return engine::MayMatch(predicate_, [&](std::size_t place) {
    const Operand& operand = operands_[place];
    ValueRange range = column(operand);
    for (std::size_t i = 0; i < spec.fields.size(); ++i) {
      const ScanPartitionField& field = spec.fields[i];
      if (field.source_id != operand.field_id || !Tells(field)) continue;
      range = Both(std::move(range), part(i, field));
    }
    if (operand.transform == Transform::kIdentity) return range;
    for (auto* end : {&range.lower, &range.upper}) {
      const auto* number = *end ? std::get_if<std::int64_t>(&**end) : nullptr;
      const auto moved = number == nullptr
                             ? std::nullopt
                             : TransformedValue(operand.transform, operand.type, *number);
      end->reset();
      if (moved) end->emplace(*moved);
    }
    return range;
  });
}

bool ScanFilter::MayMatch(const engine::ColumnBounds* bounds,
                          const std::vector<lake::PartitionValue>& tuple,
                          const ScanSpec& spec) const {
  if (predicate_.kind == Kind::kAnything) return true;
  const auto column = [&](const Operand& operand) {
    ValueRange range;
    range.may_be_nan = IsFloating(operand.type);
    if (bounds == nullptr) return range;
    const engine::ColumnBound bound = bounds->Find(operand.field_id);
    range.may_be_null = bound.may_be_null;
    range.may_have_value = bound.may_have_value;
    range.may_be_nan = range.may_be_nan && bound.may_be_nan;
    if (bound.lower) range.lower = ValueFromBound(operand.type, *bound.lower);
    if (bound.upper) range.upper = ValueFromBound(operand.type, *bound.upper);
    return range;
  };
  return MayMatch(
      column,
      [&](std::size_t i, const ScanPartitionField& field) {
        return i < tuple.size() ? RangeOfTuple(field, tuple[i]) : ValueRange();
      },
      spec);
}

bool ScanFilter::MayMatch(const lake::ManifestFile& manifest, const ScanSpec& spec) const {
  if (predicate_.kind == Kind::kAnything || manifest.partitions.size() != spec.fields.size()) {
    return true;
  }
  return MayMatch([](const Operand&) { return ValueRange(); },
                  [&](std::size_t i, const ScanPartitionField& field) {
                    return RangeOfSummary(field, manifest.partitions[i]);
                  },
                  spec);
}

}  // namespace tidemark::iceberg
