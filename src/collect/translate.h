// Rewrites the JSON of a dialect into native events, span by span: values are copied as they stand,
// never decoded and encoded again. The tools of the dialects' Translate.
//
// What is no column goes into `properties`, so that no name of a foreign event is taken for a
// native one by chance. Pure but for what it is handed; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "event/json_tokens.h"
#include "event/schema.h"

namespace tidemark::collect {

// Writes one native event.
class NativeEvent {
 public:
  // Appends to `out`, which must outlive it.
  explicit NativeEvent(std::string* out) : out_(out) { properties_.reserve(kUsualBytes); }

  void Begin();
  // Sets a column to a JSON text. False if it is set already: nothing is written then. A null sets
  // nothing, and is true.
  bool Set(event::Column column, std::string_view json);
  bool Has(event::Column column) const { return (set_ & event::Bit(column)) != 0; }
  // Adds a member of `properties`; of one name the last counts. `key` is JSON text with its quotes.
  void AddProperty(std::string_view key, std::string_view json);
  // A member of a name that needs no escape.
  void AddNamed(std::string_view name, std::string_view json);
  // Until Close with what it gives, what is added are members of an object that is the property (or
  // member) `key`; one that gets none is not there.
  std::size_t Open(std::string_view key);
  void Close(std::size_t opened);
  void End();

 private:
  static constexpr std::size_t kUsualBytes = 512;  // Of properties, hardly ever more.

  void StartMember(std::string_view key);

  std::string* const out_;
  std::string properties_;  // The members, without the braces.
  std::uint32_t set_ = 0;
};

// Where a name, or `object.member`, of a foreign event goes.
struct ColumnOfName {
  std::string_view name;
  event::Column column;
};

// Moves the members of `object` that `table` names into columns and adds what is left of it as the
// property `key`, also one level down: "page.url" is the member `url` of the member `page`. Only
// strings, numbers and booleans are moved.
void MoveColumns(const event::JsonCursor& cursor, const event::JsonSpan& key,
                 const event::JsonSpan& object, std::span<const ColumnOfName> table,
                 NativeEvent* event);

// The same for one member of an event or its properties: a column, or a property; no names with an
// outer one.
void PlaceMember(const event::JsonCursor& cursor, const event::JsonSpan& key,
                 const event::JsonSpan& value, std::span<const ColumnOfName> table,
                 NativeEvent* event);

// The events of a body: it is a list of them, or has one as a member of a certain name, or is one
// event itself. The body must have kJsonPadding readable bytes behind it.
class BodyReader {
 public:
  BodyReader(std::string_view body, event::JsonIndexer* indexer) : body_(body), indexer_(indexer) {}

  // Reads all of it; `name` is that of the list. kInvalidArgument: it is no JSON.
  Status Open(std::string_view name);
  // visit(cursor, key, value) for the members beside the list.
  template <class Visit>
  void ForEachOuter(const Visit& visit) const {
    if (!has_outer_) return;
    event::ForEachMember(
        cursor_, whole_,
        [&](const event::JsonCursor& in, const event::JsonSpan& key, const event::JsonSpan& value) {
          if (value.token != list_.token) visit(in, key, value);
        });
  }
  // visit(cursor, value) for every event, which need not be an object.
  template <class Visit>
  void ForEachEvent(const Visit& visit) const {
    if (!is_list_) {
      visit(cursor_, whole_);
      return;
    }
    event::JsonCursor cursor = cursor_;
    cursor.MoveTo(list_.token + 1);
    while (cursor.Peek() != ']') {
      if (cursor.Peek() == ',') cursor.Advance();
      event::JsonSpan element;
      cursor.Skim(&element);
      visit(cursor, element);
    }
  }
  bool is_list() const { return is_list_; }
  const event::JsonCursor& cursor() const { return cursor_; }
  const event::JsonSpan& whole() const { return whole_; }
  // The first event; false if the list is empty.
  bool First(event::JsonSpan* event) const {
    *event = whole_;
    if (!is_list_) return true;
    event::JsonCursor cursor = cursor_;
    cursor.MoveTo(list_.token + 1);
    if (cursor.Peek() == ']') return false;
    cursor.Skim(event);
    return true;
  }

 private:
  const std::string_view body_;
  event::JsonIndexer* const indexer_;
  event::JsonCursor cursor_;
  event::JsonSpan whole_;
  event::JsonSpan list_;
  bool is_list_ = false;
  bool has_outer_ = false;
};

// A key in a body whose events stand in `list`: the string that the body, its first event, or that
// event's member `inner` has under one of `names`. Empty if there is none.
std::string FindKey(std::string_view body, std::string_view list,
                    std::span<const std::string_view> names, std::string_view inner,
                    event::JsonIndexer* indexer);

}  // namespace tidemark::collect
