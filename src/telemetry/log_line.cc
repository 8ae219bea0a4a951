#include "telemetry/log_line.h"

#include <ctime>

#include <unistd.h>

#include "base/json_writer.h"
#include "base/time.h"

namespace tidemark::telemetry {
namespace {

std::atomic<Level> g_level{Level::kInfo};
std::atomic<std::uint64_t> g_error_lines{0};

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kOff:
      break;
    case Level::kError:
      return "error";
  }
  return "";
}

// Stamps on log lines are no state of the core, so they may ask the machine themselves.
TimeMicros StampNow() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return TimeMicros(static_cast<std::int64_t>(now.tv_sec) * kMicrosPerSecond + now.tv_nsec / 1'000);
}

bool MayWrite(LogSite* site, TimeMicros now, std::uint64_t* kept_back) {
  const auto second = static_cast<std::uint64_t>(now.value / kMicrosPerSecond);
  if (site->second.exchange(second) != second) {
    site->lines.store(0);
    *kept_back = site->kept_back.exchange(0);
  }
  if (site->lines.fetch_add(1) < kLinesPerSecondMax) return true;
  site->kept_back.fetch_add(1);
  return false;
}

}  // namespace

void SetLogLevel(Level level) { g_level.store(level); }

std::uint64_t ErrorLineCount() { return g_error_lines.load(); }

bool NoteLogLine(Level level) {
  if (level == Level::kError) g_error_lines.fetch_add(1);
  return level >= g_level.load(std::memory_order_relaxed);
}

void WriteLogLine(LogSite* site, Level level, std::string_view message,
                  std::initializer_list<LogField> fields) {
  const TimeMicros now = StampNow();
  std::uint64_t kept_back = 0;
  if (!MayWrite(site, now, &kept_back)) return;
  std::string line;
  JsonWriter json(&line);
  json.BeginObject().Field("time", FormatTime(now)).Field("level", LevelName(level));
  json.Field("message", message);
  for (const LogField& field : fields) {
    json.Key(field.name);
    field.quoted ? json.String(field.text) : json.Raw(field.text);
  }
  if (kept_back > 0) json.Field("lines_kept_back", kept_back);
  json.EndObject();
  line.push_back('\n');
  // One write a line, so that lines of several threads do not mix; a full pipe loses the line.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace tidemark::telemetry
