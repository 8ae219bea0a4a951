// What the clients of a life know: what they sent, what they were told, what they have seen. It
// knows nothing of the code under test but what its answers say, and it never forgets: an event
// that was acknowledged or seen has one offset for ever, and every cut whatever must have exactly
// the events of the offsets below its end.
//
// Event n has the id "event-n". One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "env/clock.h"
#include "env/random.h"
#include "event/batch.h"
#include "event/batch_answer.h"
#include "event/row_source.h"

namespace tidemark::sim {

inline constexpr std::string_view kProjects[] = {"shop", "site", "video"};
inline constexpr std::size_t kProjectCount = std::size(kProjects);

class Oracle {
 public:
  struct Row {
    std::uint32_t event = 0;
    LogOffset offset;
  };

  struct Batch {
    std::string bytes;
    std::uint32_t first = 0;  // Event numbers.
    std::uint32_t count = 0;
  };
  Batch MakeBatch(std::size_t project, env::Random* dice, const env::Clock& clock);

  // The answer to a batch. kOutcomeUnknown leaves it in limbo.
  void Answered(const Batch& batch, const Result<event::BatchAnswer>& answer);
  // A new process has recovered: what is in limbo now is there at the next look, or never.
  void BeginLife() { limbo_ends_at_ = events_.size(); }
  // After a look at all projects in a new life.
  void EndLimbo();

  // Reads rows and checks each against what was sent.
  void Read(const event::RowSource& rows, std::vector<Row>* out);

  // A cut of a project: told row by row, then closed.
  void BeginCut(std::size_t project, LogOffset end);
  void See(const std::vector<Row>& rows);
  void EndCut();
  // The cut is the latest one: nothing acknowledged lies beyond it.
  void CheckLatest(std::size_t project, LogOffset end);

  LogOffset acknowledged_end(std::size_t project) const { return acknowledged_end_[project]; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t trace() const;
  // "" as long as every promise is kept; else the first one that was not.
  const std::string& failure() const { return failure_; }
  bool Expect(bool condition, std::string_view what);

 private:
  enum class Fate : std::uint8_t { kLimbo, kThere, kNever };
  struct Event {
    std::size_t project = 0;
    std::size_t type = 0;
    std::uint32_t batch_first = 0;
    std::uint32_t batch_count = 0;
    std::size_t padding = 0;  // Of its properties.
    TimeMicros timestamp;
    bool has_value = false;
    Fate fate = Fate::kLimbo;
    LogOffset offset{-1};
    TimeMicros received_at = kTimeMin;  // As first seen.
  };

  void Place(std::uint32_t number, LogOffset offset);
  void CheckContent(std::uint32_t number, std::string_view type, TimeMicros timestamp,
                    std::string_view properties, bool has_value, double value);
  void CheckReceived(std::uint32_t number, TimeMicros received_at);
  std::string Name(std::uint32_t number) const { return "event-" + std::to_string(number); }

  std::vector<Event> events_;
  // By project and offset: the event there, or kNobody.
  std::vector<std::uint32_t> places_[kProjectCount];
  LogOffset acknowledged_end_[kProjectCount];
  std::uint64_t acknowledged_ = 0;
  std::size_t limbo_ends_at_ = 0;
  std::string failure_;

  // The cut that is being checked.
  std::size_t cut_project_ = 0;
  LogOffset cut_end_;
  std::uint64_t cut_rows_ = 0;
  std::uint64_t cut_number_ = 0;
  std::vector<std::uint64_t> stamps_;  // By offset: the last cut that had it.
};

}  // namespace tidemark::sim
