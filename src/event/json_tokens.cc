#include "event/json_tokens.h"

#include <algorithm>

#include <simdjson.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/text_scan.h"
#include "base/units.h"

namespace tidemark::event {
namespace {

constexpr std::size_t kKeptBytesMax = 4_MiB;  // Capacity that an indexer keeps between bodies.
constexpr std::size_t kPairwiseKeysMax = 64;  // Above, repeated keys are looked for by sorting.
constexpr std::size_t kKeysReserved = 32;     // Of one event, as a rule.

bool IsBlank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hex digits at the front of `text`; negative if there are not four.
std::int32_t FourHex(std::string_view text) {
  if (text.size() < 4) return -1;
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    sum = sum * 16 + digit;
  }
  return sum;
}

void AppendUtf8(std::string* out, std::uint32_t point) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out->push_back(static_cast<char>(0xC0 | point >> 6));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else if (point < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | point >> 12));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | point >> 18));
    out->push_back(static_cast<char>(0x80 | (point >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  }
}

// `text` begins after "\u". Takes what it reads off it.
JsonFault DecodeUnicode(std::string_view* text, std::string* out) {
  const std::int32_t first = FourHex(*text);
  if (first < 0) return JsonFault::kBadEscape;
  text->remove_prefix(4);
  auto point = static_cast<std::uint32_t>(first);
  if (point == 0) return JsonFault::kNulCharacter;
  if (point >= 0xDC00 && point < 0xE000) return JsonFault::kBadEscape;
  if (point >= 0xD800 && point < 0xDC00) {
    if (text->substr(0, 2) != "\\u") return JsonFault::kBadEscape;
    const std::int32_t second = FourHex(text->substr(2));
    if (second < 0xDC00 || second >= 0xE000) return JsonFault::kBadEscape;
    text->remove_prefix(6);
    point = 0x10000 + ((point - 0xD800) << 10) + static_cast<std::uint32_t>(second - 0xDC00);
  }
  AppendUtf8(out, point);
  return JsonFault::kNone;
}

JsonFault DecodeEscapes(std::string_view rest, std::string* out) {
  constexpr std::string_view kFrom = "\"\\/bfnrt";
  constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
  for (;;) {
    const std::size_t slash = rest.find('\\');
    out->append(rest.substr(0, slash));
    if (slash == std::string_view::npos) return JsonFault::kNone;
    rest.remove_prefix(slash + 1);
    if (rest.empty()) return JsonFault::kBadEscape;
    const char escape = rest.front();
    rest.remove_prefix(1);
    if (escape == 'u') {
      if (const JsonFault fault = DecodeUnicode(&rest, out); fault != JsonFault::kNone) {
        return fault;
      }
    } else if (const std::size_t which = kFrom.find(escape); which != std::string_view::npos) {
      out->push_back(kTo[which]);
    } else {
      return JsonFault::kBadEscape;
    }
  }
}

const char* SkipDigits(const char* at, const char* end) {
  while (at != end && IsDigit(*at)) ++at;
  return at;
}

// Up to seven digits, and as many behind a point: nearly every number. Up to 16 bytes behind its
// beginning are read.
bool IsUsualNumber(const char* at, std::size_t size) {
  const std::size_t whole = CountDigits(at);
  if (whole == 0 || whole > 7 || (*at == '0' && whole > 1)) return false;
  if (whole == size) return true;
  if (at[whole] != '.') return false;
  const std::size_t fraction = CountDigits(at + whole + 1);
  return fraction > 0 && whole + 1 + fraction == size;
}

// true, false or null. Up to 4 bytes behind `text` are read.
bool IsWord(std::string_view text) {
  constexpr std::uint32_t kTrue = 0x65757274;  // The words' first four characters.
  constexpr std::uint32_t kFalse = 0x736C6166;
  constexpr std::uint32_t kNull = 0x6C6C756E;
  std::uint32_t head = 0;
  std::memcpy(&head, text.data(), sizeof head);
  if (text.size() == 4) return head == kTrue || head == kNull;
  return text.size() == 5 && head == kFalse && text[4] == 'e';
}

// The decoded text of a checked string.
std::string_view TextOf(const JsonCursor& cursor, const JsonSpan& string, std::string* scratch) {
  if (!string.escaped) return cursor.Inside(string);
  scratch->clear();
  TM_CHECK(DecodeJsonString(cursor.Inside(string), scratch) == JsonFault::kNone);
  return *scratch;
}

void AppendString(const JsonCursor& cursor, const JsonSpan& string, std::string* out) {
  if (!string.escaped) {
    out->append(cursor.Raw(string));
    return;
  }
  std::string scratch;
  AppendJsonString(out, TextOf(cursor, string, &scratch));
}

struct Member {
  std::string key;
  JsonSpan key_span;
  JsonSpan value;
};

void AppendObject(const JsonCursor& at, std::string* out) {
  JsonCursor cursor = at;
  cursor.Advance();
  std::vector<Member> members;
  while (cursor.Peek() != '}') {
    if (cursor.Peek() == ',') cursor.Advance();
    Member& member = members.emplace_back();
    cursor.Skim(&member.key_span);
    std::string scratch;
    member.key = TextOf(cursor, member.key_span, &scratch);
    cursor.Advance();  // ':'
    cursor.Skim(&member.value);
  }
  // Of repeated keys the last counts.
  std::vector<std::size_t> order(members.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&members](std::size_t a, std::size_t b) {
    return members[a].key < members[b].key;
  });
  std::vector<bool> dropped(members.size());
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    dropped[order[i]] = members[order[i]].key == members[order[i + 1]].key;
  }
  out->push_back('{');
  const std::size_t begin = out->size();
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (dropped[i]) continue;
    if (out->size() != begin) out->push_back(',');
    AppendString(cursor, members[i].key_span, out);
    out->push_back(':');
    AppendCanonical(cursor, members[i].value, out);
  }
  out->push_back('}');
}

}  // namespace

