#include "enrich/postgres_source.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <libpq-fe.h>
#include <poll.h>

#include "telemetry/log_line.h"

namespace tidemark::enrich {
namespace {

constexpr int kPlacesBefore = 2;  // Columns of the answer before those of the statement.
constexpr std::string_view kKeyName = "tidemark_key.id";
constexpr std::string_view kStatementHint =
    "enrich.lookup_sql must have one ? where the user's id goes, like SELECT tier FROM users WHERE "
    "user_id = ?";

std::int64_t Millis(Duration span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

std::string Trimmed(std::string_view text) {
  const auto is_end = [](char c) { return c == ' ' || c == '\n' || c == '\t' || c == ';'; };
  while (!text.empty() && is_end(text.back())) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return std::string(text);
}

// Where the text that begins at `i` ends: of a quoted text or a comment, else behind one character.
std::size_t EndOfToken(std::string_view text, std::size_t i) {
  if (text[i] == '\'' || text[i] == '"') {
    const std::size_t end = text.find(text[i], i + 1);
    return end == std::string_view::npos ? text.size() : end + 1;
  }
  if (text.substr(i, 2) == "--") return std::min(text.find('\n', i), text.size());
  return i + 1;
}

Result<std::vector<event::Column>> ReadColumns(std::string_view names) {
  std::vector<event::Column> columns;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    const std::string name = Trimmed(names.substr(0, comma));
    names.remove_prefix(std::min(comma + 1, names.size()));
    const auto column = event::FindColumn(name == "tier" ? "user_tier" : name);
    if (!column || event::Info(*column).type != event::Type::kString ||
        event::Info(*column).required) {
      return Fail(Code::kInvalidArgument,
                  "enrich.lookup_columns names `" + name +
                      "`, which is no optional text column of events; it is a list like "
                      "user_tier,country");
    }
    columns.push_back(*column);
  }
  if (columns.empty()) {
    return Fail(Code::kInvalidArgument, "enrich.lookup_columns must name a column at least");
  }
  return columns;
}

// A password in an option could be seen by whoever sees the configuration.
Status CheckUrl(const std::string& url) {
  char* message = nullptr;
  PQconninfoOption* const parts = PQconninfoParse(url.c_str(), &message);
  const std::string why = message == nullptr ? "" : message;
  PQfreemem(message);
  if (parts == nullptr) {
    return Fail(Code::kInvalidArgument,
                "it must be like postgresql://user@host/database: " + Trimmed(why));
  }
  bool has_password = false;
  for (const PQconninfoOption* part = parts; part->keyword != nullptr; ++part) {
    if (std::string_view(part->keyword) == "password" && part->val != nullptr) has_password = true;
  }
  PQconninfoFree(parts);
  if (!has_password) return {};
  return Fail(Code::kInvalidArgument,
              "it must not hold a password: put that into a file that ?passfile= names, or into "
              "PGPASSWORD");
}

}  // namespace

void PostgresSource::FreeConnection::operator()(pg_conn* connection) const { PQfinish(connection); }
void PostgresSource::FreeResult::operator()(pg_result* result) const { PQclear(result); }

Result<std::string> StatementForMany(std::string_view statement) {
  const std::string one = Trimmed(statement);
  std::string inner;
  std::size_t marks = 0;
  std::size_t numbers = 0;
  for (std::size_t i = 0; i < one.size();) {
    const std::size_t end = EndOfToken(one, i);
    const std::string_view token = std::string_view(one).substr(i, end - i);
    const bool number = std::string_view(one).substr(i, 2) == "$1";
    if (token == "?") ++marks;
    if (number) ++numbers;
    if (token == "?" || number) {
      inner.append(kKeyName);
      i += number ? 2 : 1;
    } else {
      inner.append(token);
      i = end;
    }
  }
  // Both: then the marks are an operator of JSON, and we do not guess.
  if ((marks == 1) == (numbers > 0))
    return Fail(Code::kInvalidArgument, std::string(kStatementHint));
  return "SELECT tidemark_key.place, d.* FROM unnest($1::text[]) WITH ORDINALITY AS "
         "tidemark_key(id, place) LEFT JOIN LATERAL (SELECT true, q.* FROM (" +
         inner + "\n) AS q LIMIT 1) AS d ON true";
}

std::string ArrayOf(std::span<const std::string> texts) {
  std::string array = "{";
  for (const std::string& text : texts) {
    if (array.size() > 1) array.push_back(',');
    if (text.find('\0') != std::string::npos) {  // No text of PostgreSQL has one.
      array.append("NULL");
      continue;
    }
    array.push_back('"');
    for (const char c : text) {
      if (c == '"' || c == '\\') array.push_back('\\');
      array.push_back(c);
    }
    array.push_back('"');
  }
  array.push_back('}');
  return array;
}

Result<std::unique_ptr<DimensionSource>> PostgresSource::Open(const PostgresOptions& options,
                                                              const env::Clock* clock) {
  if (auto url = CheckUrl(options.url); !url) {
    return Fail(std::move(url).error().With("enrich.lookup_url"));
  }
  std::unique_ptr<PostgresSource> source(new PostgresSource(options, clock));
  TM_ASSIGN(source->columns_, ReadColumns(options.columns));
  TM_ASSIGN(source->statement_, StatementForMany(options.statement));
  if (const Status connected = source->Connect(); !connected) {
    if (connected.error().code() == Code::kInvalidArgument) return Fail(connected.error());
    TM_LOG(kWarning, "the source of dimensions is down", {"error", connected.error().ToString()});
  }
  return std::unique_ptr<DimensionSource>(std::move(source));
}

PostgresSource::~PostgresSource() = default;

Error PostgresSource::Broken() {
  const std::string why = Trimmed(PQerrorMessage(connection_.get()));
  connection_.reset();
  return {Code::kUnavailable, "the server of dimensions: " + why};
}

Status PostgresSource::Connect() {
  const std::string wait = std::to_string(Millis(kPostgresConnectWait) / 1'000);
  const std::array<const char*, 5> names = {"dbname", "connect_timeout", "client_encoding",
                                            "application_name", nullptr};
  const std::array<const char*, 5> values = {url_.c_str(), wait.c_str(), "UTF8", "tidemark",
                                             nullptr};
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 1));
  if (PQstatus(connection_.get()) != CONNECTION_OK) return Fail(Broken());
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
  if (PQsetnonblocking(connection_.get(), 1) != 0) return Fail(Broken());
  TM_TRY(Ask("SET statement_timeout = " + std::to_string(Millis(kPostgresAnswerWait)), nullptr));
  TM_TRY(Ask("SET default_transaction_read_only = on", nullptr));
  // Of nobody: whether it is understood, and what it gives.
  TM_ASSIGN(const Answer empty, AskFor({}));
  return CheckColumns(*empty);
}

