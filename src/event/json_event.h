// One JSON object to one event: which fields are columns, what becomes `properties`, what refuses
// the event. The inside of json_events.h.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "event/batch.h"
#include "event/json_events.h"
#include "event/json_names.h"
#include "event/json_tokens.h"
#include "event/key_shapes.h"

namespace tidemark::event {

// Why an event is refused; `code` is empty if it is not.
struct EventFault {
  std::string_view code;
  std::string message;
};

class EventReader {
 public:
  EventReader(JsonLimits limits, std::function<std::uint64_t()> dice);

  // For the events that follow; `context` must outlive them.
  void Begin(const JsonEventParser::Context& context) { context_ = &context; }
  // Passes the value at the cursor. False if it is not JSON; then cursor->failed_at() says where.
  // Without fault, view() is the event until the next Read.
  bool Read(JsonCursor* cursor, EventFault* fault);
  const EventView& view() const { return view_; }
  // Its text, also of one with a fault.
  const JsonSpan& span() const { return span_; }
  // After a fault: view() becomes what of the event names it, as far as that can be read.
  void ReadNames(const JsonCursor& cursor);
  // view() becomes that of an event of which nothing could be read.
  void ForgetNames();
  // The same, to be completed before it is encoded.
  EventView* mutable_view() { return &view_; }
  // Gives back memory that only a large event needed.
  void Trim();

 private:
  struct Field {
    JsonSpan key;
    JsonSpan value;
    const FieldName* name;
    std::uint8_t rank;
    KeyShapes::Shape shape = KeyShapes::kNone;  // Of the value, if it is an object.
  };
  // A member of `properties`.
  struct Member {
    std::string_view name;  // Decoded.
    JsonSpan key;
    JsonSpan value;
    std::string_view text;  // Instead of `value`, if not empty: canonical JSON.
    bool dropped = false;
  };
  static constexpr std::uint32_t kNone = ~0U;
  // Which fields are the columns of events with these names; forgotten for others.
  struct Choice {
    std::uint64_t number = 0;  // KeyShapes::NumberOf.
    std::uint32_t bits = 0;
    std::array<std::uint32_t, kColumnCount> chosen{};
  };
  static constexpr std::size_t kChoices = 64;

  bool Walk(JsonCursor* cursor, JsonSpan* event);
  void ChooseFields(const JsonCursor& cursor);
  bool ChooseAsBefore();
  void NoteChoice();
  void Place(std::uint32_t index);
  void AddOther(std::uint32_t index);
  std::uint32_t LastOf(FieldRole role) const;
  void OpenData(const JsonCursor& cursor, JsonSpan data);
  void OpenContext(const JsonCursor& cursor, std::uint32_t index);
  bool PlaceContextMember(const JsonCursor& cursor, const JsonSpan& key, const JsonSpan& value);
  bool Fill(const JsonCursor& cursor, EventFault* fault);
  bool FillText(const JsonCursor& cursor, const Field& field, EventFault* fault);
  bool FillTime(const JsonCursor& cursor, EventFault* fault);
  bool FillValue(const JsonCursor& cursor, EventFault* fault);
  bool CheckProject(const JsonCursor& cursor, EventFault* fault);
  bool CheckStrict(const JsonCursor& cursor, EventFault* fault) const;
  bool CheckCloudEvent(const JsonCursor& cursor, EventFault* fault) const;
  bool IdIsOfSource() const;
  bool FillProperties(const JsonCursor& cursor, EventFault* fault);
  bool Splice(const JsonCursor& cursor, const Field& properties);
  void Merge(const JsonCursor& cursor, const Field* properties);
  void DropRepeated();
  void AppendMembers(const JsonCursor& cursor);
  void MakeId();
  std::string_view Decoded(const JsonCursor& cursor, const JsonSpan& string);
  // The field of a column, but for null.
  const Field* Chosen(Column column) const {
    if ((chosen_bits_ & Bit(column)) == 0) return nullptr;
    const Field& field = fields_[chosen_[Index(column)]];
    return field.value.kind == 'n' ? nullptr : &field;
  }
  void Choose(std::uint32_t index) {
    const Column column = fields_[index].name->column;
    chosen_[Index(column)] = index;
    chosen_bits_ |= Bit(column);
  }

  const JsonLimits limits_;
  const std::function<std::uint64_t()> dice_;
  const JsonEventParser::Context* context_ = nullptr;
  EventView view_;
  JsonSpan span_;
  bool has_fields_ = false;  // The event's fields are chosen, and its texts can be decoded.
  KeyShapes shapes_;
  KeyShapes::Shape shape_ = KeyShapes::kNone;  // Of the event's own names.
  std::array<Choice, kChoices> choices_;
  std::vector<Field> fields_;
  std::size_t own_fields_ = 0;     // The first ones; behind them those of `data` and `context`.
  std::uint32_t roles_ = 0;        // A bit for each FieldRole that a field has.
  std::uint32_t chosen_bits_ = 0;  // Columns that have a field.
  std::array<std::uint32_t, kColumnCount> chosen_{};  // Index in fields_; for those columns only.
  std::vector<Member> members_;
  std::string arena_;  // Decoded strings of the event; reserved before use, so that views stay.
  std::string context_text_;
  std::string properties_;
  std::array<char, 36> made_id_{};
};

}  // namespace tidemark::event