struct JsonIndexer::State {
  KeyShapes shapes;
  std::vector<std::uint32_t> ends;
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

JsonIndexer::JsonIndexer() : state_(std::make_unique<State>()) {}
JsonIndexer::~JsonIndexer() = default;

Status JsonIndexer::Index(std::string_view text) {
  if (text.size() >= simdjson::SIMDJSON_MAXSIZE_BYTES) {
    return Fail(Code::kInvalidArgument, "the body is too large");
  }
  simdjson::error_code error = simdjson::SUCCESS;
  if (state_->stage == nullptr || state_->stage->capacity() < text.size()) {
    const std::size_t capacity = std::max<std::size_t>(text.size(), 64_KiB);
    // Chooses the widest vectors that this processor has.
    error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        capacity, simdjson::DEFAULT_MAX_DEPTH, state_->stage);
    if (error != simdjson::SUCCESS) return Fail(Code::kOverloaded, "no memory to read the body");
  }
  error = state_->stage->stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                simdjson::stage1_mode::regular);
  switch (error) {
    case simdjson::SUCCESS:
      return {};
    case simdjson::EMPTY:
      return Fail(Code::kInvalidArgument, "there is nothing in it");
    case simdjson::UTF8_ERROR:
      return Fail(Code::kInvalidArgument, "it is not valid UTF-8");
    case simdjson::UNCLOSED_STRING:
      return Fail(Code::kInvalidArgument, "a string is not closed");
    case simdjson::UNESCAPED_CHARS:
      return Fail(Code::kInvalidArgument,
                  "a control character stands in a string; write it as an escape");
    default:
      return Fail(Code::kInvalidArgument, simdjson::error_message(error));
  }
}

const std::uint32_t* JsonIndexer::starts() const { return state_->stage->structural_indexes.get(); }
std::uint32_t JsonIndexer::count() const { return state_->stage->n_structural_indexes; }

KeyShapes& JsonIndexer::shapes() { return state_->shapes; }

std::uint32_t* JsonIndexer::NoEnds() {
  state_->ends.assign(count(), 0);
  return state_->ends.data();
}

void JsonIndexer::Trim() {
  if (state_->ends.capacity() * sizeof state_->ends[0] > kKeptBytesMax) state_->ends = {};
  if (state_->stage != nullptr && state_->stage->capacity() > kKeptBytesMax) state_->stage.reset();
}

JsonCursor::JsonCursor(std::string_view text, const std::uint32_t* starts, std::uint32_t count)
    : text_(text), starts_(starts), count_(count) {}

void JsonCursor::LimitTo(std::uint32_t position, std::uint32_t count) {
  count_ = static_cast<std::uint32_t>(std::lower_bound(starts_ + at_, starts_ + count, position) -
                                      starts_);
}

bool JsonCursor::Stop() {
  failed_at_ = starts_[std::min(at_, count_)];
  return false;
}

std::uint64_t JsonCursor::FindBackslash(std::uint32_t begin) {
  if (next_backslash_ < begin || text_[next_backslash_] != '\\') {
    const std::size_t found = text_.find('\\', begin);
    next_backslash_ = found == std::string_view::npos ? text_.size() : found;
  }
  return next_backslash_;
}

std::uint32_t JsonCursor::SkipBlanksBefore(std::uint32_t next_start, std::uint32_t begin) const {
  while (next_start > begin + 1 && IsBlank(text_[next_start - 1])) --next_start;
  return next_start;
}

