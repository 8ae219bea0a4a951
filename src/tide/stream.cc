#include "tide/stream.h"

#include "event/quarantine.h"

namespace tidemark::tide {

std::string_view TableName(Stream stream) {
  switch (stream) {
    case Stream::kEvents:
      return "events";
    case Stream::kQuarantine:
      return "quarantine";
  }
  return "";
}

std::optional<Stream> FindStream(std::string_view table) {
  for (const Stream stream : kStreams) {
    if (TableName(stream) == table) return stream;
  }
  return std::nullopt;
}

const std::shared_ptr<const event::TableSchema>& SchemaOf(Stream stream) {
  return stream == Stream::kEvents ? event::EventsSchema() : event::QuarantineSchema();
}

std::string LogName(std::string_view project, Stream stream) {
  std::string name(project);
  if (stream != Stream::kEvents) name.append(1, kStreamSeparator).append(TableName(stream));
  return name;
}

std::optional<StreamName> ParseLogName(std::string_view log_name) {
  const std::size_t at = log_name.find(kStreamSeparator);
  if (at == std::string_view::npos) return StreamName{std::string(log_name), Stream::kEvents};
  const auto stream = FindStream(log_name.substr(at + 1));
  if (!stream || *stream == Stream::kEvents) return std::nullopt;
  return StreamName{std::string(log_name.substr(0, at)), *stream};
}

}  // namespace tidemark::tide
