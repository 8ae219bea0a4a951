#include "tide/project.h"

#include <utility>

#include "base/check.h"

namespace tidemark::tide {

Project::Project(std::string name, hot::TableOptions options, MemoryBudget* budget)
    : name_(std::move(name)),
      hot_(name_, options, budget),
      cut_(std::make_shared<const Cut>(Cut{nullptr, std::make_shared<hot::SegmentList>()})) {}

void Project::PublishHot(std::shared_ptr<const hot::SegmentList> list) {
  cut_.Update([&list](const Cut& current) {
    TM_CHECK(list->end() >= current.hot->end());
    return std::make_shared<const Cut>(Cut{current.lake, std::move(list)});
  });
}

void Project::ReleaseSettled() {
  const LogOffset settled = cut()->settled();
  if (settled <= released_) return;
  released_ = settled;
  PublishHot(hot_.Release(settled));
}

TimeMicros Project::ClampReceivedAt(TimeMicros received_at) {
  if (env::Planted(env::Bug::kReceivedAtGoesBack)) return received_at;
  received_latest_ = std::max(received_latest_, received_at);
  return received_latest_;
}

void Project::PublishLake(std::shared_ptr<const lake::TableHead> head) {
#ifdef TM_PLANTED_BUGS
  if (env::Planted(env::Bug::kLostUpdate) && hot_of_plan_) {
    cut_.Store(std::make_shared<const Cut>(Cut{std::move(head), std::exchange(hot_of_plan_, {})}));
    return;
  }
#endif
  cut_.Update([&head](const Cut& current) {
    TM_CHECK(head->visible() >= current.settled());
    return std::make_shared<const Cut>(Cut{std::move(head), current.hot});
  });
}

std::shared_ptr<Project> Projects::Find(std::string_view name) const {
  const auto map = map_.Load();
  const auto found = map->find(name);
  return found == map->end() ? nullptr : found->second;
}

std::shared_ptr<Project> Projects::FindOrAdd(std::string_view name) {
  if (auto project = Find(name)) return project;
  std::shared_ptr<Project> project;
  map_.Update([&](const Map& current) {
    auto next = std::make_shared<Map>(current);
    auto& slot = (*next)[std::string(name)];
    if (!slot) slot = std::make_shared<Project>(std::string(name), options_, budget_);
    project = slot;
    return std::shared_ptr<const Map>(std::move(next));
  });
  return project;
}

}  // namespace tidemark::tide
