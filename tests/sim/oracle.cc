#include "sim/oracle.h"

#include <algorithm>
#include <charconv>

namespace tidemark::sim {
namespace {

using event::Column;
using event::ColumnView;

constexpr std::string_view kTypes[] = {"view", "buy", "search", "play"};
constexpr std::string_view kIdPrefix = "event-";
constexpr std::uint32_t kNobody = ~0U;
constexpr std::size_t kPaddingMax = 120;

std::string PropertiesOf(std::size_t padding) {
  return "{\"n\":\"" + std::string(padding, 'x') + "\"}";
}

constexpr std::size_t kPropertiesBytes = std::string_view("{\"n\":\"\"}").size();

bool IsPropertiesOf(std::size_t padding, std::string_view text) {
  constexpr std::string_view kHead = "{\"n\":\"";
  constexpr std::string_view kTail = "\"}";
  return text.size() == kHead.size() + padding + kTail.size() && text.starts_with(kHead) &&
         text.ends_with(kTail) &&
         text.find_first_not_of('x', kHead.size()) == text.size() - kTail.size();
}

std::string_view TextAt(const ColumnView& view, std::size_t row) {
  switch (view.kind) {
    case ColumnView::Kind::kConstant:
      return view.constant_text.view();
    case ColumnView::Kind::kDictionary:
      return view.dictionary[view.codes[row]].view();
    case ColumnView::Kind::kStrings:
      return view.strings[row].view();
    default:
      return {};
  }
}

bool HasAt(const ColumnView& view, std::size_t row) {
  if (view.kind == ColumnView::Kind::kNull) return false;
  return view.validity == nullptr || (view.validity[row / 64] >> (row % 64) & 1U) != 0;
}

std::int64_t IntAt(const ColumnView& view, std::size_t row) {
  return static_cast<const std::int64_t*>(view.fixed)[row];
}

double ValueOf(std::uint32_t number) { return static_cast<double>(number) / 8; }

}  // namespace

Oracle::Sent Oracle::MakeEvent(std::size_t project, env::Random* dice, const env::Clock& clock) {
  // Mostly now; late by up to two months; now and then in the future.
  std::int64_t age =
      dice->OneIn(12) ? static_cast<std::int64_t>(dice->Below(60 * kMicrosPerDay)) : 0;
  if (dice->OneIn(30)) age = -kMicrosPerDay;
  const auto number = static_cast<std::uint32_t>(events_.size());
  Event made;
  made.project = project;
  made.type = dice->Below(std::size(kTypes));
  made.batch_first = number;
  made.batch_count = 1;
  made.padding = dice->Below(kPaddingMax);
  made.timestamp = clock.WallNow() - age;
  made.has_value = dice->OneIn(2);
  made.id_made = dice->OneIn(6);
  events_.push_back(made);
  return {number, 0};
}

void Oracle::Add(Sent sent, event::BatchBuilder* builder) {
  const Event& event = events_[sent.number];
  const std::string id = Name(sent.number);
  const std::string properties = PropertiesOf(event.padding + sent.body);
  event::EventView view;
  view.SetText(Column::kEventId, id);
  view.SetText(Column::kEventType, kTypes[event.type]);
  view.SetText(Column::kProperties, properties);
  view.timestamp = event.timestamp;
  view.present |= event::Bit(Column::kTimestamp);
  if (event.id_made) view.made = event::kMadeId;
  if (event.has_value) {
    view.value = ValueOf(sent.number);
    view.present |= event::Bit(Column::kValue);
  }
  builder->Add(view);
}

Oracle::Batch Oracle::MakeBatch(std::size_t project, env::Random* dice, const env::Clock& clock) {
  if (resends_ && !keyed_.empty() && dice->OneIn(12)) {
    // A request is sent again as it was.
    const KeyedBatch& keyed = keyed_[dice->Below(keyed_.size())];
    if (keyed.project == project) {
      Attempt(keyed.batch);
      return keyed.batch;
    }
  }
  Batch batch;
  const std::uint64_t count = dice->OneIn(10) ? 1 + dice->Below(20) : 1 + dice->Below(4);
  const bool mixed = resends_ && dice->OneIn(3);
  const auto first = static_cast<std::uint32_t>(events_.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint32_t old = kNobody;
    if (mixed && !events_.empty() && dice->OneIn(2)) {
      // Mostly of late, also of this very request.
      const std::uint64_t back = dice->OneIn(3) ? events_.size() : 40;
      old = static_cast<std::uint32_t>(events_.size() - 1 -
                                       dice->Below(std::min<std::uint64_t>(back, events_.size())));
      if (events_[old].project != project || events_[old].id_made) old = kNobody;
    }
    if (old == kNobody) {
      batch.events.push_back(MakeEvent(project, dice, clock));
    } else {
      batch.events.push_back({old, static_cast<std::uint8_t>(dice->OneIn(5) ? 1 : 0)});
      Scatter(old);
    }
  }
  if (!mixed) {
    // Then it is known which offsets belong together.
    for (std::uint32_t number = first; number < events_.size(); ++number) {
      events_[number].batch_first = first;
      events_[number].batch_count = batch.count();
    }
  }
  event::BatchBuilder builder(kProjects[project], clock.WallNow());
  if (resends_ && dice->OneIn(6)) {
    batch.key = static_cast<std::uint32_t>(keyed_.size()) + 1;
    const bool sequence = dice->OneIn(3);
    const std::string name = sequence ? "producer" : "key-" + std::to_string(batch.key);
    builder.SetKey({sequence ? event::RequestKey::Kind::kSequence : event::RequestKey::Kind::kKey,
                    name, 7, batch.key, batch.key});
  }
  for (const Sent sent : batch.events) Add(sent, &builder);
  batch.bytes = std::move(builder).Finish();
  if (batch.key != 0) keyed_.push_back({project, batch, {}, false});
  Attempt(batch);
  return batch;
}

// What was sent together may be written apart from now on.
void Oracle::Scatter(std::uint32_t number) {
  const Event sent = events_[number];
  for (std::uint32_t i = 0; i < sent.batch_count; ++i) {
    Event& event = events_[sent.batch_first + i];
    event.batch_first = sent.batch_first + i;
    event.batch_count = 1;
  }
}

void Oracle::Attempt(const Batch& batch) {
  for (const Sent sent : batch.events) {
    Event& event = events_[sent.number];
    ++event.open;
    event.last_life = life_;
    if (event.fate == Fate::kNever) event.fate = Fate::kLimbo;
  }
}

void Oracle::Answered(const Batch& batch, const Result<event::BatchAnswer>& answer) {
  if (!answer && answer.error().code() == Code::kOutcomeUnknown) return;
  if (!answer) {
    for (const Sent sent : batch.events) Refused(sent.number);
    return;
  }
  if (batch.key != 0) AnsweredKey(batch, *answer);
  std::uint32_t written = 0;
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    const Sent sent = batch.events[i];
    Event& event = events_[sent.number];
    --event.open;
    ++acknowledged_;
    const event::Outcome outcome = answer->At(i);
    if (outcome == event::Outcome::kAccepted) {
      Place(sent.number, answer->receipt.first + written++);
      SetBody(sent.number, sent.body);
      continue;
    }
    Expect(resends_ && (answer->replayed || !event.id_made),
           About("taken for a duplicate", sent.number));
    Expect(event.fate != Fate::kNever, About("a duplicate of what is not there", sent.number));
    event.told_duplicate = true;
    if (answer->replayed) continue;
    SetBody(sent.number, outcome == event::Outcome::kConflict ? 1 - sent.body : sent.body);
  }
  Expect(answer->replayed || answer->receipt.count == written, "a receipt of another batch");
  LogOffset& end = acknowledged_end_[events_[batch.events.front().number].project];
  end = std::max(end, answer->receipt.end());
}

