#include "event/json_event.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/units.h"
#include "base/uuid.h"

namespace tidemark::event {
namespace {

constexpr std::size_t kKeptBytesMax = 4_MiB;
constexpr std::uint8_t kDataRank = 8;  // Fields of a CloudEvent's data give way to its envelope.
constexpr std::size_t kLinearMembersMax = 64;

// Columns whose text is the field's, as it is.
constexpr std::uint32_t OwnText() {
  std::uint32_t bits = 0;
  for (const ColumnInfo& info : kColumns) {
    const bool special = info.column == Column::kProperties || info.column == Column::kProjectId;
    if (info.type == Type::kString && !special) bits |= Bit(info.column);
  }
  return bits;
}
constexpr std::uint32_t kOwnText = OwnText();

constexpr std::uint32_t RoleBit(FieldRole role) { return 1U << static_cast<unsigned>(role); }

std::string Quoted(std::string_view name) { return "`" + std::string(name) + "`"; }

EventFault FaultOf(JsonFault fault, std::uint32_t depth_max) {
  switch (fault) {
    case JsonFault::kTooDeep:
      return {"too_deep",
              "objects and arrays are nested more than " + std::to_string(depth_max) + " deep"};
    case JsonFault::kNulCharacter:
      return {"nul_character", "a string holds the character U+0000"};
    default:
      return {"bad_string", "a string has an escape that cannot be read"};
  }
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The first `digits` digits of a fraction, filled up with zeros.
std::int64_t FractionDigits(std::string_view fraction, std::size_t digits) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    sum = sum * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  return sum;
}

// A number of s, ms, us or ns. Plain decimals are read exactly, not by way of a double.
std::optional<TimeMicros> TimeOfNumber(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction = dot == std::string_view::npos ? "" : text.substr(dot + 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), number);
  const bool is_whole = error == std::errc() && end == whole.data() + whole.size();
  if (is_whole && dot == std::string_view::npos) return TimeFromEpochNumber(number);
  if (is_whole && text.front() != '-' && IsDigits(fraction)) {
    const auto time = TimeFromEpochNumber(number);
    if (!time || number >= 100'000'000'000'000LL) return time;
    const bool seconds = number < 100'000'000'000LL;
    return TimeMicros(time->value + FractionDigits(fraction, seconds ? 6 : 3));
  }
  double inexact = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), inexact);
  if (parsed.ec != std::errc()) return std::nullopt;
  return TimeFromEpochNumber(inexact);
}

// Milliseconds, whatever their size.
std::optional<TimeMicros> TimeOfMillis(std::string_view text) {
  double millis = 0;
  std::int64_t whole = 0;
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, whole);
      read.ec == std::errc() && read.ptr == end) {
    if (whole > kTimeMax.value / 1'000 || whole < kTimeMin.value / 1'000) return std::nullopt;
    return TimeMicros(whole * 1'000);
  }
  if (std::from_chars(text.data(), end, millis).ec != std::errc()) return std::nullopt;
  const double micros = millis * 1e3;
  if (!(micros >= static_cast<double>(kTimeMin.value)) ||
      !(micros <= static_cast<double>(kTimeMax.value))) {
    return std::nullopt;
  }
  return TimeMicros(static_cast<std::int64_t>(micros));
}

std::optional<TimeMicros> TimeOfText(std::string_view text) {
  if (const auto time = ParseIsoTime(text)) return time;
  // Some clients send their epoch numbers as strings; eight digits could be a date.
  if (text.size() >= 10 && IsDigits(text)) return TimeOfNumber(text);
  return std::nullopt;
}

std::uint64_t NameBit(std::string_view name) {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  const std::size_t size = std::min<std::size_t>(name.size(), 8);
  if (size > 0) {
    std::memcpy(&head, name.data(), size);
    std::memcpy(&tail, name.data() + name.size() - size, size);
  }
  const std::uint64_t mixed =
      (head ^ (tail + name.size()) * 0x9E3779B97F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL;
  return 1ULL << (mixed >> 58);
}

}  // namespace

