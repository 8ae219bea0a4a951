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

std::optional<std::string> LogNameAt(std::string_view location) {
  const std::size_t slash = location.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view table = location.substr(slash + 1);
  const auto stream = FindStream(table.substr(0, table.rfind('-')));
  if (!stream) return std::nullopt;
  return LogName(location.substr(0, slash), *stream);
}

std::optional<StreamName> ParseLogName(std::string_view log_name) {
  const std::size_t at = log_name.find(kStreamSeparator);
  if (at == std::string_view::npos) return StreamName{std::string(log_name), Stream::kEvents};
  const auto stream = FindStream(log_name.substr(at + 1));
  if (!stream || *stream == Stream::kEvents) return std::nullopt;
  return StreamName{std::string(log_name.substr(0, at)), *stream};
}

}  // namespace tidemark::tide