// Every replay is answered with the receipt of the first request.
void Oracle::AnsweredKey(const Batch& batch, const event::BatchAnswer& answer) {
  KeyedBatch& keyed = keyed_[batch.key - 1];
  if (keyed.answered) {
    Expect(answer.replayed && answer.receipt == keyed.receipt,
           "a request is done twice: key " + std::to_string(batch.key));
  } else if (answer.receipt.count > 0) {
    keyed.answered = true;
    keyed.receipt = answer.receipt;
  }
}

void Oracle::Refused(std::uint32_t number) {
  Event& event = events_[number];
  if (--event.open > 0 || event.fate != Fate::kLimbo) {
    // Nobody else had sent it.
    Expect(event.fate != Fate::kThere || event.last_life != life_ || resends_,
           About("refused after it was seen", number));
    return;
  }
  event.fate = Fate::kNever;
}

void Oracle::SetBody(std::uint32_t number, int body) {
  Event& event = events_[number];
  if (event.body < 0) event.body = static_cast<std::int8_t>(body);
  Expect(event.body == body, About("another body than was told", number));
}

void Oracle::Place(std::uint32_t number, LogOffset offset) {
  Event& event = events_[number];
  if (event.offset == offset) return;
  Expect(event.fate != Fate::kNever, About("refused or lost, yet there", number));
  Expect(event.offset == LogOffset(-1), About("at two offsets", number));
  if (!Expect(offset >= LogOffset(0), "an offset below zero")) return;
  auto& places = places_[event.project];
  const auto at = static_cast<std::size_t>(offset.value);
  if (places.size() <= at) places.resize(at + 1, kNobody);
  Expect(places[at] == kNobody, [&] { return "an offset was given twice: " + to_string(offset); });
  places[at] = number;
  event.offset = offset;
  event.fate = Fate::kThere;
}

void Oracle::EndLimbo() {
  for (std::uint32_t number = 0; number < events_.size(); ++number) {
    Event& event = events_[number];
    Expect(!event.told_duplicate || event.fate == Fate::kThere,
           About("a duplicate of what is lost", number));
    if (event.fate != Fate::kLimbo || event.last_life == life_) continue;
    event.fate = Fate::kNever;
    event.open = 0;
  }
}

