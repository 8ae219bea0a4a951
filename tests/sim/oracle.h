// What the clients of a life know: what they sent, what they were told, what they have seen. It
// knows nothing of the code under test but what its answers say, and it never forgets: an event
// that was acknowledged or seen has one offset for ever, and every cut whatever must have exactly
// the events of the offsets below its end.
//
// Event n has the id "event-n" and two bodies, for clients send events again, now and then with
// another body under the same id. However often it is sent, and whatever happens meanwhile, it is
// there once, with one of its bodies; whoever is told that it came before can rely on it.
//
// One thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
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

  struct Sent {
    std::uint32_t number = 0;
    std::uint8_t body = 0;
  };
  struct Batch {
    std::string bytes;
    std::vector<Sent> events;
    std::uint32_t key = 0;  // Of the request; 0: none.

    std::uint32_t count() const { return static_cast<std::uint32_t>(events.size()); }
  };
  // New events, and some that were sent before: never with SetResends(false).
  Batch MakeBatch(std::size_t project, env::Random* dice, const env::Clock& clock);
  void SetResends(bool resends) { resends_ = resends; }

  // The answer to a batch. kOutcomeUnknown leaves it in limbo.
  void Answered(const Batch& batch, const Result<event::BatchAnswer>& answer);
  // A new process has recovered: what is in limbo now is there at the next look, or never.
  void BeginLife() { ++life_; }
  // After a look at all projects in a new life.
  void EndLimbo();

  // Reads rows and checks each against what was sent.
  void Read(const event::RowSource& rows, std::vector<Row>* out);

  // Another engine has deleted them: older cuts have them still, but after a restart nothing tells
  // any more when they were received.
  void Erase(std::size_t project, const std::set<std::int64_t>& offsets);

  // A cut of a project: told row by row, then closed.
  // `erased`: offsets below its end whose rows another engine has deleted; must outlive the cut.
  void BeginCut(std::size_t project, LogOffset end, const std::set<std::int64_t>* erased);
  void See(const std::vector<Row>& rows);
  void EndCut();
  // The cut is the latest one: nothing acknowledged lies beyond it.
  void CheckLatest(std::size_t project, LogOffset end);

  LogOffset acknowledged_end(std::size_t project) const { return acknowledged_end_[project]; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t trace() const;
  // "" as long as every promise is kept; else the first one that was not.
  const std::string& failure() const { return failure_; }
  // `what` is text, or a function that makes it: called only if it is needed.
  template <class What>
  bool Expect(bool condition, const What& what) {
    if (!condition && failure_.empty()) {
      if constexpr (std::is_invocable_v<What>) {
        failure_ = what();
      } else {
        failure_ = what;
      }
    }
    return condition;
  }

 private:
  enum class Fate : std::uint8_t { kLimbo, kThere, kNever };
  struct Event {
    std::size_t project = 0;
    std::size_t type = 0;
    std::uint32_t batch_first = 0;
    std::uint32_t batch_count = 0;
    std::size_t padding = 0;  // Of its properties; its second body has one more.
    TimeMicros timestamp;
    bool has_value = false;
    bool id_made = false;  // By the server: nobody can send it again.
    Fate fate = Fate::kLimbo;
    std::uint32_t open = 0;       // Attempts of which the outcome is not known.
    std::uint64_t last_life = 0;  // Of the last attempt.
    std::int8_t body = -1;        // The one that is there, once it is known.
    bool told_duplicate = false;  // Somebody relies on its being there.
    LogOffset offset{-1};
    TimeMicros received_at = kTimeMin;  // As first seen.
    bool gone = false;                  // Another engine has deleted it.
  };

  struct KeyedBatch {
    std::size_t project = 0;
    Batch batch;
    event::Receipt receipt;  // As answered.
    bool answered = false;
  };

  Sent MakeEvent(std::size_t project, env::Random* dice, const env::Clock& clock);
  void Add(Sent sent, event::BatchBuilder* builder);
  void Scatter(std::uint32_t number);
  void Attempt(const Batch& batch);
  void AnsweredKey(const Batch& batch, const event::BatchAnswer& answer);
  void Refused(std::uint32_t number);
  void SetBody(std::uint32_t number, int body);
  void Place(std::uint32_t number, LogOffset offset);
  void CheckContent(std::uint32_t number, std::string_view type, TimeMicros timestamp,
                    std::string_view properties, bool has_value, double value);
  void CheckReceived(std::uint32_t number, TimeMicros received_at);
  static std::string Name(std::uint32_t number) { return "event-" + std::to_string(number); }
  // The text of a failure about one event.
  static auto About(std::string_view what, std::uint32_t number) {
    return [what, number] { return std::string(what) + ": " + Name(number); };
  }

  std::vector<Event> events_;
  // By project and offset: the event there, or kNobody.
  std::vector<std::uint32_t> places_[kProjectCount];
  LogOffset acknowledged_end_[kProjectCount];
  std::uint64_t acknowledged_ = 0;
  std::uint64_t life_ = 0;
  bool resends_ = true;
  std::vector<KeyedBatch> keyed_;  // Key n is at n - 1.
  std::string failure_;

  // The cut that is being checked.
  std::size_t cut_project_ = 0;
  LogOffset cut_end_;
  const std::set<std::int64_t>* cut_erased_ = nullptr;
  std::uint64_t cut_rows_ = 0;
  std::uint64_t cut_number_ = 0;
  std::vector<std::uint64_t> stamps_;  // By offset: the last cut that had it.
};

}  // namespace tidemark::sim
