// The tokens of a JSON text: where each one begins, found by simdjson's first stage (which also
// proves UTF-8, closed strings and no bare control characters), and the strict grammar on top.
//
// A cursor walks tokens in order and checks everything it passes: what Check accepted is JSON by
// RFC 8259. One thread; the text must outlive what reads it.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "event/key_shapes.h"

namespace tidemark::event {

inline constexpr std::size_t kJsonPadding = 64;

// Reusable memory for the first stage.
class JsonIndexer {
 public:
  JsonIndexer();
  JsonIndexer(const JsonIndexer&) = delete;
  JsonIndexer& operator=(const JsonIndexer&) = delete;
  ~JsonIndexer();

  // `kJsonPadding` bytes after `text` must be readable. kInvalidArgument says what is wrong.
  Status Index(std::string_view text);
  // Token starts of the last text, and after them its size.
  const std::uint32_t* starts() const;
  std::uint32_t count() const;
  // The names that objects of earlier texts had, for a cursor's Use.
  KeyShapes& shapes();
  // For a cursor's UseEnds: where the objects and arrays of the last text end, of none of them yet.
  std::uint32_t* NoEnds();
  // Gives back memory that only a large body needed.
  void Trim();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One value of the text, as Check or Skim passed it.
struct JsonSpan {
  std::uint32_t token = 0;  // Index of its first token.
  std::uint32_t begin = 0;  // Bytes in the text.
  std::uint32_t end = 0;
  char kind = 0;         // '"' string, '{', '[', 't', 'f', 'n', or '0' for a number.
  bool plain = true;     // Its text is its canonical form: no blanks, escapes or repeated keys.
  bool escaped = false;  // A string with a backslash.
};

// What is wrong inside an event whose brackets and commas are right.
enum class JsonFault : std::uint8_t { kNone, kTooDeep, kBadEscape, kNulCharacter };

class JsonCursor {
 public:
  JsonCursor() = default;
  // `count` tokens of `text` from `starts` on; starts[count] must be readable.
  JsonCursor(std::string_view text, const std::uint32_t* starts, std::uint32_t count);

  bool AtEnd() const { return at_ >= count_; }
  // The first character of the token at the cursor; 0 at the end.
  char Peek() const { return at_ < count_ ? text_[starts_[at_]] : '\0'; }
  std::uint32_t at() const { return at_; }
  void Advance() { ++at_; }
  // Where the token at the cursor begins; the size of the text at the end.
  std::uint32_t position() const { return starts_[at_]; }
  std::string_view text() const { return text_; }
  // Makes the cursor end before the first token at or after `position`, or at its real end again.
  void LimitTo(std::uint32_t position, std::uint32_t count);
  void MoveTo(std::uint32_t token) {
    if (token < at_) next_backslash_ = 0;  // One that lies before it may have been passed.
    at_ = token;
  }
  std::uint32_t count() const { return count_; }

  // Objects that are checked from here on are told by their names. `shapes` must outlive the
  // cursor.
  void Use(KeyShapes* shapes) { shapes_ = shapes; }
  // Check notes there, by their first tokens, behind which token objects and arrays end, so that
  // Skim need not look for it. 0: not noted. `ends` must outlive the cursor.
  void UseEnds(std::uint32_t* ends) { ends_ = ends; }
  // Of the object that Check passed last, if its text is its canonical form; kNone: not known.
  KeyShapes::Shape shape() const { return shape_; }

  // Passes one value and checks all of it. False: not JSON; failed_at() says where. Sets fault()
  // (the first one stays) for what is well formed but not accepted. `depth_left`: how many levels
  // of objects and arrays may open.
  bool Check(std::uint32_t depth_left, JsonSpan* span);
  // Passes a string token; false if there is none here.
  bool CheckString(JsonSpan* span) {
    const std::uint32_t at = at_;
    if (at >= count_) return Stop();
    const std::uint32_t begin = starts_[at];
    const std::uint32_t next = starts_[at + 1];
    const char* text = text_.data();
    // The whole string, right before the next token and without a backslash: nearly every one.
    if (text[begin] != '"' || next < begin + 2 || text[next - 1] != '"' ||
        HasBackslash(begin, next)) {
      return CheckUnusualString(span);
    }
    *span = {at, begin, next, '"', true, false};
    at_ = at + 1;
    return true;
  }
  // Passes a name and its colon, if `shape`, which becomes the sequence with it, knows that such a
  // name may come here and there is no blank between them.
  bool TakeKnownKey(KeyShapes* shapes, KeyShapes::Shape* shape, JsonSpan* key) {
    const std::uint32_t at = at_;
    if (at + 1 >= count_) return false;
    const std::uint32_t begin = starts_[at];
    // A name has no quote inside: the string ends where the name does.
    const KeyShapes::Shape next = shapes->Known(*shape, text_.data() + begin);
    if (next == KeyShapes::kNone) return false;
    *key = {at, begin, begin + shapes->KeyBytes(next), '"', true, false};
    *shape = next;
    at_ = at + 2;
    return true;
  }
  // Passes a value that Check has accepted before.
  void Skim(JsonSpan* span);

