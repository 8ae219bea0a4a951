// A catalog in a file of its own, which goes with it: for tests of this folder and of those above.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "catalog/sqlite_catalog.h"
#include "catalog/sqlite_directory.h"

namespace tidemark::catalog {

class TestCatalog {
 public:
  // Named by the test that runs.
  explicit TestCatalog(std::string_view fixture)
      : path_(testing::TempDir() + std::string(fixture) + "_" + std::to_string(getpid()) + "_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".db") {
    RemoveFiles();
    database_ = std::move(meta::Database::Open(path_)).value();
    catalog_ = std::move(SqliteCatalog::Open(database_.get())).value();
    directory_ = std::make_unique<SqliteDirectory>(database_.get());
  }
  TestCatalog(const TestCatalog&) = delete;
  TestCatalog& operator=(const TestCatalog&) = delete;
  ~TestCatalog() {
    directory_.reset();
    catalog_.reset();
    database_.reset();
    RemoveFiles();
  }

  SqliteCatalog* catalog() { return catalog_.get(); }
  SqliteDirectory* directory() { return directory_.get(); }

 private:
  void RemoveFiles() {
    for (const char* end : {"", "-wal", "-shm"}) unlink((path_ + end).c_str());
  }

  const std::string path_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<SqliteCatalog> catalog_;
  std::unique_ptr<SqliteDirectory> directory_;
};

}  // namespace tidemark::catalog