void Oracle::CheckContent(std::uint32_t number, std::string_view type, TimeMicros timestamp,
                          std::string_view properties, bool has_value, double value) {
  const Event& event = events_[number];
  const std::size_t body = properties.size() - kPropertiesBytes - event.padding;
  const bool same = kTypes[event.type] == type && event.timestamp == timestamp && body <= 1 &&
                    IsPropertiesOf(event.padding + body, properties) &&
                    has_value == event.has_value && (!has_value || value == ValueOf(number));
  if (Expect(same, About("an event has changed", number))) {
    SetBody(number, static_cast<int>(body));
  }
}

void Oracle::CheckReceived(std::uint32_t number, TimeMicros received_at) {
  Event& event = events_[number];
  if (event.received_at == kTimeMin) event.received_at = received_at;
  Expect(event.received_at == received_at, About("a received time has changed", number));
  if (event.offset <= LogOffset(0)) return;
  const std::uint32_t before =
      places_[event.project][static_cast<std::size_t>(event.offset.value) - 1];
  if (before == kNobody || events_[before].gone) return;
  Expect(events_[before].received_at <= received_at, About("a received time goes back", number));
}

void Oracle::Erase(std::size_t project, const std::set<std::int64_t>& offsets) {
  for (const std::int64_t offset : offsets) {
    const auto at = static_cast<std::size_t>(offset);
    if (at < places_[project].size() && places_[project][at] != kNobody) {
      events_[places_[project][at]].gone = true;
    }
  }
}

void Oracle::Read(const event::RowSource& rows, std::vector<Row>* out) {
  event::ColumnScratch scratch[7];
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const auto ids = rows.Read(chunk, Column::kEventId, &scratch[0]);
    const auto types = rows.Read(chunk, Column::kEventType, &scratch[1]);
    const auto times = rows.Read(chunk, Column::kTimestamp, &scratch[2]);
    const auto offsets = rows.Read(chunk, Column::kLogOffset, &scratch[3]);
    const auto properties = rows.Read(chunk, Column::kProperties, &scratch[4]);
    const auto received = rows.Read(chunk, Column::kReceivedAt, &scratch[5]);
    const auto values = rows.Read(chunk, Column::kValue, &scratch[6]);
    for (std::size_t i = 0; i < rows.ChunkRows(chunk); ++i) {
      const std::string_view id = TextAt(ids, i);
      std::uint32_t number = 0;
      const bool parses =
          id.starts_with(kIdPrefix) &&
          std::from_chars(id.data() + kIdPrefix.size(), id.data() + id.size(), number).ec ==
              std::errc();
      if (!Expect(parses && number < events_.size(),
                  [&] { return "invented: " + std::string(id); }))
        return;
      const bool has_value = HasAt(values, i);
      const double value = has_value ? static_cast<const double*>(values.fixed)[i] : 0;
      CheckContent(number, TextAt(types, i), TimeMicros(IntAt(times, i)), TextAt(properties, i),
                   has_value, value);
      const LogOffset offset(IntAt(offsets, i));
      Place(number, offset);
      CheckReceived(number, TimeMicros(IntAt(received, i)));
      out->push_back({number, offset});
    }
  }
}

void Oracle::BeginCut(std::size_t project, LogOffset end, const std::set<std::int64_t>* erased) {
  cut_erased_ = erased;
  cut_project_ = project;
  cut_end_ = end;
  cut_rows_ = 0;
  ++cut_number_;
  stamps_.resize(std::max(stamps_.size(), static_cast<std::size_t>(end.value)), 0);
}

void Oracle::See(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    if (!Expect(row.offset < cut_end_, About("a row beyond the cut", row.event))) return;
    Expect(events_[row.event].project == cut_project_, About("in another project", row.event));
    Expect(events_[row.event].offset == row.offset, About("elsewhere", row.event));
    std::uint64_t& stamp = stamps_[static_cast<std::size_t>(row.offset.value)];
    Expect(stamp != cut_number_, About("doubled", row.event));
    stamp = cut_number_;
    Expect(!cut_erased_->contains(row.offset.value), About("deleted, and yet there", row.event));
    ++cut_rows_;
    // All of a request or none of it.
    const Event& event = events_[row.event];
    const std::int64_t index = row.event - event.batch_first;
    Expect(row.offset - index + event.batch_count <= cut_end_, About("half a batch", row.event));
  }
}

void Oracle::EndCut() {
  const std::uint64_t rows = static_cast<std::uint64_t>(cut_end_.value) - cut_erased_->size();
  Expect(cut_rows_ == rows, [&] {
    return "the cut has " + std::to_string(cut_rows_) + " rows of " + std::to_string(rows);
  });
}

void Oracle::CheckLatest(std::size_t project, LogOffset end) {
  Expect(end >= acknowledged_end_[project], [&] {
    return "lost: acknowledged up to " + to_string(acknowledged_end_[project]) +
           ", visible up to " + to_string(end);
  });
}

std::uint64_t Oracle::trace() const {
  std::uint64_t hash = Hash64(failure_, acknowledged_);
  for (const Event& event : events_) {
    hash = hash * 31 + static_cast<std::uint64_t>(event.offset.value) +
           static_cast<std::uint64_t>(event.fate);
  }
  return hash;
}

}  // namespace tidemark::sim