Status PostgresSource::CheckColumns(const pg_result& answer) const {
  bool same = PQnfields(&answer) == kPlacesBefore + static_cast<int>(columns_.size());
  std::string given;
  for (int i = kPlacesBefore; i < PQnfields(&answer); ++i) {
    const std::string_view name = PQfname(&answer, i);
    given.append(given.empty() ? "" : ",").append(name);
    const auto column = event::FindColumn(name == "tier" ? "user_tier" : name);
    same = same && column == columns_[static_cast<std::size_t>(i - kPlacesBefore)];
  }
  if (same) return {};
  return Fail(Code::kInvalidArgument,
              "enrich.lookup_sql gives the columns " + given +
                  ", and enrich.lookup_columns names others: make them the same");
}

Status PostgresSource::AwaitSocket(bool write, Duration until) const {
  pollfd one{PQsocket(connection_.get()), static_cast<short>(write ? POLLIN | POLLOUT : POLLIN), 0};
  const std::int64_t left = Millis(until - clock_->Now());
  // A signal ends it early: then the caller looks once more.
  if (left > 0) ::poll(&one, 1, static_cast<int>(left));
  if (clock_->Now() < until) return {};
  return Fail(Code::kDeadlineExceeded, "the server of dimensions did not answer in time");
}

Status PostgresSource::AwaitAnswer() {
  // A little more than the server has, so that usually it is the one that says so.
  const Duration until = clock_->Now() + kPostgresAnswerWait + std::chrono::milliseconds(500);
  for (;;) {
    const int unsent = PQflush(connection_.get());
    if (unsent < 0 || PQconsumeInput(connection_.get()) == 0) return Fail(Broken());
    if (unsent == 0 && PQisBusy(connection_.get()) == 0) return {};
    if (auto ready = AwaitSocket(unsent > 0, until); !ready) {
      connection_.reset();  // Its answer would be taken for the next one's.
      return ready;
    }
  }
}

Result<PostgresSource::Answer> PostgresSource::Ask(const std::string& statement,
                                                   const std::string* parameter) {
  const char* const value = parameter == nullptr ? nullptr : parameter->c_str();
  if (PQsendQueryParams(connection_.get(), statement.c_str(), parameter == nullptr ? 0 : 1, nullptr,
                        &value, nullptr, nullptr, 0) != 1) {
    return Fail(Broken());
  }
  Answer answer;
  for (;;) {
    TM_TRY(AwaitAnswer());
    Answer next(PQgetResult(connection_.get()));
    if (!next) break;
    if (!answer) answer = std::move(next);
  }
  if (!answer) return Fail(Broken());
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
  const char* const state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  const std::string why = Trimmed(PQresultErrorMessage(answer.get()));
  // Class 42: what is asked for is not there or not understood.
  if (state != nullptr && std::string_view(state).starts_with("42")) {
    return Fail(Code::kInvalidArgument,
                "enrich.lookup_sql is not understood by the server: " + why);
  }
  return Fail(Code::kUnavailable, "the server of dimensions: " + why);
}

Result<PostgresSource::Answer> PostgresSource::AskFor(std::span<const std::string> keys) {
  const std::string array = ArrayOf(keys);
  return Ask(statement_, &array);
}

Result<std::vector<std::optional<DimensionValues>>> PostgresSource::Find(
    std::span<const std::string> keys) {
  const bool was_open = connection_ != nullptr;
  if (!was_open) TM_TRY(Connect());
  auto answer = AskFor(keys);
  // It broke while nobody asked: that is no failure. One that does not answer is.
  if (!answer && was_open && connection_ == nullptr &&
      answer.error().code() == Code::kUnavailable) {
    TM_TRY(Connect());
    answer = AskFor(keys);
  }
  if (!answer) return Fail(std::move(answer).error());
  TM_TRY(CheckColumns(**answer));
  std::vector<std::optional<DimensionValues>> found(keys.size());
  for (int row = 0; row < PQntuples(answer->get()); ++row) {
    const std::string_view text = PQgetvalue(answer->get(), row, 0);
    std::size_t place = 0;
    std::from_chars(text.data(), text.data() + text.size(), place);
    if (place == 0 || place > keys.size()) return Fail(Code::kUnavailable, "no such place");
    if (PQgetisnull(answer->get(), row, 1) != 0) continue;
    DimensionValues values;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const int column = kPlacesBefore + static_cast<int>(i);
      values.emplace_back(PQgetvalue(answer->get(), row, column));  // Of a null: empty.
    }
    found[place - 1] = std::move(values);
  }
  return found;
}

}  // namespace tidemark::enrich
