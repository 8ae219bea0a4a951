#include "event/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace tidemark::event {
namespace {

constexpr std::uint32_t kRequired =
    Bit(Column::kEventId) | Bit(Column::kEventType) | Bit(Column::kTimestamp);

// Columns that are strings of the event itself, in the order they are encoded.
constexpr std::uint32_t TextBits() {
  std::uint32_t bits = 0;
  for (const ColumnInfo& info : kColumns) {
    if (info.type == Type::kString && info.column != Column::kProjectId) bits |= Bit(info.column);
  }
  return bits;
}
constexpr std::uint32_t kTextBits = TextBits();
constexpr std::uint32_t kValues = kTextBits | Bit(Column::kTimestamp) | Bit(Column::kValue);
// Bits of columns that no record carries say what was made, and what its id means.
constexpr std::uint32_t kMadeIdBit = Bit(Column::kLogOffset);
constexpr std::uint32_t kMadeTimeBit = Bit(Column::kLogPartition);
constexpr std::uint32_t kIdOfSourceBit = Bit(Column::kProjectId);
constexpr std::uint32_t kAllowed = kValues | kMadeIdBit | kMadeTimeBit | kIdOfSourceBit;

constexpr std::size_t kRoom = 1'024;  // A batch of one event has it once.

template <class Value>
char* Put(char* at, Value value) {
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

}  // namespace

// version u8 | received_at i64 | [promotion u32] | project string | count u32 | [key] | events
// promotion (versions 3 and 4)
// key (versions 2 and 4): kind u8 | name string | epoch i64 | sequence i64 | body u64
// event: present u32 | timestamp i64 | [value f64] | each present string: varint length, bytes
BatchBuilder::BatchBuilder(std::string_view project, TimeMicros received_at) {
  bytes_.reserve(kRoom);
  bytes_.push_back(static_cast<char>(kBatchVersion));
  PutFixed(&bytes_, received_at.value);
  PutString(&bytes_, project);
  count_at_ = bytes_.size();
  PutU32(&bytes_, 0);
}

void BatchBuilder::SetKey(const RequestKey& key) {
  TM_CHECK_EQ(bytes_.size(), count_at_ + sizeof count_);
  bytes_[0] = static_cast<char>(kKeyedBatchVersion);
  PutFixed(&bytes_, static_cast<std::uint8_t>(key.kind));
  PutString(&bytes_, key.name);
  PutFixed(&bytes_, key.epoch);
  PutFixed(&bytes_, key.sequence);
  PutFixed(&bytes_, key.body);
}

void BatchBuilder::Add(const EventView& event) {
  constexpr std::size_t kVarintBytesMax = 10;
  const std::uint32_t present = event.present & kValues;
  TM_CHECK((present & kRequired) == kRequired);
  // Room for all of it first, so that every write is a plain copy.
  std::size_t most = sizeof present + sizeof event.timestamp.value + sizeof event.value;
  for (std::uint32_t bits = present & kTextBits; bits != 0; bits &= bits - 1) {
    most += kVarintBytesMax + event.text[static_cast<std::size_t>(std::countr_zero(bits))].size();
  }
  const std::size_t begin = bytes_.size();
  bytes_.resize(begin + most);
  char* at = bytes_.data() + begin;
  at = Put(at, present | ((event.made & kMadeId) != 0 ? kMadeIdBit : 0) |
                   ((event.made & kMadeTime) != 0 ? kMadeTimeBit : 0) |
                   ((event.made & kIdOfSource) != 0 ? kIdOfSourceBit : 0));
  at = Put(at, event.timestamp.value);
  if (event.Has(Column::kValue)) at = Put(at, event.value);
  for (std::uint32_t bits = present & kTextBits; bits != 0; bits &= bits - 1) {
    const std::string_view text = event.text[static_cast<std::size_t>(std::countr_zero(bits))];
    std::uint64_t size = text.size();
    for (; size >= 0x80; size >>= 7) *at++ = static_cast<char>(size | 0x80);
    *at++ = static_cast<char>(size);
    at = std::copy(text.begin(), text.end(), at);  // An empty text may have no address.
  }
  bytes_.resize(static_cast<std::size_t>(at - bytes_.data()));
  ++count_;
}

std::string BatchBuilder::Finish() && {
  std::memcpy(bytes_.data() + count_at_, &count_, sizeof count_);
  return std::move(bytes_);
}

Result<BatchReader> BatchReader::Open(std::string_view bytes) {
  BatchReader reader;
  reader.in_ = ByteReader(bytes);
  reader.bytes_ = bytes.size();
  std::uint8_t version = 0;
  if (!reader.in_.Fixed(&version)) return Fail(Code::kCorruption, "batch: no bytes");
  if (version < kBatchVersion || version > kKeyedNumberedBatchVersion) {
    return Fail(Code::kCorruption, "batch: version " + std::to_string(version) + " is not known");
  }
  const bool numbered = version >= kNumberedBatchVersion;
  if (!reader.in_.Fixed(&reader.received_at_.value) ||
      (numbered && !reader.in_.Fixed(&reader.promotion_)) || !reader.in_.String(&reader.project_) ||
      !reader.in_.Fixed(&reader.count_)) {
    return Fail(Code::kCorruption, "batch: header is cut short");
  }
  if (numbered && reader.promotion_ == 0) {
    return Fail(Code::kCorruption, "batch: it names no promotion");
  }
  reader.has_key_ = version == kKeyedBatchVersion || version == kKeyedNumberedBatchVersion;
  if (reader.has_key_ && !reader.ReadKey()) {
    return Fail(Code::kCorruption, "batch: its request key does not decode");
  }
  return reader;
}

bool BatchReader::ReadKey() {
  std::uint8_t kind = 0;
  in_.Fixed(&kind);
  in_.String(&key_.name);
  in_.Fixed(&key_.epoch);
  in_.Fixed(&key_.sequence);
  in_.Fixed(&key_.body);
  key_.kind = static_cast<RequestKey::Kind>(kind);
  return !in_.failed() && key_.kind >= RequestKey::Kind::kKey &&
         key_.kind <= RequestKey::Kind::kResolution;
}

Result<bool> BatchReader::Next(EventView* event) {
  if (read_ == count_) {
    if (in_.remaining() != 0) return Fail(Code::kCorruption, "batch: bytes after the last event");
    return false;
  }
  std::uint32_t present = 0;
  in_.Fixed(&present);
  in_.Fixed(&event->timestamp.value);
  if ((present & Bit(Column::kValue)) != 0) in_.Fixed(&event->value);
  for (std::uint32_t bits = present & kTextBits; bits != 0; bits &= bits - 1) {
    in_.String(&event->text[static_cast<std::size_t>(std::countr_zero(bits))]);
  }
  if (in_.failed() || (present & kRequired) != kRequired || (present & ~kAllowed) != 0) {
    return Fail(Code::kCorruption, "batch: event " + std::to_string(read_) + " does not decode");
  }
  event->present = present & kValues;
  event->properties_shape = 0;
  event->made = ((present & kMadeIdBit) != 0 ? kMadeId : 0) |
                ((present & kMadeTimeBit) != 0 ? kMadeTime : 0) |
                ((present & kIdOfSourceBit) != 0 ? kIdOfSource : 0);
  ++read_;
  return true;
}

void SetBatchPromotion(std::string* batch, std::uint32_t promotion) {
  TM_CHECK_GT(promotion, 0U);
  constexpr std::size_t kAt = 1 + sizeof(std::int64_t);
  const auto version = static_cast<std::uint8_t>(batch->front());
  if (version < kNumberedBatchVersion) {
    batch->insert(kAt, kPromotionBytes, '\0');
    batch->front() = static_cast<char>(version + (kNumberedBatchVersion - kBatchVersion));
  }
  std::memcpy(batch->data() + kAt, &promotion, sizeof promotion);
}

Result<std::string> WithoutEvents(std::string_view batch, const std::vector<bool>& drop) {
  TM_ASSIGN(auto reader, BatchReader::Open(batch));
  TM_CHECK_EQ(drop.size(), static_cast<std::size_t>(reader.count()));
  std::string kept;
  kept.reserve(batch.size());
  kept.append(batch.substr(0, reader.position()));
  EventView event;
  std::uint32_t count = 0;
  for (const bool dropped : drop) {
    const std::size_t begin = reader.position();
    TM_TRY(reader.Next(&event));
    if (dropped) continue;
    kept.append(batch.substr(begin, reader.position() - begin));
    ++count;
  }
  TM_CHECK_GT(count, 0U);
  // The count is behind the project.
  const std::string_view project = reader.project();
  const auto count_at = static_cast<std::size_t>(project.data() + project.size() - batch.data());
  std::memcpy(kept.data() + count_at, &count, sizeof count);
  return kept;
}

}  // namespace tidemark::event
