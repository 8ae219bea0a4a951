// A run: an immutable file of entries sorted by hash, with a table of buckets and a filter that are
// kept in memory. docs/format/dedupe.md.
//
// A run is looked into by one thread; a cursor opens the file a second time and may be another
// thread's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "dedupe/filter.h"
#include "dedupe/run_format.h"
#include "env/disk.h"

namespace tidemark::dedupe {

class Run {
 public:
  // `budget` must outlive it. Without room for it in the budget the filter is left on the disk:
  // every look reads a page then. kCorruption names the file.
  static Result<std::shared_ptr<const Run>> Open(env::Disk* disk, std::string path,
                                                 MemoryBudget* budget);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run();

  const RunHeader& header() const { return header_; }
  const std::string& path() const { return path_; }
  std::uint64_t count() const { return header_.count; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }

  [[gnu::always_inline]] void Prefetch(const Hash128& hash) const { filter_.Prefetch(hash); }
  bool MayHave(const Hash128& hash) const { return filter_.MayHave(hash); }
  // Reads one page, seldom two. kIoError; kCorruption names the file.
  Result<std::optional<Entry>> Find(const Hash128& hash) const;

 private:
  friend class RunCursor;
  Run(std::string path, MemoryBudget* budget) : path_(std::move(path)), budget_(budget) {}
  Status Load(env::Disk* disk);
  Error Corrupt(std::string_view what) const;

  const std::string path_;
  MemoryBudget* const budget_;
  std::unique_ptr<env::File> file_;
  RunHeader header_;
  std::vector<std::uint32_t> buckets_;
  Filter filter_;
  std::uint64_t memory_bytes_ = 0;
};

// Reads a run from its first entry to its last.
class RunCursor {
 public:
  static Result<std::unique_ptr<RunCursor>> Open(env::Disk* disk, std::shared_ptr<const Run> run);

  // Null after the last one.
  const Entry* current() const { return at_ < run_->count() ? &entry_ : nullptr; }
  Status Next();

 private:
  RunCursor(std::shared_ptr<const Run> run, std::unique_ptr<env::File> file)
      : run_(std::move(run)), file_(std::move(file)) {}
  Status Load();

  const std::shared_ptr<const Run> run_;
  const std::unique_ptr<env::File> file_;
  std::string pages_;
  std::uint64_t first_page_ = 0;
  std::uint64_t page_count_ = 0;
  std::uint64_t bucket_ = 0;
  std::uint64_t at_ = 0;
  Entry entry_;
};

}  // namespace tidemark::dedupe