EventReader::EventReader(JsonLimits limits, std::function<std::uint64_t()> dice)
    : limits_(limits), dice_(std::move(dice)) {}

void EventReader::Trim() {
  if (arena_.capacity() > kKeptBytesMax) arena_ = {};
  if (context_text_.capacity() > kKeptBytesMax) context_text_ = {};
  if (properties_.capacity() > kKeptBytesMax) properties_ = {};
  if (fields_.capacity() * sizeof(Field) > kKeptBytesMax) fields_ = {};
  if (members_.capacity() * sizeof(Member) > kKeptBytesMax) members_ = {};
}

bool EventReader::Read(JsonCursor* cursor, EventFault* fault) {
  cursor->ClearFault();
  shapes_.MakeRoom();
  cursor->Use(&shapes_);
  has_fields_ = false;
  JsonSpan& event = span_;
  event = {};
  if (cursor->Peek() != '{') {
    if (!cursor->Check(limits_.depth_max, &event)) return false;
    *fault = {"not_an_object", "an event must be a JSON object"};
    return true;
  }
  if (!Walk(cursor, &event)) return false;
  if (cursor->fault() != JsonFault::kNone) {
    *fault = FaultOf(cursor->fault(), limits_.depth_max);
    return true;
  }
  if (event.end - event.begin > limits_.event_bytes_max) {
    *fault = {"event_too_large", "the event has " + std::to_string(event.end - event.begin) +
                                     " bytes; at most " + std::to_string(limits_.event_bytes_max) +
                                     " are taken"};
    return true;
  }
  arena_.clear();
  arena_.reserve(event.end - event.begin);  // What is decoded is never longer than it was.
  ChooseFields(*cursor);
  has_fields_ = true;
  Fill(*cursor, fault);
  return true;
}

void EventReader::ForgetNames() {
  view_.present = Bit(Column::kTimestamp);
  view_.made = kMadeTime;
  view_.timestamp = context_->received_at;
}

void EventReader::ReadNames(const JsonCursor& cursor) {
  ForgetNames();
  if (!has_fields_) return;
  arena_.clear();  // It has room for all of the event once.
  for (const Column column : {Column::kEventId, Column::kEventType, Column::kUserId,
                              Column::kAnonymousId, Column::kSessionId}) {
    const Field* field = Chosen(column);
    if (field == nullptr || field->value.kind == '{' || field->value.kind == '[') continue;
    view_.SetText(column, field->value.kind == '"' ? Decoded(cursor, field->value)
                                                   : cursor.Raw(field->value));
  }
  EventFault no_time;
  if (!FillTime(cursor, &no_time)) view_.timestamp = context_->received_at;
}

// Checks the whole object and notes its fields.
bool EventReader::Walk(JsonCursor* cursor, JsonSpan* event) {
  fields_.clear();
  roles_ = 0;
  event->begin = cursor->position();
  cursor->Advance();
  KeyShapes::Shape shape = KeyShapes::kEvent;
  for (bool first = true;; first = false) {
    const char c = cursor->Peek();
    if (c == '}') break;
    if (!first) {
      if (c != ',') return cursor->Stop();
      cursor->Advance();
    }
    Field& field = fields_.emplace_back();
    const bool known =
        shape != KeyShapes::kNone && cursor->TakeKnownKey(&shapes_, &shape, &field.key);
    if (!known) {
      if (!cursor->CheckString(&field.key)) return false;
      if (cursor->Peek() != ':') return cursor->Stop();
      cursor->Advance();
    }
    const bool valid = cursor->Peek() == '"' ? cursor->CheckString(&field.value)
                                             : cursor->Check(limits_.depth_max - 1, &field.value);
    if (!valid) return false;
    if (field.value.kind == '{') field.shape = cursor->shape();
    if (!known && shape != KeyShapes::kNone) {
      shape = field.key.escaped ? KeyShapes::kNone : shapes_.Next(shape, cursor->Raw(field.key));
    }
    field.name =
        shape != KeyShapes::kNone ? &shapes_.FieldOf(shape) : &FindField(cursor->Inside(field.key));
    field.rank = field.name->rank;
    roles_ |= RoleBit(field.name->role);
  }
  shape_ = shape;
  event->end = cursor->position() + 1;
  cursor->Advance();
  return true;
}

