// Log lines for people and machines: one JSON object a line on standard error. "Log" alone always
// means the write-ahead log; these are log lines.
//
//   TM_LOG(kInfo, "segment sealed", {"segment", id}, {"bytes", n});
//
// Never one per event. A call site writes at most kLinesPerSecondMax lines a second and then says
// how many it kept back. Any thread.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tidemark::telemetry {

enum class Level : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };

inline constexpr std::uint32_t kLinesPerSecondMax = 20;

struct LogField {
  std::string_view name;
  std::string text;
  bool quoted;

  LogField(std::string_view n, std::string_view value) : name(n), text(value), quoted(true) {}
  LogField(std::string_view n, const char* value) : name(n), text(value), quoted(true) {}
  LogField(std::string_view n, const std::string& value) : name(n), text(value), quoted(true) {}
  LogField(std::string_view n, std::integral auto value)
      : name(n), text(std::to_string(value)), quoted(false) {}
  LogField(std::string_view n, double value)
      : name(n), text(std::to_string(value)), quoted(false) {}
};

// One per call site.
struct LogSite {
  std::atomic<std::uint64_t> second{0};
  std::atomic<std::uint32_t> lines{0};
  std::atomic<std::uint64_t> kept_back{0};
};

// Lines below this level are not written. Set once at start.
void SetLogLevel(Level level);
// How many kError lines were asked for since the start; a simulation that caused none must find 0.
std::uint64_t ErrorLineCount();

// Counts an error; whether lines of the level are written.
bool NoteLogLine(Level level);
void WriteLogLine(LogSite* site, Level level, std::string_view message,
                  std::initializer_list<LogField> fields);

}  // namespace tidemark::telemetry

// The message and the fields are made only if the line may be written.
#define TM_LOG(level, message, ...)                                                        \
  do {                                                                                     \
    if (!::tidemark::telemetry::NoteLogLine(::tidemark::telemetry::Level::level)) break;   \
    static ::tidemark::telemetry::LogSite tm_log_site;                                     \
    ::tidemark::telemetry::WriteLogLine(&tm_log_site, ::tidemark::telemetry::Level::level, \
                                        message, {__VA_ARGS__});                           \
  } while (false)
