#include "tide/project.h"

#include <utility>

#include "base/check.h"
#include "engine/promoted_rows.h"
#include "tide/promotions.h"

namespace tidemark::tide {

namespace {

hot::TableOptions WithSchema(hot::TableOptions options, Stream stream) {
  options.schema = SchemaOf(stream);
  return options;
}

std::shared_ptr<const Cut> WithHot(const Cut& current,
                                   std::shared_ptr<const hot::SegmentList> list) {
  TM_CHECK(list->end() >= current.hot->end());
  return std::make_shared<const Cut>(Cut{current.lake, std::move(list)});
}

}  // namespace

std::shared_ptr<const event::RowSource> Cut::HotRows(LogOffset first, LogOffset last) const {
  auto rows = hot->View(first, last);
  if (!lake) return rows;
  return engine::WithPromoted(std::move(rows), lake->columns, FirstOffsets(*lake->columns, *hot));
}

Cuts EmptyCuts() {
  Cuts cuts;
  for (std::size_t i = 0; i < kStreamCount; ++i) {
    cuts.of[i] = std::make_shared<const Cut>(
        Cut{nullptr, std::make_shared<hot::SegmentList>(hot::SegmentList::Segments{}, LogOffset(0),
                                                        SchemaOf(static_cast<Stream>(i)))});
  }
  return cuts;
}

Project::Project(StreamName stream, SharedCuts cuts, hot::TableOptions options,
                 MemoryBudget* budget)
    : stream_(std::move(stream)),
      name_(LogName(stream_.project, stream_.stream)),
      hot_(stream_.project, WithSchema(std::move(options), stream_.stream), budget),
      cuts_(std::move(cuts)) {}

template <class Make>
void Project::UpdateCut(const Make& make) {
  cuts_->Update([&](const Cuts& current) {
    auto next = std::make_shared<Cuts>(current);
    next->of[Index(stream())] = make(*current[stream()]);
    return std::shared_ptr<const Cuts>(std::move(next));
  });
}

void Project::PublishHot(std::shared_ptr<const hot::SegmentList> list) {
  UpdateCut([&list](const Cut& current) { return WithHot(current, std::move(list)); });
}

void Project::PublishBoth(Project* one, Project* other) {
  TM_CHECK(one->cuts_ == other->cuts_);
  auto ones = one->hot_.Publish();
  auto others = other->hot_.Publish();
  one->cuts_->Update([&](const Cuts& current) {
    auto next = std::make_shared<Cuts>(current);
    next->of[Index(one->stream())] = WithHot(*current[one->stream()], std::move(ones));
    next->of[Index(other->stream())] = WithHot(*current[other->stream()], std::move(others));
    return std::shared_ptr<const Cuts>(std::move(next));
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
    UpdateCut([&](const Cut& /*current*/) {
      return std::make_shared<const Cut>(Cut{std::move(head), std::exchange(hot_of_plan_, {})});
    });
    return;
  }
#endif
  UpdateCut([&head](const Cut& current) {
    TM_CHECK(head->visible() >= current.settled());
    return std::make_shared<const Cut>(Cut{std::move(head), current.hot});
  });
}

std::shared_ptr<Project> Projects::Find(std::string_view log_name) const {
  const auto map = map_.Load();
  const auto found = map->find(log_name);
  return found == map->end() ? nullptr : found->second;
}

std::shared_ptr<Project> Projects::FindOrAdd(const StreamName& stream) {
  const std::string log_name = LogName(stream.project, stream.stream);
  if (auto project = Find(log_name)) return project;
  std::shared_ptr<Project> project;
  map_.Update([&](const Map& current) {
    auto next = std::make_shared<Map>(current);
    auto& slot = (*next)[log_name];
    if (!slot) slot = std::make_shared<Project>(stream, CutsOf(current, stream), options_, budget_);
    project = slot;
    return std::shared_ptr<const Map>(std::move(next));
  });
  return project;
}

// Those of a stream that the project has already, or new ones.
Project::SharedCuts Projects::CutsOf(const Map& map, const StreamName& stream) {
  for (std::size_t i = 0; i < kStreamCount; ++i) {
    const auto found = map.find(LogName(stream.project, static_cast<Stream>(i)));
    if (found != map.end()) return found->second->shared_cuts();
  }
  return std::make_shared<Published<Cuts>>(std::make_shared<const Cuts>(EmptyCuts()));
}

}  // namespace tidemark::tide
