// One read-only SQL statement over pinned relations, and its result as a stream of text.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/units.h"
#include "engine/relation.h"

namespace tidemark::engine {

// Null, boolean, integer, double, text or time.
using Parameter = std::variant<std::monostate, bool, std::int64_t, double, std::string, TimeMicros>;

// `AT (VERSION => ...)` or `AT (TIMESTAMP => ...)` behind a relation's name.
struct AsOf {
  enum class Unit : std::uint8_t { kVersion, kTimestamp };
  Unit unit = Unit::kVersion;
  Parameter value;
};

// How a statement names a relation that is not one of the request's, or that is, at another time.
struct Mention {
  std::vector<std::string> name;  // The parts of `a.b.t`, as they were written.
  std::optional<AsOf> as_of = {};
  bool is_call = false;  // `t(1, 'x')`, not `t`.
  // Of the call. None: is there such a call at all?
  std::vector<Parameter> arguments = {};
};
// nullptr: there is no such relation. Asked once for each mention, while Query binds the statement.
using FindRelation = std::function<Result<std::shared_ptr<const Relation>>(const Mention&)>;

struct NamedRelation {
  std::vector<std::string> names;  // "events", "analytics_engine.events"; case does not matter.
  std::shared_ptr<const Relation> relation;
};

inline constexpr std::uint64_t kRowsUnlimited = ~0ULL;

struct QueryRequest {
  std::string sql;
  std::vector<Parameter> parameters;                                // $1, $2, ... or ?
  std::vector<std::pair<std::string, Parameter>> named_parameters;  // $name
  std::vector<NamedRelation> relations;
  FindRelation find;  // May be null: there are no others.
  // On the instance's clock; the query and its stream fail with kDeadlineExceeded after it.
  std::optional<Duration> deadline;
  // More rows are cut off (ResultStream::truncated()); what the asker wants.
  std::uint64_t rows_wanted = kRowsUnlimited;
  // More rows fail the stream with kInvalidArgument; what the server allows. `rows_wanted` counts
  // first.
  std::uint64_t rows_max = kRowsUnlimited;
  // Set by anyone to give up: kCancelled soon after. May be null.
  std::shared_ptr<const std::atomic<bool>> cancel;
  // Held until the stream dies or fails: what keeps the cut's rows and files.
  std::shared_ptr<const void> pin;
};

enum class RowFormat : std::uint8_t {
  kJson,    // Objects, separated by commas; the caller writes the brackets.
  kNdjson,  // Objects, each followed by a newline.
  kCsv,     // RFC 4180: a header line, CRLF; null is the empty field, empty text is "".
  kArrow,   // A whole Arrow IPC stream, typed; what Arrow has no type for that its readers know
            // (intervals, enums, numbers above 38 digits) is text as in JSON.
};

struct ResultColumn {
  std::string name;  // Unlike any other of the result: a second `id` is `id_1`.
  std::string type;  // The engine's own: BIGINT, VARCHAR, TIMESTAMP WITH TIME ZONE, ...
};

// Data files of all mentions of all relations.
struct FileCounts {
  std::uint64_t there = 0;
  std::uint64_t read = 0;  // The others have no row that the filters want.
};

// The rows of one query, made as they are asked for. One thread at a time, but Cancel().
class ResultStream {
 public:
  ResultStream() = default;
  ResultStream(const ResultStream&) = delete;
  ResultStream& operator=(const ResultStream&) = delete;
  virtual ~ResultStream() = default;

  virtual const std::vector<ResultColumn>& columns() const = 0;

  // Appends rows to `out` until it has grown by `bytes_wanted` (it may grow by some thousand rows
  // more) or the rows end. False when there are no more rows. Stay with one format for a stream.
  //
  // Errors (the stream is dead and its pin given back): kDeadlineExceeded, kCancelled, kOverloaded
  // (memory limit), kInvalidArgument (a value does not convert, or rows_max is passed), kCorruption
  // (names the lake file), kUnavailable (the engine failed and is being reopened), kInternal.
  virtual Result<bool> Next(RowFormat format, std::string* out, std::size_t bytes_wanted) = 0;

  virtual std::uint64_t row_count() const = 0;  // Rows given so far.
  virtual bool truncated() const = 0;           // rows_wanted cut rows off.
  virtual FileCounts files() const = 0;         // Of the scans that have begun.

  // Any thread: Next() fails with kCancelled soon.
  virtual void Cancel() = 0;
};

}  // namespace tidemark::engine
