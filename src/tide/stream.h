// The streams of a project: each is a log of its own in the one physical log, with its own dense
// offsets, hot rows, lake table and cut. Pure; any thread.
//
// A stream's name in the log is that of the project, and for those beside the events
// `<project>/<table>`: no project's name has a '/'.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "event/schema.h"

namespace tidemark::tide {

enum class Stream : std::uint8_t {
  kEvents,
  kQuarantine,  // Events that are not valid, and what became of them: event/quarantine.h.
};
inline constexpr Stream kStreams[] = {Stream::kEvents, Stream::kQuarantine};
inline constexpr std::size_t kStreamCount = std::size(kStreams);
inline constexpr char kStreamSeparator = '/';

constexpr std::size_t Index(Stream stream) { return static_cast<std::size_t>(stream); }

// Of the table that the stream feeds, in the project's namespace: "events", "quarantine".
std::string_view TableName(Stream stream);
std::optional<Stream> FindStream(std::string_view table);
const std::shared_ptr<const event::TableSchema>& SchemaOf(Stream stream);

struct StreamName {
  std::string project;
  Stream stream = Stream::kEvents;
};
std::string LogName(std::string_view project, Stream stream);
// Its bytes.
inline std::size_t LogNameBytes(std::string_view project, Stream stream) {
  return project.size() + (stream == Stream::kEvents ? 0 : 1 + TableName(stream).size());
}
// Of the log that feeds the table in this folder of a project, "shop/events-0123abcd"; nothing: no
// stream has such a table.
std::optional<std::string> LogNameAt(std::string_view location);
// Nothing if it names a stream that is not known here: a later version wrote it.
std::optional<StreamName> ParseLogName(std::string_view log_name);

}  // namespace tidemark::tide
