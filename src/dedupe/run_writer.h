// Writes a run, entry by entry in the order of hashes. Nothing of it counts before the manifest
// names it. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "dedupe/filter.h"
#include "dedupe/run_format.h"
#include "env/disk.h"

namespace tidemark::dedupe {

class RunWriter {
 public:
  struct Plan {
    std::size_t value_bytes = 0;
    std::uint32_t tick_seconds = 1;
    std::uint32_t second_min = 0;   // No entry is older.
    std::uint64_t entries_max = 0;  // As far as is known; fewer may come.
  };
  // Creates the file (a leftover of that name is removed). A filter is made if the budget has room.
  static Result<std::unique_ptr<RunWriter>> Create(env::Disk* disk, std::string path,
                                                   const Plan& plan, MemoryBudget* budget);
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;
  ~RunWriter();

  // kIoError: give the file up.
  Status Add(const Entry& entry);
  // The file and its name are durable then.
  Status Finish();

 private:
  RunWriter(env::Disk* disk, std::string path, MemoryBudget* budget)
      : disk_(disk), path_(std::move(path)), budget_(budget) {}
  Status EndPage();
  Status WriteOut();

  env::Disk* const disk_;
  const std::string path_;
  MemoryBudget* const budget_;
  std::uint64_t reserved_bytes_ = 0;
  std::unique_ptr<env::File> file_;
  RunHeader header_;
  std::vector<std::uint32_t> buckets_;
  std::uint64_t bucket_ = 0;
  Filter filter_;
  bool has_filter_ = false;
  std::string page_;
  std::string out_;
  std::uint64_t written_bytes_ = kPageBytes;
  std::uint64_t page_number_ = 0;
};

}  // namespace tidemark::dedupe