// Of an event whose names are all columns, the choice that one with the same names led to.
bool EventReader::ChooseAsBefore() {
  if (shape_ == KeyShapes::kNone || roles_ != RoleBit(FieldRole::kColumn)) return false;
  const Choice& choice = choices_[shape_ % kChoices];
  if (choice.number != shapes_.NumberOf(shape_)) return false;
  chosen_ = choice.chosen;
  chosen_bits_ = choice.bits;
  members_.clear();
  context_text_.clear();
  own_fields_ = fields_.size();
  return true;
}

void EventReader::NoteChoice() {
  const bool columns_only = roles_ == RoleBit(FieldRole::kColumn) && members_.empty();
  if (shape_ == KeyShapes::kNone || !columns_only) return;
  choices_[shape_ % kChoices] = {shapes_.NumberOf(shape_), chosen_bits_, chosen_};
}

// Decides for every field whether it is a column or goes into properties.
void EventReader::ChooseFields(const JsonCursor& cursor) {
  if (ChooseAsBefore()) return;
  chosen_bits_ = 0;
  members_.clear();
  context_text_.clear();
  const bool cloud = (roles_ & RoleBit(FieldRole::kCloudVersion)) != 0;
  own_fields_ = fields_.size();
  const std::uint32_t data = cloud ? LastOf(FieldRole::kCloudData) : kNone;
  if (data != kNone) OpenData(cursor, fields_[data].value);
  const std::uint32_t context = LastOf(FieldRole::kContext);
  for (std::uint32_t i = 0; i < fields_.size(); ++i) {
    const Field& field = fields_[i];
    switch (field.name->role) {
      case FieldRole::kColumn:
        Place(i);
        break;
      case FieldRole::kCloudId:
        cloud&& i < own_fields_ ? Place(i) : AddOther(i);
        break;
      case FieldRole::kCloudData:
        if (i != data) AddOther(i);
        break;
      case FieldRole::kContext:
        i == context ? OpenContext(cursor, i) : AddOther(i);
        break;
      default:
        AddOther(i);
    }
  }
  for (Member& member : members_) {
    if (member.name.data() == nullptr) member.name = Decoded(cursor, member.key);
  }
  NoteChoice();
}

// The last field of that role, if it is an object.
std::uint32_t EventReader::LastOf(FieldRole role) const {
  if ((roles_ & RoleBit(role)) == 0) return kNone;
  for (std::size_t i = fields_.size(); i-- > 0;) {
    if (fields_[i].name->role != role) continue;
    return fields_[i].value.kind == '{' ? static_cast<std::uint32_t>(i) : kNone;
  }
  return kNone;
}

// Of two names of a column the lower rank is the column, and of equal ones the last.
void EventReader::Place(std::uint32_t index) {
  const Column column = fields_[index].name->column;
  if ((chosen_bits_ & Bit(column)) == 0) return Choose(index);
  const std::uint32_t other = chosen_[Index(column)];
  const bool wins = fields_[index].rank <= fields_[other].rank;
  if (wins) Choose(index);
  if (fields_[index].rank != fields_[other].rank) AddOther(wins ? other : index);
}

void EventReader::AddOther(std::uint32_t index) {
  members_.push_back({{}, fields_[index].key, fields_[index].value, {}, false});
}

void EventReader::OpenData(const JsonCursor& cursor, JsonSpan data) {
  ForEachMember(cursor, data,
                [this](const JsonCursor& in, const JsonSpan& key, const JsonSpan& value) {
                  const FieldName& name = FindField(in.Inside(key));
                  const auto rank = static_cast<std::uint8_t>(name.rank + kDataRank);
                  fields_.push_back({key, value, &name, rank, KeyShapes::kNone});
                  roles_ |= RoleBit(name.role);
                });
}

