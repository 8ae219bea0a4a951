// Dimensions of users from a PostgreSQL server, which others fill: one statement with one
// parameter, the user's id as text, asked for many users at once. One connection, opened when it is
// needed, and again when it broke; the session may read only.
//
// One thread, which may be blocked for kPostgresConnectWait and kPostgresAnswerWait together, never
// longer, whatever the server does. Source of the protocol: libpq of Debian.
#pragma once

#include <memory>
#include <string>

#include "enrich/lookup.h"

struct pg_conn;
struct pg_result;

namespace tidemark::enrich {

inline constexpr Duration kPostgresConnectWait = std::chrono::seconds(3);
inline constexpr Duration kPostgresAnswerWait = std::chrono::seconds(5);

struct PostgresOptions {
  std::string url;  // "postgresql://user@host/database?passfile=..."; as libpq reads it.
  // With one `?`, or `$1`, where the user's id goes.
  std::string statement;
  // What the statement gives, in its order, with commas between: known also while the server is
  // down. `tier` stands for `user_tier`.
  std::string columns = "user_tier";
};

class PostgresSource final : public DimensionSource {
 public:
  // A server that is down now is a source that is down; one that does not understand the statement
  // is kInvalidArgument, as are columns that events do not have, a password in the URL, and a
  // statement without a place for the user's id. `clock` must outlive it.
  static Result<std::unique_ptr<DimensionSource>> Open(const PostgresOptions& options,
                                                       const env::Clock* clock);
  ~PostgresSource() override;

  event::Column key_column() const override { return event::Column::kUserId; }
  const std::vector<event::Column>& columns() const override { return columns_; }
  Result<std::vector<std::optional<DimensionValues>>> Find(
      std::span<const std::string> keys) override;

 private:
  struct FreeConnection {
    void operator()(pg_conn* connection) const;
  };
  struct FreeResult {
    void operator()(pg_result* result) const;
  };
  using Answer = std::unique_ptr<pg_result, FreeResult>;

  PostgresSource(const PostgresOptions& options, const env::Clock* clock)
      : url_(options.url), clock_(clock) {}
  Status Connect();
  // kUnavailable: the connection broke. kDeadlineExceeded: it took too long and was given up.
  // kInvalidArgument: the server does not understand the statement.
  Result<Answer> Ask(const std::string& statement, const std::string* parameter);
  Result<Answer> AskFor(std::span<const std::string> keys);
  // Sends what is to be sent and reads until the answer is there or it is too late.
  Status AwaitAnswer();
  Status AwaitSocket(bool write, Duration until) const;
  Error Broken();
  Status CheckColumns(const pg_result& answer) const;

  const std::string url_;
  const env::Clock* const clock_;
  std::string statement_;  // For any number of users.
  std::vector<event::Column> columns_;
  std::unique_ptr<pg_conn, FreeConnection> connection_;  // nullptr: none is open.
};

// The statement of many users that is made of the one of a single user. Its one parameter is an
// array of texts; it gives the place of each in it from 1, whether there is such a user, and the
// columns. kInvalidArgument if `statement` has no place for the user's id, or two.
Result<std::string> StatementForMany(std::string_view statement);
// As PostgreSQL reads an array of texts.
std::string ArrayOf(std::span<const std::string> texts);

}  // namespace tidemark::enrich
