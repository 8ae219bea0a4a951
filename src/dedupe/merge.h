// Makes one run of several neighbours, a slice at a time: of equal hashes the newest stays, and
// what has left the window goes. One thread.
#pragma once

#include <memory>
#include <vector>

#include "dedupe/run.h"
#include "dedupe/run_writer.h"

namespace tidemark::dedupe {

class Merge {
 public:
  // `inputs` oldest first.
  static Result<std::unique_ptr<Merge>> Start(env::Disk* disk, std::string path,
                                              std::vector<std::shared_ptr<const Run>> inputs,
                                              RunWriter::Plan plan, MemoryBudget* budget);

  // Takes up to `entries` entries; true when the new run is whole and durable.
  Result<bool> Step(std::uint64_t entries);

  const std::vector<std::shared_ptr<const Run>>& inputs() const { return inputs_; }

 private:
  Merge() = default;

  std::vector<std::shared_ptr<const Run>> inputs_;
  std::vector<std::unique_ptr<RunCursor>> cursors_;
  std::unique_ptr<RunWriter> writer_;
  std::uint32_t second_min_ = 0;
};

}  // namespace tidemark::dedupe