// ip and userAgent become columns; what is left stays together as `context`.
void EventReader::OpenContext(const JsonCursor& cursor, std::uint32_t index) {
  const JsonSpan object = fields_[index].value;
  bool some_placed = false;
  context_text_ = "{";
  ForEachMember(cursor, object,
                [&](const JsonCursor& in, const JsonSpan& key, const JsonSpan& value) {
                  if (PlaceContextMember(in, key, value)) {
                    some_placed = true;
                    return;
                  }
                  if (context_text_.size() > 1) context_text_.push_back(',');
                  context_text_.append(in.Raw(key)).push_back(':');
                  AppendCanonical(in, value, &context_text_);
                });
  context_text_.push_back('}');
  if (!some_placed) return AddOther(index);
  if (context_text_.size() > 2) {
    members_.push_back({"context", fields_[index].key, object, context_text_, false});
  }
}

bool EventReader::PlaceContextMember(const JsonCursor& cursor, const JsonSpan& key,
                                     const JsonSpan& value) {
  const FieldName& name = FindContextField(cursor.Inside(key));
  if (name.role != FieldRole::kColumn || value.kind != '"') return false;
  if ((chosen_bits_ & Bit(name.column)) != 0 &&
      fields_[chosen_[Index(name.column)]].rank < name.rank) {
    return false;
  }
  fields_.push_back({key, value, &name, name.rank, KeyShapes::kNone});
  return true;
}

std::string_view EventReader::Decoded(const JsonCursor& cursor, const JsonSpan& string) {
  if (!string.escaped) return cursor.Inside(string);
  const std::size_t at = arena_.size();
  TM_CHECK(DecodeJsonString(cursor.Inside(string), &arena_) == JsonFault::kNone);
  return std::string_view(arena_).substr(at);
}

bool EventReader::Fill(const JsonCursor& cursor, EventFault* fault) {
  view_.present = 0;
  view_.made = 0;
  view_.properties_shape = 0;
  if (context_->rules == JsonRules::kStrict && !CheckStrict(cursor, fault)) return false;
  if (context_->rules == JsonRules::kCloudEvent && !CheckCloudEvent(cursor, fault)) return false;
  for (std::uint32_t bits = chosen_bits_ & kOwnText; bits != 0; bits &= bits - 1) {
    const auto column = static_cast<Column>(std::countr_zero(bits));
    const JsonSpan& value = fields_[chosen_[Index(column)]].value;
    if (value.kind == '"' && !value.escaped) {  // Nearly every one.
      view_.SetText(column, cursor.Inside(value));
      continue;
    }
    const Field* field = Chosen(column);
    if (field != nullptr && !FillText(cursor, *field, fault)) return false;
  }
  if (!view_.Has(Column::kEventType) || view_.Text(Column::kEventType).empty()) {
    *fault = {"missing_field", "`event_type` is missing"};
    return false;
  }
  if (!CheckProject(cursor, fault) || !FillTime(cursor, fault) || !FillValue(cursor, fault) ||
      !FillProperties(cursor, fault)) {
    return false;
  }
  if (!view_.Has(Column::kEventId) || view_.Text(Column::kEventId).empty()) MakeId();
  if (IdIsOfSource()) view_.made |= kIdOfSource;
  return true;
}

// CloudEvents 1.0: `source` and `id` together name an event. Only of its own two attributes, for
// one of `data` says nothing of the sort.
bool EventReader::IdIsOfSource() const {
  if ((roles_ & RoleBit(FieldRole::kCloudVersion)) == 0 || (view_.made & kMadeId) != 0) {
    return false;
  }
  const Field* id = Chosen(Column::kEventId);
  if (id == nullptr || id->name->role != FieldRole::kCloudId) return false;
  const Field* source = Chosen(Column::kSource);
  return source != nullptr && source < &fields_[own_fields_] &&
         !view_.Text(Column::kSource).empty();
}

bool EventReader::FillText(const JsonCursor& cursor, const Field& field, EventFault* fault) {
  if (field.value.kind == '{' || field.value.kind == '[') {
    *fault = {"wrong_type", Quoted(field.name->name) + " must be a string"};
    return false;
  }
  view_.SetText(field.name->column,
                field.value.kind == '"' ? Decoded(cursor, field.value) : cursor.Raw(field.value));
  return true;
}

