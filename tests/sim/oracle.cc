#include "sim/oracle.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "engine/json_path.h"
#include "event/quarantine.h"

namespace tidemark::sim {
namespace {

using event::Column;
using event::ColumnView;

constexpr std::string_view kTypes[] = {"view", "buy", "search", "play"};
constexpr std::string_view kIdPrefix = "event-";
constexpr std::uint32_t kNobody = ~0U;
constexpr std::size_t kPaddingMax = 120;

bool HasAt(const ColumnView& view, std::size_t row) {
  if (view.kind == ColumnView::Kind::kNull) return false;
  return view.IsValid(row);
}

std::int64_t IntAt(const ColumnView& view, std::size_t row) {
  return static_cast<const std::int64_t*>(view.fixed)[row];
}

double ValueOf(std::uint32_t number) { return static_cast<double>(number) / 8; }

std::string_view RecordOf(bool item, bool dropped) {
  if (item) return event::kItemRecord;
  return dropped ? event::kDroppedRecord : event::kReplayedRecord;
}

}  // namespace

Oracle::Sent Oracle::MakeEvent(Kind kind, std::size_t project, env::Random* dice,
                               const env::Clock& clock) {
  // Mostly now; late by up to two months; now and then in the future.
  std::int64_t age =
      dice->OneIn(12) ? static_cast<std::int64_t>(dice->Below(60 * kMicrosPerDay)) : 0;
  if (dice->OneIn(30)) age = -kMicrosPerDay;
  const auto number = static_cast<std::uint32_t>(events_.size());
  Event made;
  made.kind = kind;
  made.project = project;
  made.item = number;
  made.type = dice->Below(std::size(kTypes));
  made.batch_first = number;
  made.batch_count = 1;
  made.padding = dice->Below(kPaddingMax);
  if (kind == Kind::kEvent) made.values = EventValues::Make(number, dice);
  made.timestamp = clock.WallNow() - age;
  made.has_value = kind == Kind::kEvent && dice->OneIn(2);
  made.id_made = dice->OneIn(6);
  events_.push_back(made);
  return {number, 0};
}

void Oracle::Add(Sent sent, event::BatchBuilder* builder) const {
  const Event& event = events_[sent.number];
  const std::string id = Name(sent.number);
  const std::string properties = event.values.Properties(event.padding + sent.body);
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

void Oracle::AddRecord(Sent sent, event::BatchBuilder* builder) const {
  const Event& event = events_[sent.number];
  const std::string id = Name(sent.number);
  const std::string item = Name(event.item);
  const std::string raw = event.values.Properties(event.padding);
  event::AddRecord({.quarantine_id = item,
                    .record = RecordOf(event.kind == Kind::kItem, event.kind == Kind::kDropped),
                    .event_id = id,
                    .event_type = kTypes[event.type],
                    .timestamp = event.timestamp,
                    .raw = raw},
                   builder);
}

Oracle::Batch Oracle::MakeBatch(std::size_t project, env::Random* dice, const env::Clock& clock) {
  if (resends_ && !keyed_.empty() && dice->OneIn(12)) {
    // A request is sent again as it was.
    const KeyedBatch& keyed = keyed_[dice->Below(keyed_.size())];
    if (keyed.batch.project == project) {
      Attempt(keyed.batch);
      return keyed.batch;
    }
  }
  if (resends_ && dice->OneIn(8)) {
    const std::uint32_t item = FindItem(project, dice);
    if (item != kNobody) return MakeResolution(item, dice, clock);
  }
  Batch batch;
  batch.project = project;
  const bool mixed = resends_ && dice->OneIn(3);
  const bool items = dice->OneIn(4);
  if (!items || !dice->OneIn(4)) MakeEvents(mixed, dice, clock, &batch);
  if (items) MakeItems(dice, clock, &batch);
  if (!mixed && items && !batch.events.empty()) Tie(batch);
  const bool has_key = resends_ && dice->OneIn(6);
  if (has_key) batch.key = static_cast<std::uint32_t>(keyed_.size()) + 1;
  const bool sequence = has_key && dice->OneIn(3);
  const std::string name = sequence ? "producer" : "key-" + std::to_string(batch.key);
  const event::RequestKey key{
      sequence ? event::RequestKey::Kind::kSequence : event::RequestKey::Kind::kKey, name, 7,
      batch.key, batch.key};
  Encode(has_key ? &key : nullptr, clock.WallNow(), &batch);
  if (has_key) keyed_.push_back({batch, {}, false});
  Attempt(batch);
  return batch;
}

void Oracle::MakeEvents(bool mixed, env::Random* dice, const env::Clock& clock, Batch* batch) {
  const std::uint64_t count = dice->OneIn(10) ? 1 + dice->Below(20) : 1 + dice->Below(4);
  const auto first = static_cast<std::uint32_t>(events_.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint32_t old = kNobody;
    if (mixed && !events_.empty() && dice->OneIn(2)) {
      // Mostly of late, also of this very request.
      const std::uint64_t back = dice->OneIn(3) ? events_.size() : 40;
      old = static_cast<std::uint32_t>(events_.size() - 1 -
                                       dice->Below(std::min<std::uint64_t>(back, events_.size())));
      const Event& event = events_[old];
      const bool again = event.kind == Kind::kEvent && event.project == batch->project;
      if (!again || event.id_made) old = kNobody;
    }
    if (old == kNobody) {
      batch->events.push_back(MakeEvent(Kind::kEvent, batch->project, dice, clock));
    } else {
      batch->events.push_back({old, static_cast<std::uint8_t>(dice->OneIn(5) ? 1 : 0)});
      Scatter(old);
    }
  }
  if (mixed) return;
  // Then it is known which offsets belong together.
  for (std::uint32_t number = first; number < events_.size(); ++number) {
    events_[number].batch_first = first;
    events_[number].batch_count = static_cast<std::uint32_t>(count);
  }
}

void Oracle::MakeItems(env::Random* dice, const env::Clock& clock, Batch* batch) {
  const std::uint64_t count = 1 + dice->Below(3);
  const auto first = static_cast<std::uint32_t>(events_.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    batch->records.push_back(MakeEvent(Kind::kItem, batch->project, dice, clock));
    events_.back().batch_first = first;
    events_.back().batch_count = static_cast<std::uint32_t>(count);
  }
}

void Oracle::Tie(const Batch& batch) {
  for (const Sent sent : batch.events) events_[sent.number].sent_together = true;
  links_.push_back({batch.project, batch.events.front().number, batch.records.front().number});
}

std::uint32_t Oracle::FindItem(std::size_t project, env::Random* dice) const {
  for (std::size_t tries = 0; tries < 8 && !events_.empty(); ++tries) {
    const auto number = static_cast<std::uint32_t>(dice->Below(events_.size()));
    const Event& event = events_[number];
    if (event.kind == Kind::kItem && event.project == project && event.fate == Fate::kThere &&
        !event.resolved) {
      return number;
    }
  }
  return kNobody;
}

Oracle::Batch Oracle::MakeResolution(std::uint32_t item, env::Random* dice,
                                     const env::Clock& clock) {
  Batch batch;
  batch.project = events_[item].project;
  batch.key = static_cast<std::uint32_t>(keyed_.size()) + 1;
  events_[item].resolved = true;
  const bool replay = dice->OneIn(2);
  if (replay) {
    batch.events.push_back(MakeEvent(Kind::kEvent, batch.project, dice, clock));
    events_.back().id_made = false;
  }
  batch.records.push_back(
      MakeEvent(replay ? Kind::kReplayed : Kind::kDropped, batch.project, dice, clock));
  events_.back().item = item;
  if (replay) Tie(batch);
  const std::string name = Name(item);
  const event::RequestKey key{event::RequestKey::Kind::kResolution, name, 0, 0, batch.key};
  Encode(&key, clock.WallNow(), &batch);
  keyed_.push_back({batch, {}, false});
  Attempt(batch);
  return batch;
}

void Oracle::Encode(const event::RequestKey* key, TimeMicros now, Batch* batch) const {
  event::Request& request = batch->request;
  request.project = kProjects[batch->project];
  const auto encode = [&](const std::vector<Sent>& sent, event::Request::Part* part,
                          void (Oracle::*add)(Sent, event::BatchBuilder*) const) {
    part->count = static_cast<std::uint32_t>(sent.size());
    if (sent.empty()) return;
    event::BatchBuilder builder(request.project, now);
    if (key != nullptr) builder.SetKey(*key);
    for (const Sent one : sent) (this->*add)(one, &builder);
    part->batch = std::move(builder).Finish();
  };
  encode(batch->events, &request.events, &Oracle::Add);
  encode(batch->records, &request.quarantine, &Oracle::AddRecord);
}

// What was sent together may be written apart from now on.
void Oracle::Scatter(std::uint32_t number) {
  const Event sent = events_[number];
  for (std::uint32_t i = 0; i < sent.batch_count; ++i) {
    Event& event = events_[sent.batch_first + i];
    event.batch_first = sent.batch_first + i;
    event.batch_count = 1;
    event.sent_together = false;
  }
}

void Oracle::Attempt(const Batch& batch) {
  for (const std::vector<Sent>* part : {&batch.events, &batch.records}) {
    for (const Sent sent : *part) {
      Event& event = events_[sent.number];
      ++event.open;
      event.last_life = life_;
      if (event.fate == Fate::kNever) event.fate = Fate::kLimbo;
    }
  }
}

void Oracle::Answered(const Batch& batch, const Result<event::BatchAnswer>& answer) {
  if (!answer && answer.error().code() == Code::kOutcomeUnknown) return;
  if (!answer) {
    // What a client may send again is told as that.
    Expect(answer.error().code() != Code::kIoError, answer.error().ToString());
    for (const Sent sent : batch.events) Refused(sent.number);
    for (const Sent sent : batch.records) Refused(sent.number);
    return;
  }
  if (batch.key != 0) AnsweredKey(batch, *answer);
  std::uint32_t written = 0;
  for (std::uint32_t i = 0; i < batch.events.size(); ++i) {
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
  AnsweredRecords(batch, *answer);
  LogOffset& end = acknowledged_end_[LogOf(batch.project, tide::Stream::kEvents)];
  end = std::max(end, answer->receipt.end());
}

void Oracle::AnsweredRecords(const Batch& batch, const event::BatchAnswer& answer) {
  const event::Receipt& receipt = answer.receipt;
  Expect(receipt.quarantine_count == batch.records.size(), "a receipt of other records");
  for (std::uint32_t i = 0; i < batch.records.size(); ++i) {
    const Sent sent = batch.records[i];
    Event& record = events_[sent.number];
    --record.open;
    ++acknowledged_;
    // Of the first request, if this one was its replay.
    Place(sent.number, receipt.quarantine_first + i);
    SetBody(sent.number, 0);
  }
  LogOffset& end = acknowledged_end_[LogOf(batch.project, tide::Stream::kQuarantine)];
  end = std::max(end, receipt.quarantine_end());
}

// Every replay is answered with the receipt of the first request.
void Oracle::AnsweredKey(const Batch& batch, const event::BatchAnswer& answer) {
  KeyedBatch& keyed = keyed_[batch.key - 1];
  if (keyed.answered) {
    Expect(answer.replayed && answer.receipt == keyed.receipt,
           "a request is done twice: key " + std::to_string(batch.key));
  } else if (answer.receipt.count > 0 || answer.receipt.quarantine_count > 0) {
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
  auto& places = places_[LogOfEvent(event)];
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
  const auto padding = event.values.PaddingOf(properties);
  const std::size_t body = padding.value_or(0) - event.padding;
  const bool same = kTypes[event.type] == type && event.timestamp == timestamp && padding &&
                    body <= 1 && has_value == event.has_value &&
                    (!has_value || value == ValueOf(number));
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
      places_[LogOfEvent(event)][static_cast<std::size_t>(event.offset.value) - 1];
  if (before == kNobody || events_[before].gone) return;
  Expect(events_[before].received_at <= received_at, About("a received time goes back", number));
}

void Oracle::Erase(std::size_t log, const std::set<std::int64_t>& offsets) {
  for (const std::int64_t offset : offsets) {
    const auto at = static_cast<std::size_t>(offset);
    if (at < places_[log].size() && places_[log][at] != kNobody) {
      events_[places_[log][at]].gone = true;
    }
  }
}

void Oracle::Forget(std::size_t log, LogOffset end) {
  auto& places = places_[log];
  for (auto at = static_cast<std::size_t>(end.value); at < places.size(); ++at) {
    if (places[at] == kNobody) continue;
    Event& event = events_[places[at]];
    event.fate = Fate::kNever;
    event.open = 0;
    event.told_duplicate = false;
    event.offset = LogOffset(-1);
  }
  places.resize(std::min(places.size(), static_cast<std::size_t>(end.value)));
  acknowledged_end_[log] = std::min(acknowledged_end_[log], end);
  // Offsets are given again, to events that have what was promoted since.
  Bounds& bounds = bounds_[log / tide::kStreamCount];
  if (log % tide::kStreamCount != tide::Index(tide::Stream::kEvents)) return;
  bounds.none_below = std::min(bounds.none_below, end);
  for (auto& [number, none] : bounds.none_of) none = std::min(none, end);
}

void Oracle::Untie() {
  for (std::uint32_t number = 0; number < events_.size(); ++number) {
    events_[number].batch_first = number;
    events_[number].batch_count = 1;
    events_[number].sent_together = false;
  }
}

void Oracle::Read(const event::RowSource& rows, std::vector<Row>* out) {
  event::ColumnScratch scratch[9];
  const auto& schema = rows.schema();
  const bool records = schema.fixed_count == event::kQuarantineColumnCount;
  const auto at = [records](Column column, event::QuarantineColumn in_quarantine) {
    return records ? static_cast<std::size_t>(in_quarantine) : event::Index(column);
  };
  using event::QuarantineColumn;
  const std::size_t body_at = at(Column::kProperties, QuarantineColumn::kRaw);
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const auto ids = rows.Read(chunk, Column::kEventId, &scratch[0]);
    const auto types = rows.Read(chunk, Column::kEventType, &scratch[1]);
    const auto times = rows.Read(chunk, Column::kTimestamp, &scratch[2]);
    const auto offsets = rows.Read(chunk, schema.log_offset, &scratch[3]);
    const auto properties = rows.Read(chunk, body_at, &scratch[4]);
    const auto received = rows.Read(chunk, Column::kReceivedAt, &scratch[5]);
    const auto values = records ? ColumnView() : rows.Read(chunk, Column::kValue, &scratch[6]);
    const auto items =
        rows.Read(chunk, at(Column::kEventId, QuarantineColumn::kQuarantineId), &scratch[7]);
    const auto kinds =
        rows.Read(chunk, at(Column::kEventType, QuarantineColumn::kRecord), &scratch[8]);
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
      if (records) CheckRecord(number, TextAt(items, i), TextAt(kinds, i));
      Expect(records == (events_[number].kind != Kind::kEvent), About("in another log", number));
      const LogOffset offset(IntAt(offsets, i));
      Place(number, offset);
      CheckReceived(number, TimeMicros(IntAt(received, i)));
      out->push_back({number, offset});
    }
    ReadPromoted(rows, chunk, std::span(*out).last(rows.ChunkRows(chunk)));
  }
}

void Oracle::CheckRecord(std::uint32_t number, std::string_view quarantine_id,
                         std::string_view record) {
  const Event& event = events_[number];
  Expect(quarantine_id == Name(event.item) &&
             record == RecordOf(event.kind == Kind::kItem, event.kind == Kind::kDropped),
         About("another record", number));
}

void Oracle::CheckTogether(std::size_t project, LogOffset events_end, LogOffset quarantine_end) {
  const auto is_below = [this](std::uint32_t number, LogOffset end) {
    const LogOffset offset = events_[number].offset;
    return offset >= LogOffset(0) && offset < end;
  };
  for (const Link& link : links_) {
    if (link.project != project || !events_[link.event].sent_together) continue;
    Expect(is_below(link.event, events_end) == is_below(link.record, quarantine_end),
           About("half a request", link.event));
  }
}

void Oracle::Promoting(std::size_t project, LogOffset end) {
  ++promotions_;
  bounds_[project].none_below = end;
}

void Oracle::Promoted(std::size_t project, const event::TableSchema& columns, LogOffset end) {
  // Of a promotion that nobody answered, the one before is the bound.
  Bounds& bounds = bounds_[project];
  const AllOf now{end, static_cast<std::uint32_t>(events_.size())};
  for (const event::Promotion& one : columns.promoted) bounds.all_of.try_emplace(one.number, now);
  bounds.none_of.try_emplace(columns.promotions, bounds.none_below);
}

void Oracle::ReadPromoted(const event::RowSource& rows, std::size_t chunk, std::span<Row> out) {
  const auto& schema = rows.schema();
  if (schema.promoted.empty()) return;
  const auto scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
  for (std::size_t i = 0; i < schema.promoted.size(); ++i) {
    const ColumnView view = rows.Read(chunk, schema.fixed_count + i, scratch.get());
    for (std::size_t row = 0; row < out.size(); ++row) {
      if (!HasAt(view, row)) continue;
      const std::string_view text = TextAt(view, row);
      const bool right = text.size() - events_[out[row].event].padding <= 1 &&
                         text.find_first_not_of('x') == std::string_view::npos;
      Expect(right, About("a promoted column has another value", out[row].event));
      out[row].promoted |= 1ULL << (schema.promoted[i].number % 64);
    }
  }
}

std::optional<std::string> Oracle::TextOfPath(std::uint32_t number,
                                              const event::KeptPath& path) const {
  const Event& event = events_[number];
  if (path.keys.size() != 1 || path.keys[0] != "n") return event.values.TextAt(path.keys);
  return std::string(event.padding + static_cast<std::size_t>(std::max<int>(event.body, 0)), 'x');
}

void Oracle::ReadKept(const event::RowSource& rows, std::size_t place, const event::KeptPath& path,
                      std::span<const Row> read) {
  const auto scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const ColumnView view = rows.Read(chunk, place, scratch.get());
    for (std::size_t row = 0; row < rows.ChunkRows(chunk); ++row) {
      const std::uint32_t number = read[row].event;
      const auto text =
          HasAt(view, row) ? std::optional(TextOf(view, row, path.type)) : std::nullopt;
      Expect(text == TextOfPath(number, path), [&] {
        return "the copy of " + event::PathText(path.keys) + " is another: " + Name(number);
      });
    }
    read = read.subspan(rows.ChunkRows(chunk));
  }
}

void Oracle::ReadPath(const event::RowSource& rows, const event::KeptPath& path,
                      std::span<const Row> read) {
  const auto parsed = engine::JsonPath::Parse(event::PathText(path.keys));
  if (!Expect(parsed.has_value(), "a kept path does not parse")) return;
  const auto scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
  for (std::size_t chunk = 0; chunk < rows.chunk_count(); ++chunk) {
    const ColumnView view = rows.Read(chunk, *rows.schema().properties, scratch.get());
    for (std::size_t row = 0; row < rows.ChunkRows(chunk); ++row) {
      const engine::JsonFound found = parsed->Find(TextAt(view, row));
      if (found.kind == engine::JsonFound::Kind::kUnsure) continue;  // The engine's parser's part.
      const bool has = found.kind == engine::JsonFound::Kind::kString ||
                       found.kind == engine::JsonFound::Kind::kOther;
      const std::uint32_t number = read[row].event;
      Expect(
          (has ? std::optional(std::string(found.text)) : std::nullopt) == TextOfPath(number, path),
          [&] { return event::PathText(path.keys) + " has another text: " + Name(number); });
    }
    read = read.subspan(rows.ChunkRows(chunk));
  }
}

std::uint64_t Oracle::FilledOf(const event::TableSchema& columns) {
  std::uint64_t bits = 0;
  for (const event::Promotion& one : columns.promoted) {
    if (one.since == LogOffset(0)) bits |= 1ULL << (one.number % 64);
  }
  return bits;
}

// Whether a row has a column is the same whenever one looks.
void Oracle::SeePromoted(const Row& row, bool backfilled) {
  Event& event = events_[row.event];
  if (event.kind != Kind::kEvent) return;
  const Bounds& bounds = bounds_[event.project];
  const std::uint64_t has_all = row.promoted;
  Expect((cut_filled_ & ~has_all) == 0,
         About("a backfill has left it without a column", row.event));
  const std::uint64_t told = cut_promotions_ & ~cut_filled_;
  if (backfilled) {
    // It may have more than it had, and older cuts show what it had.
    Expect((event.promoted & ~has_all & told) == 0,
           About("a backfill has taken a promoted column away", row.event));
    return;
  }
  Expect(((has_all ^ event.promoted) & event.promotions_seen & told) == 0,
         About("whether it has a promoted column has changed", row.event));
  const std::uint64_t fresh = told & ~event.promotions_seen;
  for (std::uint32_t number = 0; fresh >> number != 0; ++number) {
    const std::uint64_t bit = 1ULL << number;
    if ((fresh & bit) == 0) continue;
    const bool has = (has_all & bit) != 0;
    event.promotions_seen |= bit;
    if (has) event.promoted |= bit;
    const auto none = bounds.none_of.find(number);
    Expect(!has || none == bounds.none_of.end() || row.offset >= none->second,
           About("it has a column that was promoted later", row.event));
    const auto all = bounds.all_of.find(number);
    Expect(has || all == bounds.all_of.end() || row.offset < all->second.from ||
               row.event < all->second.sent_from,
           About("it lacks a column that was promoted before", row.event));
  }
}

void Oracle::BeginCut(std::size_t log, LogOffset end, const std::set<std::int64_t>* erased,
                      const event::TableSchema* columns) {
  cut_erased_ = erased;
  // A bit each from 1 on; a life has few.
  cut_promotions_ = columns != nullptr ? (2ULL << std::min(columns->promotions, 62U)) - 2 : 0;
  cut_filled_ = columns != nullptr ? FilledOf(*columns) : 0;
  cut_log_ = log;
  cut_end_ = end;
  cut_rows_ = 0;
  ++cut_number_;
  stamps_.resize(std::max(stamps_.size(), static_cast<std::size_t>(end.value)), 0);
}

void Oracle::See(const std::vector<Row>& rows, bool backfilled) {
  for (const Row& row : rows) {
    if (!Expect(row.offset < cut_end_, About("a row beyond the cut", row.event))) return;
    Expect(LogOfEvent(events_[row.event]) == cut_log_, About("in another project", row.event));
    Expect(events_[row.event].offset == row.offset, About("elsewhere", row.event));
    std::uint64_t& stamp = stamps_[static_cast<std::size_t>(row.offset.value)];
    Expect(stamp != cut_number_, About("doubled", row.event));
    stamp = cut_number_;
    Expect(!cut_erased_->contains(row.offset.value), About("deleted, and yet there", row.event));
    ++cut_rows_;
    SeePromoted(row, backfilled);
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

void Oracle::CheckLatest(std::size_t log, LogOffset end) {
  Expect(end >= acknowledged_end_[log], [&] {
    return "lost: acknowledged up to " + to_string(acknowledged_end_[log]) + ", visible up to " +
           to_string(end);
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