bool JsonCursor::CheckUnusualString(JsonSpan* span) {
  if (Peek() != '"') return Stop();
  span->token = at_;
  span->begin = starts_[at_];
  span->end = EndBefore(starts_[at_ + 1], span->begin);
  span->kind = '"';
  if (span->end < span->begin + 2 || text_[span->end - 1] != '"') return Stop();
  span->escaped = HasBackslash(span->begin, span->end);
  span->plain = !span->escaped;
  if (span->escaped && fault_ == JsonFault::kNone) {
    std::string decoded;
    fault_ = DecodeJsonString(Inside(*span), &decoded);
  }
  ++at_;
  return true;
}

bool JsonCursor::CheckScalar(JsonSpan* span) {
  if (at_ >= count_) return Stop();
  span->token = at_;
  span->begin = starts_[at_];
  span->end = EndBefore(starts_[at_ + 1], span->begin);
  span->plain = true;
  span->escaped = false;
  if (IsUsualNumber(text_.data() + span->begin, span->end - span->begin)) {
    span->kind = '0';
    ++at_;
    return true;
  }
  const std::string_view raw = Raw(*span);
  const bool word = IsWord(raw);
  if (!word && !IsJsonNumber(raw)) return Stop();
  span->kind = word ? raw.front() : '0';
  ++at_;
  return true;
}

// Whether the object had no such key before. `key` has its quotes.
bool JsonCursor::IsNewKey(std::string_view key, OpenObject* object) {
  if (object->shape != KeyShapes::kNone) {
    const KeyShapes::Shape next = shapes_->Next(object->shape, key);
    if (next != KeyShapes::kNone) {
      object->shape = next;
      return true;
    }
    // From here on key by key.
    shapes_->ForEachKey(object->shape, [&](std::string_view earlier) { AddKey(earlier, object); });
    object->shape = KeyShapes::kNone;
  }
  return AddKey(key, object);
}

