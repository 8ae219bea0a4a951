// One project in memory: its hot rows and its cut.
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
  // `budget` must outlive the project and every cut taken from it.
  Project(std::string name, hot::TableOptions options, MemoryBudget* budget);

  const std::string& name() const { return name_; }
  std::shared_ptr<const Cut> cut() const {
#ifdef TM_PLANTED_BUGS
    if (env::Planted(env::Bug::kCutInTwoLoads)) {
      const auto now = cut_.Load();
      const auto lake = std::exchange(lake_of_before_, now->lake);
      return std::make_shared<const Cut>(Cut{lake, now->hot});
    }
#endif
    return cut_.Load();
  }

  // The log's thread.
  hot::Table& hot() { return hot_; }
  void PublishHot(std::shared_ptr<const hot::SegmentList> list);
  // Drops hot rows that the lake answers for, if there are new ones.
  void ReleaseSettled();
  // Received times never go back within a log: the latest one seen, moved on by `received_at`.
  TimeMicros ClampReceivedAt(TimeMicros received_at);

  // The tide's thread (or recovery, before there are threads).
  void PublishLake(std::shared_ptr<const lake::TableHead> head);

 private:
  const std::string name_;
  hot::Table hot_;
  Published<Cut> cut_;
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

// The projects by name. Grows only; any thread finds and adds.
class Projects {
 public:
  Projects(hot::TableOptions options, MemoryBudget* budget)
      : options_(options), budget_(budget), map_(std::make_shared<const Map>()) {}

  // nullptr if there is none.
  std::shared_ptr<Project> Find(std::string_view name) const;
  std::shared_ptr<Project> FindOrAdd(std::string_view name);
  using Map = std::map<std::string, std::shared_ptr<Project>, std::less<>>;
  std::shared_ptr<const Map> All() const { return map_.Load(); }

 private:
  const hot::TableOptions options_;
  MemoryBudget* const budget_;
  Published<Map> map_;
};

}  // namespace tidemark::tide
