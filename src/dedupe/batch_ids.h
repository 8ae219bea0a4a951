// What the index is asked about one batch: an item for every event whose id the client sent, and
// the key of the request. The same from the door and from replay. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dedupe/index.h"
#include "event/batch.h"

namespace tidemark::dedupe {

// What is remembered of a request that brought a key. Its bytes are the value of a family.
struct KeyedRequest {
  std::uint64_t body = 0;
  std::int64_t first = kInGroup;  // Offset of its first event.
  std::uint32_t count = 0;        // Events that it added.

  static constexpr std::int64_t kInGroup = -1;  // Its offsets are not given yet.

  Value ToValue() const;
  static KeyedRequest FromValue(const Value& value);
};

// The key, the producer's epoch, and what went into the quarantine.
inline constexpr std::size_t kKeysOfRequest = 3;

struct BatchIds {
  // By place in the batch, with the event's BodyMark as `own`; one without a hash has an id that
  // the server made. Empty: all have.
  std::vector<Item> items;
  std::size_t sent = 0;  // Items with a hash.
  // Of the request's key; zero: it has none. What the request wrote into the quarantine is
  // remembered beside it, for then it is in two places.
  Hash128 key;
  Hash128 quarantine_key;
  std::uint64_t body = 0;
  // Of the producer's name alone, if the key is a sequence: its epoch is remembered.
  Hash128 producer;
  std::int64_t epoch = 0;
  bool resolves = false;  // The key is that of an item of the quarantine.

  bool has_key() const { return key != Hash128{}; }
  bool has_producer() const { return producer != Hash128{}; }
  std::uint64_t bytes() const { return items.size() * sizeof(Item); }
};

// kCorruption if the batch does not decode, or has not `count` events.
Result<BatchIds> IdsOf(const Index& index, std::string_view batch, std::uint32_t count);
// The same of a batch of the quarantine: only the request's key, for the ids of its events are
// free.
Result<BatchIds> KeyOf(const Index& index, std::string_view batch, std::uint32_t count);

// Three bytes that differ if what the client sent differs, but for one pair in 16 million. Columns
// that the server may fill (address, browser, country, tier) are left out: a retry may come another
// way.
std::uint32_t BodyMark(const event::EventView& event);

// A frame that is durable, as a start replays it: its ids and its key are known from here on. The
// index is given room for them with Begin.
Status Remember(Index* index, std::string_view batch, std::uint32_t count, LogOffset first);
// A frame of the quarantine, which comes behind that of the same request's events.
Status RememberQuarantine(Index* index, std::string_view batch, std::uint32_t count,
                          LogOffset first);

}  // namespace tidemark::dedupe
