#include "wal/spare_maker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace tidemark::wal {

void SpareMaker::Ask(std::string path, std::uint64_t bytes) {
  TM_CHECK(idle());
  path_ = std::move(path);
  bytes_ = bytes;
  error_.reset();
  stage_.store(Stage::kAsked, std::memory_order_release);
}

Result<std::optional<std::string>> SpareMaker::Take() {
  if (stage_.load(std::memory_order_acquire) != Stage::kDone) return std::optional<std::string>();
  stage_.store(Stage::kIdle, std::memory_order_relaxed);  // Both sides are this thread's now.
  if (error_) return Fail(*std::exchange(error_, std::nullopt));
  return std::optional(path_);
}

bool SpareMaker::Work() {
  if (stage_.load(std::memory_order_acquire) != Stage::kAsked) return false;
  const auto whole = WriteSlice();
  if (whole && !*whole) return true;
  if (!whole) error_ = whole.error();
  file_.reset();
  stage_.store(Stage::kDone, std::memory_order_release);
  return true;
}

Result<bool> SpareMaker::WriteSlice() {
  if (file_ == nullptr) {
    TM_ASSIGN(file_, disk_->Create(path_));
  }
  TM_ASSIGN(const std::uint64_t size, file_->Size());
  TM_TRY(file_->Preallocate(std::min(bytes_, size + slice_bytes_)));
  if (size + slice_bytes_ < bytes_) return false;
  TM_TRY(file_->Sync());
  return true;
}

}  // namespace tidemark::wal