// False if the object has that key already.
bool JsonCursor::AddKey(std::string_view key, OpenObject* object) {
  const std::size_t first_key = object->first_key;
  KeyRef ref{key.data() + 1, key.size() - 2, 0};
  // The key's bytes, its closing quote and padding are readable.
  std::uint64_t more = 0;  // Up to 8 bytes that follow.
  std::memcpy(&ref.head, ref.begin, 8);
  std::memcpy(&more, ref.begin + 8, 8);
  ref.head &= ref.size >= 8 ? ~0ULL : (1ULL << (ref.size * 8)) - 1;
  more &= ref.size >= 16 ? ~0ULL : ref.size <= 8 ? 0 : (1ULL << (ref.size * 8 - 64)) - 1;
  const std::uint64_t mixed =
      (ref.head ^ (more + ref.size) * 0x9E3779B97F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL;
  std::uint64_t& seen_word = object->seen[mixed >> 62];
  const std::uint64_t bit = 1ULL << (mixed >> 56 & 63);
  bool repeated = false;
  if ((seen_word & bit) != 0 && keys_.size() - first_key <= kPairwiseKeysMax) {
    for (std::size_t i = first_key; i < keys_.size() && !repeated; ++i) {
      repeated = keys_[i].head == ref.head && keys_[i].size == ref.size &&
                 std::memcmp(keys_[i].begin, ref.begin, ref.size) == 0;
    }
  }
  seen_word |= bit;
  keys_.push_back(ref);
  return !repeated;
}

bool JsonCursor::Check(std::uint32_t depth_left, JsonSpan* span) {
  switch (Peek()) {
    case '"':
      return CheckString(span);
    case '{':
      return depth_left == 0 ? CheckTooDeep(span) : CheckObject(depth_left - 1, span);
    case '[':
      return depth_left == 0 ? CheckTooDeep(span) : CheckArray(depth_left - 1, span);
    default:
      return CheckScalar(span);
  }
}

bool JsonCursor::CheckObject(std::uint32_t depth_left, JsonSpan* span) {
  OpenObject object{.shape = shapes_ != nullptr ? KeyShapes::kObject : KeyShapes::kNone,
                    .first_key = keys_.size()};
  if (shapes_ == nullptr && keys_.capacity() == 0) keys_.reserve(kKeysReserved);
  const std::uint32_t token = at_;
  const std::uint32_t begin = starts_[token];
  bool plain = true;
  std::uint32_t next = begin + 1;  // Where the next token begins if there are no blanks.
  ++at_;
  for (bool first = true;; first = false) {
    char c = Peek();
    if (c == '}') break;
    plain &= starts_[at_] == next;
    if (!first) {
      if (c != ',') return Stop();
      next = starts_[at_++] + 1;
      plain &= starts_[at_] == next;
    }
    JsonSpan key;
    if (object.shape != KeyShapes::kNone && TakeKnownKey(shapes_, &object.shape, &key)) {
      next = key.end + 1;
    } else {
      if (!CheckString(&key)) return false;
      plain &= key.plain && IsNewKey(Raw(key), &object) && starts_[at_] == key.end;
      if (Peek() != ':') return Stop();
      next = starts_[at_++] + 1;
    }
    plain &= starts_[at_] == next;
    JsonSpan value;
    c = Peek();
    if (c == '"') {
      if (!CheckString(&value)) return false;
    } else if (c == '{' || c == '[') {
      if (!Check(depth_left, &value)) return false;
    } else if (!CheckScalar(&value)) {
      return false;
    }
    plain &= value.plain;
    next = value.end;
  }
  plain &= starts_[at_] == next;
  // Many keys are not compared one by one: the canonical form sorts them anyhow.
  plain &= keys_.size() - object.first_key <= kPairwiseKeysMax;
  *span = {token, begin, starts_[at_++] + 1, '{', plain, false};
  NoteEnd(token);
  keys_.resize(object.first_key);
  shape_ = plain ? object.shape : KeyShapes::kNone;
  return true;
}

bool JsonCursor::CheckArray(std::uint32_t depth_left, JsonSpan* span) {
  bool plain = true;
  span->token = at_;
  span->begin = starts_[at_];
  span->kind = '[';
  span->escaped = false;
  std::uint32_t next = span->begin + 1;
  ++at_;
  for (bool first = true; Peek() != ']'; first = false) {
    plain &= starts_[at_] == next;
    if (!first) {
      if (Peek() != ',') return Stop();
      next = starts_[at_++] + 1;
      plain &= starts_[at_] == next;
    }
    JsonSpan value;
    if (!Check(depth_left, &value)) return false;
    plain &= value.plain;
    next = value.end;
  }
  plain &= starts_[at_] == next;
  span->plain = plain;
  span->end = starts_[at_++] + 1;
  NoteEnd(span->token);
  return true;
}

bool JsonCursor::CheckTooDeep(JsonSpan* span) {
  span->token = at_;
  span->begin = starts_[at_];
  span->kind = Peek();
  span->plain = false;
  if (fault_ == JsonFault::kNone) fault_ = JsonFault::kTooDeep;
  SkipNested();
  if (at_ > count_) {
    at_ = count_;
    return Stop();
  }
  span->end = starts_[at_ - 1] + 1;
  return true;
}

// Passes an object or array by counting brackets; beyond the end if they do not match.
void JsonCursor::SkipNested() {
  if (ends_ != nullptr && ends_[at_] != 0) {
    at_ = ends_[at_];
    return;
  }
  std::uint32_t open = 0;
  while (at_ < count_) {
    const char c = text_[starts_[at_++]];
    if (c == '{' || c == '[') ++open;
    if ((c == '}' || c == ']') && --open == 0) return;
  }
  at_ = count_ + 1;
}

void JsonCursor::Skim(JsonSpan* span) {
  const char c = Peek();
  span->token = at_;
  span->begin = starts_[at_];
  if (c == '{' || c == '[') {
    span->kind = c;
    span->plain = false;
    span->escaped = false;
    SkipNested();
    span->end = starts_[at_ - 1] + 1;
    return;
  }
  span->end = EndBefore(starts_[at_ + 1], span->begin);
  span->kind = c == '-' || IsDigit(c) ? '0' : c;
  span->escaped = c == '"' && HasBackslash(span->begin, span->end);
  span->plain = !span->escaped;
  ++at_;
}

JsonFault DecodeJsonString(std::string_view inside, std::string* out) {
  const std::size_t size = out->size();
  const JsonFault fault = DecodeEscapes(inside, out);
  if (fault != JsonFault::kNone) out->resize(size);
  return fault;
}

bool IsJsonNumber(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at != end && *at == '-') ++at;
  if (at == end || !IsDigit(*at)) return false;
  at = *at == '0' ? at + 1 : SkipDigits(at, end);
  if (at != end && *at == '.') {
    const char* const fraction = at + 1;
    at = SkipDigits(fraction, end);
    if (at == fraction) return false;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* const exponent = at;
    at = SkipDigits(exponent, end);
    if (at == exponent) return false;
  }
  return at == end;
}

void AppendCanonical(const JsonCursor& cursor, const JsonSpan& value, std::string* out) {
  if (value.kind == '"') return AppendString(cursor, value, out);
  if (value.plain) {
    out->append(cursor.Raw(value));
    return;
  }
  JsonCursor inner = cursor;
  inner.MoveTo(value.token);
  if (value.kind == '{') return AppendObject(inner, out);
  out->push_back('[');
  inner.Advance();
  while (inner.Peek() != ']') {
    if (inner.Peek() == ',') {
      inner.Advance();
      out->push_back(',');
    }
    JsonSpan item;
    inner.Skim(&item);
    AppendCanonical(inner, item, out);
  }
  out->push_back(']');
}

}  // namespace tidemark::event
