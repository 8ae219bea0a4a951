// The strongly consistent database: one SQLite file in WAL mode with synchronous=FULL, so that a
// committed transaction survives a crash of the machine. No caller sees SQLite itself.
//
// Database: any thread; one transaction or statement runs at a time, others wait for it (at most
// kBusyWait for another process). Statement and Transaction: one thread, and they must not outlive
// the database. Errors: kIoError (did not happen), kOutcomeUnknown (Commit only), kConflict
// (another process holds the file for too long), kAlreadyExists (a unique key is taken),
// kCorruption.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

struct sqlite3;
struct sqlite3_stmt;

namespace tidemark::meta {

inline constexpr Duration kBusyWait = std::chrono::seconds(5);

class Database;

// A prepared statement. Parameters are numbered from 1, columns from 0. Text and bytes that are
// bound are copied; those that are read are good until the next Step.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& Bind(int parameter, std::int64_t value);
  Statement& Bind(int parameter, std::string_view text);
  Statement& BindBytes(int parameter, std::string_view bytes);
  Statement& BindNull(int parameter);

  // True: there is a row to read. False: done.
  Result<bool> Step();
  // Steps a statement that gives no rows.
  Status Run();
  // So that it can be bound and stepped once more.
  void Reset();

  std::int64_t Int(int column) const;
  std::string_view Text(int column) const;
  std::string_view Bytes(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  friend class Transaction;
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  sqlite3* database_;
  sqlite3_stmt* statement_;
  bool bad_bind_ = false;
};

// BEGIN IMMEDIATE ... COMMIT; rolled back if it dies uncommitted. Holds the database meanwhile.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept = default;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Result<Statement> Prepare(std::string_view sql);
  // One statement without parameters or rows.
  Status Execute(std::string_view sql);
  // Rows that the last INSERT, UPDATE or DELETE of this transaction touched.
  std::int64_t changes() const;

  // Durable when it returns. After kOutcomeUnknown look before doing anything. `then` runs once it
  // is durable, while the database is still held: what it publishes has the order of the
  // transactions.
  Status Commit(const std::function<void()>& then = {});

 private:
  friend class Database;
  Transaction(sqlite3* database, std::unique_lock<std::mutex> lock)
      : database_(database), lock_(std::move(lock)) {}

  sqlite3* database_;
  std::unique_lock<std::mutex> lock_;  // Not held: committed, or moved from.
};

// The schema of one folder's tables, step by step: step i brings version i to i + 1. Steps are
// only ever added at the end.
struct Migrations {
  std::string_view component;  // "meta", "catalog".
  std::span<const std::string_view> steps;
};

class Database {
 public:
  // Opens or makes the file at `native_path`. kInvalidArgument if a newer binary has written it:
  // the message says so. kCorruption if it is no database.
  static Result<std::unique_ptr<Database>> Open(const std::string& native_path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Runs the steps that the file has not seen yet, each in a transaction. Idempotent.
  // kInvalidArgument if the file has more steps than this binary knows.
  Status Migrate(const Migrations& migrations);

  Result<Transaction> Begin();

 private:
  explicit Database(sqlite3* database) : database_(database) {}
  Status SetPragmas();

  std::mutex mutex_;
  sqlite3* database_;
};

}  // namespace tidemark::meta