  // The bytes of a string between its quotes, as they stand.
  std::string_view Inside(const JsonSpan& string) const {
    return text_.substr(string.begin + 1, string.end - string.begin - 2);
  }
  std::string_view Raw(const JsonSpan& span) const {
    return text_.substr(span.begin, span.end - span.begin);
  }

  // Notes the cursor's place as failed_at(); false.
  bool Stop();
  JsonFault fault() const { return fault_; }
  void ClearFault() { fault_ = JsonFault::kNone; }
  std::uint32_t failed_at() const { return failed_at_; }

 private:
  struct KeyRef {
    const char* begin;
    std::uint64_t size;
    std::uint64_t head;  // Up to 8 first bytes.
  };
  // A bit for each hash of a key that the object has: most keys need no comparison.
  using SeenKeys = std::array<std::uint64_t, 4>;
  // An object that is being checked: its names are told by its shape, or else one by one.
  struct OpenObject {
    KeyShapes::Shape shape = KeyShapes::kNone;
    std::size_t first_key = 0;  // In keys_.
    SeenKeys seen{};
  };
  // Strings are asked about in rising order, so that all of the text is searched once.
  bool HasBackslash(std::uint32_t begin, std::uint32_t end) {
    return next_backslash_ < end && FindBackslash(begin) < end;
  }
  std::uint64_t FindBackslash(std::uint32_t begin);
  // Tokens are followed by blanks at most.
  std::uint32_t EndBefore(std::uint32_t next_start, std::uint32_t begin) const {
    if (static_cast<unsigned char>(text_[next_start - 1]) > ' ') return next_start;
    return SkipBlanksBefore(next_start, begin);
  }
  std::uint32_t SkipBlanksBefore(std::uint32_t next_start, std::uint32_t begin) const;
  bool CheckUnusualString(JsonSpan* span);
  bool CheckScalar(JsonSpan* span);
  bool CheckObject(std::uint32_t depth_left, JsonSpan* span);
  bool CheckArray(std::uint32_t depth_left, JsonSpan* span);
  bool CheckTooDeep(JsonSpan* span);
  bool IsNewKey(std::string_view key, OpenObject* object);
  bool AddKey(std::string_view key, OpenObject* object);
  void SkipNested();
  void NoteEnd(std::uint32_t token) {
    if (ends_ != nullptr) ends_[token] = at_;
  }

  std::string_view text_;
  const std::uint32_t* starts_ = nullptr;
  std::uint32_t count_ = 0;
  std::uint32_t at_ = 0;
  std::uint32_t failed_at_ = 0;
  std::uint64_t next_backslash_ = 0;  // The first at or after where we looked last.
  JsonFault fault_ = JsonFault::kNone;
  std::vector<KeyRef> keys_;  // Of the objects that are open, outermost first.
  std::uint32_t* ends_ = nullptr;
  KeyShapes* shapes_ = nullptr;
  KeyShapes::Shape shape_ = KeyShapes::kNone;
};

// The members of an object that Check accepted: calls `visit(cursor, key, value)` for each.
template <class Visit>
void ForEachMember(const JsonCursor& from, const JsonSpan& object, Visit visit) {
  JsonCursor cursor = from;
  cursor.MoveTo(object.token + 1);
  while (cursor.Peek() != '}') {
    if (cursor.Peek() == ',') cursor.Advance();
    JsonSpan key;
    JsonSpan value;
    cursor.Skim(&key);
    cursor.Advance();
    cursor.Skim(&value);
    visit(cursor, key, value);
  }
}

// Decodes the inside of a string that has escapes; appends UTF-8. kNulCharacter and kBadEscape (a
// lone surrogate among them) leave `out` as it was.
JsonFault DecodeJsonString(std::string_view inside, std::string* out);

bool IsJsonNumber(std::string_view text);

// Appends the canonical form of a value that Check accepted without fault: no blanks, of repeated
// keys the last, escapes only where they must be, numbers with the digits they have.
void AppendCanonical(const JsonCursor& cursor, const JsonSpan& value, std::string* out);

}  // namespace tidemark::event
