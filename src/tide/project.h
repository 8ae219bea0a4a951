// One stream of a project in memory: its hot rows and its cut. The streams of a project publish
// into one set of cuts, so that all of them can be taken at one moment.
//
// Threads: `cut()` and the numbers are for any thread; who may call the rest is said there. The
// log's thread publishes hot rows, the tide's thread publishes lake heads; neither loses the
// other's change.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/published.h"
#include "env/faults.h"
#include "hot/table.h"
#include "tide/cut.h"

namespace tidemark::tide {

class Project {
 public:
  using SharedCuts = std::shared_ptr<Published<Cuts>>;

  // `budget` must outlive the project and every cut taken from it. `cuts` is shared by the streams
  // of one project.
  Project(StreamName stream, SharedCuts cuts, hot::TableOptions options, MemoryBudget* budget);

  // Of its log: the project's name, or `<project>/<table>`.
  const std::string& name() const { return name_; }
  // Of the project itself, which is the namespace of its tables.
  const std::string& project() const { return stream_.project; }
  Stream stream() const { return stream_.stream; }
  std::string_view table() const { return TableName(stream_.stream); }
  const std::shared_ptr<const event::TableSchema>& schema() const {
    return SchemaOf(stream_.stream);
  }

  std::shared_ptr<const Cut> cut() const { return (*cuts())[stream()]; }
  // Of all streams of the project.
  std::shared_ptr<const Cuts> cuts() const {
#ifdef TM_PLANTED_BUGS
    if (env::Planted(env::Bug::kCutInTwoLoads)) {
      auto now = std::make_shared<Cuts>(*cuts_->Load());
      auto& cut = now->of[Index(stream())];
      const auto lake = std::exchange(lake_of_before_, cut->lake);
      cut = std::make_shared<const Cut>(Cut{lake, cut->hot});
      return now;
    }
#endif
    return cuts_->Load();
  }
  const SharedCuts& shared_cuts() const { return cuts_; }

  // The log's thread.
  hot::Table& hot() { return hot_; }
  void PublishHot(std::shared_ptr<const hot::SegmentList> list);
  // Publishes what was appended to both streams of one project, at one moment.
  static void PublishBoth(Project* one, Project* other);
  // Drops hot rows that the lake answers for, if there are new ones.
  void ReleaseSettled();
  // Received times never go back within a log: the latest one seen, moved on by `received_at`.
  TimeMicros ClampReceivedAt(TimeMicros received_at);

  // The tide's thread (or recovery, before there are threads).
  void PublishLake(std::shared_ptr<const lake::TableHead> head);

 private:
  // Replaces this stream's cut by make(cut).
  template <class Make>
  void UpdateCut(const Make& make);

  const StreamName stream_;
  const std::string name_;
  hot::Table hot_;
  const SharedCuts cuts_;
  LogOffset released_;
  TimeMicros received_latest_ = kTimeMin;
#ifdef TM_PLANTED_BUGS
  mutable std::shared_ptr<const lake::TableHead> lake_of_before_;
  std::shared_ptr<const hot::SegmentList> hot_of_plan_;

 public:
  void RememberPlan(std::shared_ptr<const hot::SegmentList> hot) {
    if (env::Planted(env::Bug::kLostUpdate)) hot_of_plan_ = std::move(hot);
  }
#endif
};

// The streams of all projects, by the names of their logs. Grows only; any thread finds and adds.
class Projects {
 public:
  // The schema of `options` is each stream's own.
  Projects(hot::TableOptions options, MemoryBudget* budget)
      : options_(std::move(options)), budget_(budget), map_(std::make_shared<const Map>()) {}

  // nullptr if there is none.
  std::shared_ptr<Project> Find(std::string_view log_name) const;
  std::shared_ptr<Project> FindOrAdd(const StreamName& stream);
  using Map = std::map<std::string, std::shared_ptr<Project>, std::less<>>;
  std::shared_ptr<const Map> All() const { return map_.Load(); }

 private:
  static Project::SharedCuts CutsOf(const Map& map, const StreamName& stream);

  const hot::TableOptions options_;
  MemoryBudget* const budget_;
  Published<Map> map_;
};

}  // namespace tidemark::tide
