// Generated traffic of a shop, a site and a video service: the same seed gives the same events,
// byte by byte. Made to be cheap (under a microsecond an event), so that it can load a server.
//
// Events are JSON objects of about half a kilobyte with 12 or more properties; ids and a tenth of
// the values are unique. All but the bad ones are as the built-in schemas want them; a call of
// Segment's has no place for all that they ask for. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "env/random.h"

namespace tidemark::app {

struct DemoShape {
  std::uint64_t seed = 1;
  std::uint64_t users = 1'000'000;
  TimeMicros now;                // Of the newest events.
  std::int64_t span_micros = 0;  // Event times lie in so much time before `now`.
  double late = 0;               // Share of events up to 40 days older.
  double dup = 0;                // Share that repeats the event before it, id and all.
  double bad = 0;                // Share that a server must refuse.
  bool segment = false;          // As Segment's server SDKs write a call of `track`.
};

class DemoTraffic {
 public:
  explicit DemoTraffic(DemoShape shape);

  // Appends the next event as one JSON object.
  void Append(std::string* out);
  // Moves the time of the newest events.
  void set_now(TimeMicros now) { shape_.now = now; }
  std::uint64_t bad_count() const { return bad_count_; }

 private:
  bool Chance(double share);
  void AppendEvent(std::string* out);
  void AppendCommon(std::string* out, std::string_view type);
  void AppendTrack(std::string* out, std::string_view type, std::uint64_t user, std::int64_t age);
  void BeginProperties(std::string* out) const;
  void AppendShop(std::string* out, std::string_view type);
  void AppendSite(std::string* out);
  void AppendVideo(std::string* out);
  void AppendHex(std::string* out, std::uint64_t word);

  DemoShape shape_;
  env::Random dice_;
  std::uint64_t made_ = 0;
  std::uint64_t bad_count_ = 0;
  std::string last_;
};

}  // namespace tidemark::app
