// What the clients of a life know: what they sent, what they were told, what they have seen. It
// knows nothing of the code under test but what its answers say, and it never forgets: an event
// that was acknowledged or seen has one offset for ever, and every cut whatever must have exactly
// the events of the offsets below its end.
//
// Event n has the id "event-n" and two bodies, for clients send events again, now and then with
// another body under the same id. However often it is sent, and whatever happens meanwhile, it is
// there once, with one of its bodies; whoever is told that it came before can rely on it.
//
// A request may have records of the quarantine beside its events: items, or the resolution of one.
// They are numbered like events and known by the id in their column `event_id`. Of one request all
// is there or nothing, in every pair of cuts that was taken at one moment; an item has at most one
// resolution.
//
// Properties are promoted to columns while a life goes on. Whether a row has the columns of a
// promotion is settled once: what was taken before it was asked for never has them, what is taken
// after it was answered always has, and what was seen of a row is so for ever, hot, settled and
// replayed alike; but once a backfill says that all rows have them, all have.
//
// Files keep frequent paths of properties a second time, typed. What a query of a path answers is
// the text that was sent, from the copies as from the text.
//
// One thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/hash.h"
#include "env/clock.h"
#include "env/random.h"
#include "event/batch.h"
#include "event/batch_answer.h"
#include "event/request.h"
#include "event/row_source.h"
#include "sim/event_values.h"
#include "tide/stream.h"

namespace tidemark::sim {

inline constexpr std::string_view kProjects[] = {"shop", "site", "video"};
inline constexpr std::size_t kProjectCount = std::size(kProjects);

// A project's events are in one log, the records of its quarantine in another.
inline constexpr std::size_t kLogCount = kProjectCount * tide::kStreamCount;
constexpr std::size_t LogOf(std::size_t project, tide::Stream stream) {
  return project * tide::kStreamCount + tide::Index(stream);
}

class Oracle {
 public:
  struct Row {
    std::uint32_t event = 0;
    LogOffset offset;
    std::uint64_t promoted = 0;  // The promotions whose columns it has, a bit each.
  };

  struct Sent {
    std::uint32_t number = 0;
    std::uint8_t body = 0;
  };
  struct Batch {
    event::Request request;
    std::size_t project = 0;
    std::vector<Sent> events;
    std::vector<Sent> records;  // Of the quarantine.
    std::uint32_t key = 0;      // Of the request; 0: none.
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
  // What Read has read, by a path: in its column at `place`, which all rows of the source have.
  void ReadKept(const event::RowSource& rows, std::size_t place, const event::KeptPath& path,
                std::span<const Row> read);
  // The same by the text of `properties`, as of rows that have no copies.
  void ReadPath(const event::RowSource& rows, const event::KeptPath& path,
                std::span<const Row> read);

  // A promotion of the project's is asked for: nothing below `end` may ever have it.
  void Promoting(std::size_t project, LogOffset end);
  // Answered: it is the latest of `columns`, and everything from `end` on has it.
  void Promoted(std::size_t project, const event::TableSchema& columns, LogOffset end);
  // The promotions of a table that all its rows have, a bit each.
  static std::uint64_t FilledOf(const event::TableSchema& columns);
  // The number of promotions asked for.
  std::uint32_t promotions() const { return promotions_; }

  // Another engine has deleted them: older cuts have them still, but after a restart nothing tells
  // any more when they were received.
  void Erase(std::size_t log, const std::set<std::int64_t>& offsets);

  // The log came back from a copy that ends at `end`: what it had from there on is gone, and nobody
  // has been promised anything about it any more.
  void Forget(std::size_t log, LogOffset end);
  // What was sent together so far may have been lost in part: of a log without its lake's commits.
  void Untie();

