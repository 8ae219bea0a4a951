#include "hot/table.h"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "hot/dictionary.h"
#include "hot/segment.h"

namespace tidemark::hot {
namespace {

// Every text column as a reference, and the four numbers and times.
constexpr std::uint64_t kRowBytesMax = 27 * (sizeof(event::StringRef) + 1) + 4 * 8;

}  // namespace

std::uint64_t ReserveEstimate(std::uint64_t payload_bytes, std::uint32_t count) {
  return 2 * payload_bytes + count * kRowBytesMax;
}

Table::Table(std::string project, TableOptions options, MemoryBudget* budget)
    : project_(std::move(project)),
      options_(std::move(options)),
      budget_(budget),
      published_(std::make_shared<const SegmentList>(SegmentList::Segments{}, options_.begin,
                                                     options_.schema)),
      appended_end_(options_.begin) {
  TM_CHECK_GT(options_.segment_rows_max, 0U);
}

Table::~Table() = default;

Status Table::Append(event::BatchReader& batch, LogOffset first_offset,
                     std::uint64_t reserved_bytes) {
  auto appended = AppendRows(batch, first_offset);
  // Only now: between the door and here the estimate stood for the rows.
  budget_->Release(reserved_bytes);
  return appended;
}

Status Table::AppendRows(event::BatchReader& batch, LogOffset first_offset) {
  if (batch.project() != project_) {
    return Fail(Code::kCorruption, "hot: a batch of another project");
  }
  if (first_offset < appended_end_) {
    return Fail(Code::kInvalidArgument, "hot: offset " + to_string(first_offset) +
                                            " is below the end " + to_string(appended_end_));
  }
  const std::uint32_t promotion = promoted_.empty() ? 0 : promoted_.back().number;
  if (batch.promotion() < promotion) {
    return Fail(Code::kCorruption, "hot: a batch of promotion " +
                                       std::to_string(batch.promotion()) + " behind one of " +
                                       std::to_string(promotion));
  }
  if (batch.promotion() > promotion) promoted_.push_back({batch.promotion(), first_offset});
  if (open_ != nullptr && open_->end() != first_offset) Roll();
  LogOffset offset = first_offset;
  const auto together = std::min<std::size_t>(batch.count(), Dictionary::kTogetherMax);
  if (decoded_.size() < together) decoded_.resize(together);
  for (;;) {
    std::size_t count = 0;
    while (count < decoded_.size()) {
      TM_ASSIGN(const bool more, batch.Next(&decoded_[count]));
      if (!more) break;
      ++count;
    }
    if (count == 0) return {};
    for (auto events = std::span<const event::EventView>(decoded_).first(count); !events.empty();) {
      OpenSegment(offset);
      const std::size_t added = open_->Append(events, batch.received_at());
      events = events.subspan(added);
      offset += static_cast<std::int64_t>(added);
      appended_end_ = offset;
    }
  }
}

// The one that the row at `offset` belongs to.
void Table::OpenSegment(LogOffset offset) {
  if (open_ != nullptr && !open_->at_chunk_start() && !open_->full()) return;
  if (open_ != nullptr && open_->rows() > 0 &&
      (open_->full() || open_->bytes() >= options_.segment_bytes_max)) {
    Roll();
  }
  if (open_ != nullptr) return;
  open_ = std::make_shared<Segment>(options_.schema, project_, offset, options_.segment_rows_max,
                                    budget_);
}

void Table::Roll() {
  if (open_ != nullptr && open_->rows() > 0) unpublished_.push_back(std::move(open_));
  open_ = nullptr;
}

std::shared_ptr<const SegmentList> Table::MakeList(SegmentList::Segments segments, LogOffset end) {
  const LogOffset begin = segments.empty() ? end : segments.front()->begin();
  while (promoted_.size() > 1 && promoted_[1].from <= begin) promoted_.erase(promoted_.begin());
  return std::make_shared<const SegmentList>(std::move(segments), end, options_.schema, promoted_);
}

std::shared_ptr<const SegmentList> Table::Publish() {
  SegmentList::Segments segments = published_.Load()->segments();
  const auto add = [&](const std::shared_ptr<Segment>& segment) {
    if (!segments.empty() && segments.back()->segment == segment) {
      if (segments.back()->rows == segment->rows()) return;
      segments.back() = Segment::Publish(segment);
    } else if (segment->rows() > 0) {
      segments.push_back(Segment::Publish(segment));
    }
  };
  for (const auto& segment : unpublished_) add(segment);
  unpublished_.clear();
  if (open_ != nullptr) add(open_);
  auto next = MakeList(std::move(segments), appended_end_);
  published_.Store(next);
  return next;
}

void Table::Rollback() {
  const auto current = published_.Load();
  unpublished_.clear();
  // What lies above the published end is dirty: a segment is never written twice.
  const bool clean = open_ != nullptr && !current->segments().empty() &&
                     current->segments().back()->segment == open_ &&
                     current->segments().back()->rows == open_->rows();
  if (!clean) open_ = nullptr;
  appended_end_ = current->end();
  std::erase_if(promoted_, [&](const PromotedFrom& one) { return one.from >= appended_end_; });
}

std::shared_ptr<const SegmentList> Table::Release(LogOffset settled) {
  const auto current = published_.Load();
  const SegmentList::Segments& segments = current->segments();
  // Only the last one may have rows that are not published yet.
  const auto is_settled = [&](const PublishedSegment& segment) {
    if (segment.end() > settled) return false;
    if (!unpublished_.empty() && unpublished_.front() == segment.segment) return false;
    return segment.segment != open_ || segment.rows == open_->rows();
  };
  std::size_t dropped = 0;
  while (dropped < segments.size() && is_settled(*segments[dropped])) ++dropped;
  if (dropped == 0) return current;
  if (segments[dropped - 1]->segment == open_) open_ = nullptr;
  auto next = MakeList(SegmentList::Segments(
                           segments.begin() + static_cast<std::ptrdiff_t>(dropped), segments.end()),
                       current->end());
  published_.Store(next);
  return next;
}

}  // namespace tidemark::hot