bool EventReader::FillTime(const JsonCursor& cursor, EventFault* fault) {
  view_.present |= Bit(Column::kTimestamp);
  view_.timestamp = context_->received_at;
  const Field* field = Chosen(Column::kTimestamp);
  if (field == nullptr) {
    view_.made |= kMadeTime;
    return true;
  }
  std::optional<TimeMicros> time;
  if (field->value.kind == '"') {
    time = TimeOfText(Decoded(cursor, field->value));
  } else if (field->value.kind == '0') {
    time = context_->rules == JsonRules::kStrict ? TimeOfMillis(cursor.Raw(field->value))
                                                 : TimeOfNumber(cursor.Raw(field->value));
  }
  if (!time) {
    *fault = {"bad_timestamp",
              Quoted(field->name->name) +
                  " must be an ISO 8601 time, as 2026-01-02T03:04:05Z, or a "
                  "number of s, ms, us or ns since 1970, in the years 0001 to 9999"};
    return false;
  }
  view_.timestamp = *time;
  return true;
}

bool EventReader::FillValue(const JsonCursor& cursor, EventFault* fault) {
  const Field* field = Chosen(Column::kValue);
  if (field == nullptr) return true;
  const std::string_view raw = cursor.Raw(field->value);
  if (field->value.kind == '0' &&
      std::from_chars(raw.data(), raw.data() + raw.size(), view_.value).ec == std::errc()) {
    view_.present |= Bit(Column::kValue);
    return true;
  }
  *fault = {"wrong_type", "`value` must be a number that a double can hold"};
  return false;
}

bool EventReader::CheckProject(const JsonCursor& cursor, EventFault* fault) {
  const Field* field = Chosen(Column::kProjectId);
  if (field == nullptr) return true;
  const bool same = field->value.kind == '"' ? Decoded(cursor, field->value) == context_->project
                                             : cursor.Raw(field->value) == context_->project;
  if (!same) *fault = {"wrong_project", "the event names another project than the key's"};
  return same;
}

bool EventReader::CheckStrict(const JsonCursor& /*cursor*/, EventFault* fault) const {
  struct Rule {
    Column column;
    char kind;
    std::string_view must;
  };
  constexpr std::array<Rule, 4> kRules = {{
      {Column::kTimestamp, '0', " must be a number of milliseconds since 1970"},
      {Column::kEventType, '"', " must be a string"},
      {Column::kUserId, '"', " must be a string"},
      {Column::kValue, '0', " must be a number"},
  }};
  for (const Rule& rule : kRules) {
    const Field* field = Chosen(rule.column);
    if (field == nullptr) {
      *fault = {"missing_field", Quoted(Info(rule.column).name) + " is missing"};
      return false;
    }
    if (field->value.kind != rule.kind) {
      *fault = {"wrong_type", Quoted(Info(rule.column).name) + std::string(rule.must)};
      return false;
    }
  }
  return true;
}

// CloudEvents 1.0, "Required attributes".
bool EventReader::CheckCloudEvent(const JsonCursor& cursor, EventFault* fault) const {
  for (const std::string_view name : {"specversion", "id", "source", "type"}) {
    const Field* found = nullptr;
    for (std::size_t i = 0; i < own_fields_; ++i) {
      if (fields_[i].name->name == name) found = &fields_[i];
    }
    if (found == nullptr) {
      *fault = {"missing_field", Quoted(name) + " is missing: CloudEvents 1.0 requires it"};
      return false;
    }
    if (found->value.kind != '"' || cursor.Inside(found->value).empty()) {
      *fault = {"wrong_type", Quoted(name) + " must be a text that is not empty"};
      return false;
    }
    if (name == "specversion" && cursor.Inside(found->value) != "1.0") {
      *fault = {"wrong_type", "`specversion` must be \"1.0\""};
      return false;
    }
  }
  return true;
}

