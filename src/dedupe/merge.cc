#include "dedupe/merge.h"

#include <utility>

namespace tidemark::dedupe {

Result<std::unique_ptr<Merge>> Merge::Start(env::Disk* disk, std::string path,
                                            std::vector<std::shared_ptr<const Run>> inputs,
                                            RunWriter::Plan plan, MemoryBudget* budget) {
  std::unique_ptr<Merge> merge(new Merge);
  merge->second_min_ = plan.second_min;
  for (const auto& run : inputs) {
    plan.entries_max += run->count();
    TM_ASSIGN(auto cursor, RunCursor::Open(disk, run));
    merge->cursors_.push_back(std::move(cursor));
  }
  merge->inputs_ = std::move(inputs);
  TM_ASSIGN(merge->writer_, RunWriter::Create(disk, std::move(path), plan, budget));
  return merge;
}

Result<bool> Merge::Step(std::uint64_t entries) {
  for (; entries > 0; --entries) {
    RunCursor* least = nullptr;
    for (const auto& cursor : cursors_) {
      const Entry* entry = cursor->current();
      if (entry == nullptr) continue;
      // Of equal ones the later input wins.
      if (least == nullptr || !HashLess(least->current()->hash, entry->hash)) least = cursor.get();
    }
    if (least == nullptr) {
      TM_TRY(writer_->Finish());
      return true;
    }
    const Entry entry = *least->current();
    if (entry.second >= second_min_) TM_TRY(writer_->Add(entry));
    for (const auto& cursor : cursors_) {
      const Entry* other = cursor->current();
      if (other != nullptr && other->hash == entry.hash) TM_TRY(cursor->Next());
    }
  }
  return false;
}

}  // namespace tidemark::dedupe
