#include "dedupe/batch_ids.h"

#include <bit>
#include <cstring>

#include "base/hash.h"
#include "event/schema.h"

namespace tidemark::dedupe {
namespace {

using event::Bit;
using event::Column;

constexpr std::uint32_t kFilledByServer = Bit(Column::kEventId) | Bit(Column::kCountry) |
                                          Bit(Column::kDeviceType) | Bit(Column::kBrowser) |
                                          Bit(Column::kOs) | Bit(Column::kIp) |
                                          Bit(Column::kUserAgent) | Bit(Column::kUserTier);

void SetKey(const Index& index, std::string_view project, const event::RequestKey& key,
            BatchIds* ids) {
  ids->body = key.body;
  std::string name(key.name);
  char kind = 'k';
  if (key.kind == event::RequestKey::Kind::kResolution) {
    kind = 'r';
    ids->resolves = true;
  }
  if (key.kind == event::RequestKey::Kind::kSequence) {
    kind = 's';
    ids->producer = index.HashOf('p', project, name);
    ids->epoch = key.epoch;
    name.push_back('\0');
    PutFixed(&name, key.epoch);
    PutFixed(&name, key.sequence);
  }
  ids->key = index.HashOf(kind, project, name);
  ids->quarantine_key = index.HashOf('q', project, kind + name);
}

// The length of the source ends it, so that no other pair reads the same.
Hash128 HashOfId(const Index& index, std::string_view project, const event::EventView& event) {
  const std::string_view id = event.Text(Column::kEventId);
  if ((event.made & event::kIdOfSource) == 0) return index.HashOf('e', project, id);
  std::string both;
  PutString(&both, event.Text(Column::kSource));
  both.append(id);
  return index.HashOf('c', project, both);
}

}  // namespace

Value KeyedRequest::ToValue() const {
  Value value{};
  std::memcpy(value.data(), &body, sizeof body);
  std::memcpy(value.data() + 8, &first, sizeof first);
  std::memcpy(value.data() + 16, &count, sizeof count);
  return value;
}

KeyedRequest KeyedRequest::FromValue(const Value& value) {
  KeyedRequest request;
  std::memcpy(&request.body, value.data(), sizeof request.body);
  std::memcpy(&request.first, value.data() + 8, sizeof request.first);
  std::memcpy(&request.count, value.data() + 16, sizeof request.count);
  return request;
}

std::uint32_t BodyMark(const event::EventView& event) {
  const std::uint32_t sent = event.present & ~kFilledByServer;
  std::uint64_t mark = sent;
  if ((event.made & event::kMadeTime) == 0) {
    mark += static_cast<std::uint64_t>(event.timestamp.value) * 0x9E3779B97F4A7C15ULL;
  }
  if (event.Has(Column::kValue)) {
    mark ^= std::bit_cast<std::uint64_t>(event.value) * 0xBF58476D1CE4E5B9ULL;
  }
  for (std::uint32_t bits = sent; bits != 0; bits &= bits - 1) {
    const auto column = static_cast<std::size_t>(std::countr_zero(bits));
    if (event::kColumns[column].type != event::Type::kString) continue;
    mark = Hash64(event.text[column], mark);
  }
  return static_cast<std::uint32_t>(mark & 0xFFFFFF);
}

Result<BatchIds> IdsOf(const Index& index, std::string_view batch, std::uint32_t count) {
  TM_ASSIGN(auto reader, event::BatchReader::Open(batch));
  if (reader.count() != count) return Fail(Code::kCorruption, "batch: another number of events");
  BatchIds ids;
  if (const event::RequestKey* key = reader.key()) SetKey(index, reader.project(), *key, &ids);
  ids.items.reserve(count);
  event::EventView event;
  for (;;) {
    TM_ASSIGN(const bool more, reader.Next(&event));
    if (!more) break;
    Item& item = ids.items.emplace_back();
    if ((event.made & event::kMadeId) != 0) continue;
    item.hash = HashOfId(index, reader.project(), event);
    item.own = BodyMark(event);
    std::memcpy(item.value.data(), &item.own, kValueBytes[0]);
    ++ids.sent;
  }
  if (ids.sent == 0) ids.items.clear();
  return ids;
}

Result<BatchIds> KeyOf(const Index& index, std::string_view batch, std::uint32_t count) {
  TM_ASSIGN(const auto reader, event::BatchReader::Open(batch));
  if (reader.count() != count) return Fail(Code::kCorruption, "batch: another number of records");
  BatchIds ids;
  if (const event::RequestKey* key = reader.key()) SetKey(index, reader.project(), *key, &ids);
  return ids;
}

Status Remember(Index* index, std::string_view batch, std::uint32_t count, LogOffset first) {
  TM_ASSIGN(auto ids, IdsOf(*index, batch, count));
  TM_ASSIGN(const auto reader, event::BatchReader::Open(batch));
  const TimeMicros received_at = reader.received_at();
  TM_TRY(index->Begin(ids.sent, ids.has_key() ? kKeysOfRequest : 0));
  if (ids.sent > 0) TM_TRY(index->FindOrAdd(ids.items, received_at));
  if (ids.has_key()) {
    index->PutKey(ids.key, KeyedRequest{ids.body, first.value, count}.ToValue(), received_at);
  }
  if (ids.has_producer()) {
    index->PutKey(ids.producer, KeyedRequest{0, ids.epoch, 0}.ToValue(), received_at);
  }
  index->Advance(received_at);
  return {};
}

Status RememberQuarantine(Index* index, std::string_view batch, std::uint32_t count,
                          LogOffset first) {
  TM_ASSIGN(const auto ids, KeyOf(*index, batch, count));
  TM_ASSIGN(const auto reader, event::BatchReader::Open(batch));
  const TimeMicros received_at = reader.received_at();
  TM_TRY(index->Begin(0, ids.has_key() ? kKeysOfRequest : 0));
  if (ids.has_key()) {
    TM_ASSIGN(const auto known, index->FindKey(ids.key, received_at));
    // The request had nothing but what is in this frame.
    if (!known) index->PutKey(ids.key, KeyedRequest{ids.body, 0, 0}.ToValue(), received_at);
    index->PutKey(ids.quarantine_key, KeyedRequest{ids.body, first.value, count}.ToValue(),
                  received_at);
  }
  if (ids.has_producer()) {
    index->PutKey(ids.producer, KeyedRequest{0, ids.epoch, 0}.ToValue(), received_at);
  }
  index->Advance(received_at);
  return {};
}

}  // namespace tidemark::dedupe
