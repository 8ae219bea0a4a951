#include "collect/translate.h"

#include <algorithm>
#include <string>

#include "base/text_scan.h"
#include "base/utf8.h"

namespace tidemark::collect {
namespace {

constexpr std::uint32_t kDepthMax = 66;  // An event's own 64, the list and the object around it.

bool IsScalar(const event::JsonSpan& value) { return value.kind != '{' && value.kind != '['; }

// `name` alone, or "outer.name" if there is an outer one.
bool Names(std::string_view entry, std::string_view outer, std::string_view name) {
  if (outer.empty()) return entry == name;
  return entry.size() == outer.size() + 1 + name.size() && entry.starts_with(outer) &&
         entry[outer.size()] == '.' && entry.ends_with(name);
}

bool IsOuter(std::span<const ColumnOfName> table, std::string_view name) {
  return std::any_of(table.begin(), table.end(), [name](const ColumnOfName& entry) {
    return entry.name.size() > name.size() && entry.name[name.size()] == '.' &&
           entry.name.starts_with(name);
  });
}

// Moves what `table` names; adds the other members where the event is open.
void Move(const event::JsonCursor& cursor, const event::JsonSpan& object,
          std::span<const ColumnOfName> table, std::string_view outer, NativeEvent* event) {
  event::ForEachMember(
      cursor, object,
      [&](const event::JsonCursor& in, const event::JsonSpan& key, const event::JsonSpan& value) {
        const std::string_view name = in.Inside(key);
        if (IsScalar(value)) {
          for (const ColumnOfName& entry : table) {
            if (!Names(entry.name, outer, name)) continue;
            if (event->Set(entry.column, in.Raw(value))) return;
            break;
          }
        } else if (value.kind == '{' && outer.empty() && IsOuter(table, name)) {
          const std::size_t opened = event->Open(in.Raw(key));
          Move(in, value, table, name, event);
          event->Close(opened);
          return;
        }
        event->AddProperty(in.Raw(key), in.Raw(value));
      });
}

// Whether the text has that name with its quotes anywhere: where it has not, no object does.
bool MayHaveName(std::string_view text, std::string_view name) {
  constexpr std::size_t kWord = 4;  // That FindWord looks for.
  std::string quoted;
  quoted.reserve(name.size() + 2);
  quoted.append("\"").append(name).append("\"");
  if (quoted.size() < kWord) return true;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data();; ++at) {
    at = FindWord(at, end, quoted.data());
    if (at == end) return false;
    if (std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(quoted)) return true;
  }
}

// The string that `object` has under one of `names` (the last one), or nothing.
std::string TextOf(const event::JsonCursor& cursor, const event::JsonSpan& object,
                   std::span<const std::string_view> names) {
  std::string text;
  if (object.kind != '{') return text;
  event::ForEachMember(
      cursor, object,
      [&](const event::JsonCursor& in, const event::JsonSpan& key, const event::JsonSpan& value) {
        if (value.kind != '"' || value.escaped) return;
        if (std::find(names.begin(), names.end(), in.Inside(key)) != names.end()) {
          text = in.Inside(value);
        }
      });
  return text;
}

}  // namespace

void NativeEvent::Begin() {
  set_ = 0;
  properties_.clear();
  out_->append(out_->back() == '[' ? "{" : ",{");
}

bool NativeEvent::Set(event::Column column, std::string_view json) {
  if (json == "null") return true;
  if (Has(column)) return false;
  if (set_ != 0) out_->push_back(',');
  set_ |= event::Bit(column);
  out_->push_back('"');
  out_->append(event::Info(column).name).append("\":").append(json);
  return true;
}

void NativeEvent::StartMember(std::string_view key) {
  if (!properties_.empty() && properties_.back() != '{') properties_.push_back(',');
  properties_.append(key).push_back(':');
}

void NativeEvent::AddProperty(std::string_view key, std::string_view json) {
  StartMember(key);
  properties_.append(json);
}

std::size_t NativeEvent::Open(std::string_view key) {
  const std::size_t before = properties_.size();
  StartMember(key);
  properties_.push_back('{');
  return before;
}

void NativeEvent::Close(std::size_t opened) {
  if (properties_.back() == '{') {
    properties_.resize(opened);
  } else {
    properties_.push_back('}');
  }
}