  // A cut of a log: told row by row, then closed.
  // `erased`: offsets below its end whose rows another engine has deleted; must outlive the cut.
  // `columns`: of its head; null: it has none.
  void BeginCut(std::size_t log, LogOffset end, const std::set<std::int64_t>* erased,
                const event::TableSchema* columns);
  // `backfilled`: the rows are of a file that a backfill has written.
  void See(const std::vector<Row>& rows, bool backfilled = false);
  void EndCut();
  // The cut is the latest one: nothing acknowledged lies beyond it.
  void CheckLatest(std::size_t log, LogOffset end);
  // Both cuts are of one moment, and all their rows were seen.
  void CheckTogether(std::size_t project, LogOffset events_end, LogOffset quarantine_end);

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
  // What a number stands for.
  enum class Kind : std::uint8_t { kEvent, kItem, kReplayed, kDropped };
  struct Event {
    Kind kind = Kind::kEvent;
    std::size_t project = 0;
    std::uint32_t item = 0;      // Of a record: the item that it is or resolves.
    bool resolved = false;       // Of an item: somebody has tried.
    bool sent_together = false;  // With what a link says, and in no other request.
    std::size_t type = 0;
    std::uint32_t batch_first = 0;
    std::uint32_t batch_count = 0;
    std::size_t padding = 0;  // Of its properties; its second body has one more.
    EventValues values;       // In them beside the padding.
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
    // Promotions of which it is known whether it has their columns, and those that it has.
    std::uint64_t promotions_seen = 0;
    std::uint64_t promoted = 0;
  };
  // From when on rows have a promotion, as far as a client can tell: an event that was sent before
  // the answer may have been written before it too, and only be there after a crash.
  struct AllOf {
    LogOffset from;
    std::uint32_t sent_from = 0;
  };
  struct Bounds {
    LogOffset none_below;                        // All asked for so far.
    std::map<std::uint32_t, LogOffset> none_of;  // By number: none below.
    std::map<std::uint32_t, AllOf> all_of;       // By number.
  };

  // Of one request: there together or not at all.
  struct Link {
    std::size_t project = 0;
    std::uint32_t event = 0;
    std::uint32_t record = 0;
  };

  struct KeyedBatch {
    Batch batch;
    event::Receipt receipt;  // As answered.
    bool answered = false;
  };

  Sent MakeEvent(Kind kind, std::size_t project, env::Random* dice, const env::Clock& clock);
  void MakeEvents(bool mixed, env::Random* dice, const env::Clock& clock, Batch* batch);
  void MakeItems(env::Random* dice, const env::Clock& clock, Batch* batch);
  // An item that nobody has tried to resolve yet, or nobody.
  std::uint32_t FindItem(std::size_t project, env::Random* dice) const;
  Batch MakeResolution(std::uint32_t item, env::Random* dice, const env::Clock& clock);
  void Tie(const Batch& batch);
  void Encode(const event::RequestKey* key, TimeMicros now, Batch* batch) const;
  void Add(Sent sent, event::BatchBuilder* builder) const;
  void AddRecord(Sent sent, event::BatchBuilder* builder) const;
  std::size_t LogOfEvent(const Event& event) const {
    return LogOf(event.project,
                 event.kind == Kind::kEvent ? tide::Stream::kEvents : tide::Stream::kQuarantine);
  }
  void AnsweredRecords(const Batch& batch, const event::BatchAnswer& answer);
  void CheckRecord(std::uint32_t number, std::string_view quarantine_id, std::string_view record);
  void Scatter(std::uint32_t number);
  void Attempt(const Batch& batch);
  void AnsweredKey(const Batch& batch, const event::BatchAnswer& answer);
  void Refused(std::uint32_t number);
  void SetBody(std::uint32_t number, int body);
  void Place(std::uint32_t number, LogOffset offset);
  void CheckContent(std::uint32_t number, std::string_view type, TimeMicros timestamp,
                    std::string_view properties, bool has_value, double value);
  void CheckReceived(std::uint32_t number, TimeMicros received_at);
  // Adds the promotions whose columns the rows have, and checks their values. `out`: those of the
  // chunk, in order.
  void ReadPromoted(const event::RowSource& rows, std::size_t chunk, std::span<Row> out);
  void SeePromoted(const Row& row, bool backfilled);
  // What a query of a path answers for an event; nothing: null.
  std::optional<std::string> TextOfPath(std::uint32_t number, const event::KeptPath& path) const;
  static std::string Name(std::uint32_t number) { return "event-" + std::to_string(number); }
  // The text of a failure about one event.
  static auto About(std::string_view what, std::uint32_t number) {
    return [what, number] { return std::string(what) + ": " + Name(number); };
  }

  std::vector<Event> events_;
  // By log and offset: the event or record there, or kNobody.
  std::vector<std::uint32_t> places_[kLogCount];
  LogOffset acknowledged_end_[kLogCount];
  std::vector<Link> links_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t life_ = 0;
  bool resends_ = true;
  std::vector<KeyedBatch> keyed_;  // Key n is at n - 1.
  Bounds bounds_[kProjectCount];
  std::uint32_t promotions_ = 0;
  std::string failure_;

  // The cut that is being checked.
  std::size_t cut_log_ = 0;
  LogOffset cut_end_;
  const std::set<std::int64_t>* cut_erased_ = nullptr;
  std::uint64_t cut_promotions_ = 0;  // That it knows, a bit each.
  std::uint64_t cut_filled_ = 0;
  std::uint64_t cut_rows_ = 0;
  std::uint64_t cut_number_ = 0;
  std::vector<std::uint64_t> stamps_;  // By offset: the last cut that had it.
};

}  // namespace tidemark::sim
