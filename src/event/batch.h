// A batch: the events of one request, encoded once, as they go into the log. The same bytes are
// decoded to make hot rows, live and at replay: there is one decoder. docs/format/wal.md, "batch".
//
// A batch is self-contained: ids, project and received time are in it; only the offset of its first
// event comes from its frame. Value types; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "event/schema.h"

namespace tidemark::event {

inline constexpr std::uint8_t kBatchVersion = 1;       // Of a batch without a request key.
inline constexpr std::uint8_t kKeyedBatchVersion = 2;  // The same with one.
// The same two of a project with promoted properties: they name the promotion that their rows have.
inline constexpr std::uint8_t kNumberedBatchVersion = 3;
inline constexpr std::uint8_t kKeyedNumberedBatchVersion = 4;
inline constexpr std::size_t kPromotionBytes = sizeof(std::uint32_t);  // By which they are longer.
inline constexpr std::uint32_t kEventBytesMax = 2U
                                                << 20;  // Encoded; the default limit of the doors.

// What the server, not the client, put into an event, and what its id means: bits of
// EventView::made.
inline constexpr std::uint32_t kMadeId = 1;    // event_id: such an event is nobody's duplicate.
inline constexpr std::uint32_t kMadeTime = 2;  // timestamp: it is not part of what was sent.
// event_id and source together are the event's id, as CloudEvents means them. Never with kMadeId.
inline constexpr std::uint32_t kIdOfSource = 4;

// What makes a request one that is not to be done twice, beside the ids of its events: the
// Idempotency-Key of its headers, or a producer's name, epoch and sequence; or the item of the
// quarantine that it resolves. It is in the frames of the request, so that all are there or none.
struct RequestKey {
  enum class Kind : std::uint8_t { kKey = 1, kSequence = 2, kResolution = 3 };
  Kind kind = Kind::kKey;
  std::string_view name;  // The key, the producer, or the item's quarantine_id.
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;
  std::uint64_t body = 0;  // Hash64 of the body: the same key with another one is a mistake.
};

// One event, as views: fields that are absent (null) have their bit in `present` unset.
// received_at, project_id, log_partition and log_offset are those of the batch.
struct EventView {
  std::uint32_t present = 0;  // Bit(column) for every column that has a value.
  std::uint32_t made = 0;     // kMadeId, kMadeTime, kIdOfSource.
  TimeMicros timestamp;
  double value = 0;
  // The same number: `properties` of the same names in the same order (KeyShapes::NumberOf); 0: not
  // known.
  std::uint64_t properties_shape = 0;
  std::array<std::string_view, kColumnCount> text;  // By column; only string columns are used.

  bool Has(Column column) const { return (present & Bit(column)) != 0; }
  std::string_view Text(Column column) const { return text[Index(column)]; }
  void SetText(Column column, std::string_view bytes) {
    text[Index(column)] = bytes;
    present |= Bit(column);
  }
};

// Encodes a batch event by event.
class BatchBuilder {
 public:
  BatchBuilder(std::string_view project, TimeMicros received_at);

  // Makes room for so many bytes of events at once.
  void Reserve(std::size_t bytes) { bytes_.reserve(bytes_.size() + bytes); }
  // Before the first Add. The name is copied.
  void SetKey(const RequestKey& key);
  // Copies the event. Its event_id, event_type and timestamp must be present.
  void Add(const EventView& event);
  std::uint32_t count() const { return count_; }
  std::size_t size_bytes() const { return bytes_.size(); }
  // The encoded batch; the builder is used up.
  std::string Finish() &&;

 private:
  std::string bytes_;
  std::size_t count_at_ = 0;
  std::uint32_t count_ = 0;
};

// Reads an encoded batch. The bytes must outlive the reader and the views it gives.
class BatchReader {
 public:
  // kCorruption if the header cannot be read or has another version.
  static Result<BatchReader> Open(std::string_view bytes);

  std::string_view project() const { return project_; }
  TimeMicros received_at() const { return received_at_; }
  std::uint32_t count() const { return count_; }
  // Its rows have the columns of this promotion and of those before it; 0: of none.
  std::uint32_t promotion() const { return promotion_; }
  // Null if the request had none.
  const RequestKey* key() const { return has_key_ ? &key_ : nullptr; }
  // Where the next event begins.
  std::size_t position() const { return bytes_ - in_.remaining(); }

  // The next event; false after the last. kCorruption if the bytes do not decode, or if some are
  // left after the last event. `event->text` entries whose bit is unset hold old values: look at
  // `present`.
  Result<bool> Next(EventView* event);

 private:
  BatchReader() : in_("") {}
  bool ReadKey();
  ByteReader in_;
  std::size_t bytes_ = 0;
  RequestKey key_;
  bool has_key_ = false;
  std::string_view project_;
  TimeMicros received_at_;
  std::uint32_t promotion_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t read_ = 0;
};

// Writes into an encoded batch, which must be one that a builder finished, up to which promotion
// its rows have columns. Not 0.
void SetBatchPromotion(std::string* batch, std::uint32_t promotion);

// The batch without the events for which drop[i] is set; at least one stays. kCorruption.
Result<std::string> WithoutEvents(std::string_view batch, const std::vector<bool>& drop);

// The received time of an encoded batch, which must be one that a builder finished.
inline TimeMicros BatchReceivedAt(std::string_view batch) {
  TimeMicros received_at;
  std::memcpy(&received_at.value, batch.data() + 1, sizeof received_at.value);
  return received_at;
}

// Replaces the received time of an encoded batch by clamp(received time). The batch must be one
// that a builder finished.
template <class Clamp>
void ClampBatchReceivedAt(std::string* batch, const Clamp& clamp) {
  const TimeMicros clamped = clamp(BatchReceivedAt(*batch));
  std::memcpy(batch->data() + 1, &clamped.value, sizeof clamped.value);
}

}  // namespace tidemark::event
