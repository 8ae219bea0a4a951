#include "collect/sent_at.h"

#include <algorithm>
#include <charconv>

#include "base/text_scan.h"

namespace tidemark::collect {
namespace {

constexpr std::uint32_t kDepthMax = 64;

bool MayBeThere(std::string_view body) {
  // One cheap search for nearly all bodies, which have neither name.
  const auto has = [](std::string_view text) {
    const char* const end = text.data() + text.size();
    return FindWord(text.data(), end, "sent") != end &&
           (text.find("\"sentAt\"") != std::string_view::npos ||
            text.find("\"sent_at\"") != std::string_view::npos);
  };
  if (body.size() <= 2 * kSentAtWithin) return has(body);
  return has(body.substr(0, kSentAtWithin)) || has(body.substr(body.size() - kSentAtWithin));
}

std::optional<TimeMicros> TimeOf(const event::JsonCursor& cursor, const event::JsonSpan& value) {
  if (value.kind == '"') return ParseTime(cursor.Inside(value));
  std::int64_t number = 0;
  const std::string_view text = cursor.Raw(value);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  return TimeFromEpochNumber(number);
}

}  // namespace

std::optional<TimeMicros> FindSentAt(const std::string& body, event::JsonIndexer* indexer) {
  if (!body.starts_with('{') || !MayBeThere(body)) return std::nullopt;
  std::string copy;
  // The indexer reads beyond the end.
  if (body.capacity() - body.size() < event::kJsonPadding) {
    copy.reserve(body.size() + event::kJsonPadding);
    copy = body;
  }
  const std::string& text = copy.empty() ? body : copy;
  if (!indexer->Index(text)) return std::nullopt;
  event::JsonCursor cursor(text, indexer->starts(), indexer->count());
  event::JsonSpan whole;
  const event::JsonCursor start = cursor;
  if (!cursor.Check(kDepthMax, &whole) || whole.kind != '{') return std::nullopt;
  if (!cursor.AtEnd()) return std::nullopt;  // Lines: each is an event.
  std::optional<TimeMicros> found;
  event::ForEachMember(start, whole,
                       [&found](const event::JsonCursor& in, const event::JsonSpan& key,
                                const event::JsonSpan& value) {
                         const std::string_view name = in.Inside(key);
                         if (name == "sentAt" || name == "sent_at") found = TimeOf(in, value);
                       });
  return found;
}

}  // namespace tidemark::collect