void NativeEvent::AddNamed(std::string_view name, std::string_view json) {
  if (!properties_.empty()) properties_.push_back(',');
  properties_.push_back('"');
  properties_.append(name).append("\":").append(json);
}

void NativeEvent::End() {
  if (!properties_.empty()) {
    if (set_ != 0) out_->push_back(',');
    out_->append("\"properties\":{").append(properties_).push_back('}');
  }
  out_->push_back('}');
}

void MoveColumns(const event::JsonCursor& cursor, const event::JsonSpan& key,
                 const event::JsonSpan& object, std::span<const ColumnOfName> table,
                 NativeEvent* event) {
  const std::size_t opened = event->Open(cursor.Raw(key));
  Move(cursor, object, table, {}, event);
  event->Close(opened);
}

void PlaceMember(const event::JsonCursor& cursor, const event::JsonSpan& key,
                 const event::JsonSpan& value, std::span<const ColumnOfName> table,
                 NativeEvent* event) {
  if (IsScalar(value)) {
    const std::string_view name = cursor.Inside(key);
    for (const ColumnOfName& entry : table) {
      if (entry.name == name && event->Set(entry.column, cursor.Raw(value))) return;
    }
  }
  event->AddProperty(cursor.Raw(key), cursor.Raw(value));
}

Status BodyReader::Open(std::string_view name) {
  constexpr std::string_view kNot = "the body is not valid JSON";
  const std::string_view body = WithoutByteOrderMark(body_);
  if (body.empty()) return Fail(Code::kInvalidArgument, "the body is empty");
  if (auto indexed = indexer_->Index(body); !indexed) {
    return Fail(std::move(indexed).error().With(kNot));
  }
  cursor_ = event::JsonCursor(body, indexer_->starts(), indexer_->count());
  if (cursor_.Peek() != '{' && cursor_.Peek() != '[') {
    return Fail(Code::kInvalidArgument, "the body is neither a JSON object nor an array");
  }
  event::JsonCursor end = cursor_;
  indexer_->shapes().MakeRoom();
  end.Use(&indexer_->shapes());
  std::uint32_t* const ends = indexer_->NoEnds();
  end.UseEnds(ends);
  if (!end.Check(kDepthMax, &whole_)) {
    return Fail(Code::kInvalidArgument,
                std::string(kNot) + ": unexpected text at byte " + std::to_string(end.failed_at()));
  }
  if (!end.AtEnd()) {
    return Fail(Code::kInvalidArgument,
                std::string(kNot) + ": more text at byte " + std::to_string(end.position()));
  }
  cursor_.UseEnds(ends);
  if (whole_.kind == '[') {
    is_list_ = true;
    list_ = whole_;
    return {};
  }
  if (!MayHaveName(body, name)) return {};
  event::ForEachMember(
      cursor_, whole_,
      [&](const event::JsonCursor& in, const event::JsonSpan& key, const event::JsonSpan& value) {
        if (value.kind != '[' || in.Inside(key) != name) return;
        is_list_ = has_outer_ = true;
        list_ = value;
      });
  return {};
}

std::string FindKey(std::string_view body, std::string_view list,
                    std::span<const std::string_view> names, std::string_view inner,
                    event::JsonIndexer* indexer) {
  // Most bodies have none: whoever has a key in a header is not asked, and others may need none.
  const auto may_have = [body](std::string_view name) { return MayHaveName(body, name); };
  if (std::none_of(names.begin(), names.end(), may_have)) return {};
  BodyReader reader(body, indexer);
  if (!reader.Open(list)) return {};
  std::string key = TextOf(reader.cursor(), reader.whole(), names);
  event::JsonSpan first;
  if (!key.empty() || !reader.First(&first) || first.kind != '{') return key;
  key = TextOf(reader.cursor(), first, names);
  if (!key.empty() || inner.empty()) return key;
  event::ForEachMember(
      reader.cursor(), first,
      [&](const event::JsonCursor& in, const event::JsonSpan& name, const event::JsonSpan& value) {
        if (in.Inside(name) == inner) key = TextOf(in, value, names);
      });
  return key;
}

}  // namespace tidemark::collect