bool EventReader::FillProperties(const JsonCursor& cursor, EventFault* fault) {
  const Field* field = Chosen(Column::kProperties);
  if (field != nullptr && field->value.kind != '{') {
    *fault = {"wrong_type", field->value.kind == '"'
                                ? "`properties` must be an object and is a text: send the JSON "
                                  "itself, without quotes around it"
                                : "`properties` must be an object"};
    return false;
  }
  if (field == nullptr && members_.empty()) return true;
  if (field != nullptr && members_.empty() && field->value.plain) {
    view_.SetText(Column::kProperties, cursor.Raw(field->value));
    if (field->shape != KeyShapes::kNone) view_.properties_shape = shapes_.NumberOf(field->shape);
    return true;
  }
  properties_.clear();
  if (field != nullptr && members_.empty()) {
    AppendCanonical(cursor, field->value, &properties_);
  } else if (field == nullptr || !Splice(cursor, *field)) {
    Merge(cursor, field);
  }
  view_.SetText(Column::kProperties, properties_);
  return true;
}

// Puts the other members before those of a `properties` that is in its canonical form already, if
// it can have none of their names.
bool EventReader::Splice(const JsonCursor& cursor, const Field& properties) {
  const std::string_view raw = cursor.Raw(properties.value);
  if (!properties.value.plain || raw.size() <= 2 || members_.size() > 8) return false;
  for (const Member& member : members_) {
    if (member.key.escaped || raw.find(cursor.Raw(member.key)) != std::string_view::npos) {
      return false;
    }
  }
  DropRepeated();
  AppendMembers(cursor);
  properties_.back() = ',';
  properties_.append(raw.substr(1));
  return true;
}

// The members of `properties` come last: they count where a name is there twice.
void EventReader::Merge(const JsonCursor& cursor, const Field* properties) {
  if (properties != nullptr) {
    ForEachMember(cursor, properties->value,
                  [this](const JsonCursor& in, const JsonSpan& key, const JsonSpan& value) {
                    members_.push_back({Decoded(in, key), key, value, {}, false});
                  });
  }
  DropRepeated();
  AppendMembers(cursor);
}

void EventReader::DropRepeated() {
  if (members_.size() > kLinearMembersMax) {
    std::vector<Member*> order;
    order.reserve(members_.size());
    for (Member& member : members_) order.push_back(&member);
    std::stable_sort(order.begin(), order.end(),
                     [](const Member* a, const Member* b) { return a->name < b->name; });
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
      order[i]->dropped = order[i]->name == order[i + 1]->name;
    }
    return;
  }
  std::uint64_t seen = 0;
  for (std::size_t i = members_.size(); i-- > 0;) {
    const std::uint64_t bit = NameBit(members_[i].name);
    if ((seen & bit) != 0) {
      for (std::size_t later = i + 1; later < members_.size(); ++later) {
        members_[i].dropped |= members_[later].name == members_[i].name;
      }
    }
    seen |= bit;
  }
}

void EventReader::AppendMembers(const JsonCursor& cursor) {
  properties_.push_back('{');
  for (const Member& member : members_) {
    if (member.dropped) continue;
    if (properties_.size() > 1) properties_.push_back(',');
    if (member.key.escaped) {
      AppendJsonString(&properties_, member.name);
    } else {
      properties_.append(cursor.Raw(member.key));
    }
    properties_.push_back(':');
    if (member.text.empty()) {
      AppendCanonical(cursor, member.value, &properties_);
    } else {
      properties_.append(member.text);
    }
  }
  properties_.push_back('}');
}

void EventReader::MakeId() {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::uint64_t a = dice_();
  const Uuid uuid = MakeUuidV7(context_->received_at, a, dice_());
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) made_id_[at++] = '-';
    made_id_[at++] = kHex[uuid.bytes[i] >> 4U];
    made_id_[at++] = kHex[uuid.bytes[i] & 15U];
  }
  view_.SetText(Column::kEventId, {made_id_.data(), made_id_.size()});
  view_.made |= kMadeId;
}

}  // namespace tidemark::event
