#include "wal/segment_pool.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "wal/faults.h"
#include "wal/format.h"

namespace tidemark::wal {
namespace {

constexpr std::string_view kSparePrefix = "spare.";
constexpr std::string_view kReserveName = "reserve";

std::string Kibibytes(std::uint64_t bytes) {
  return std::to_string((bytes + 1023) / 1024) + " KiB";
}

}  // namespace

Status DropReserve(env::Disk* disk, const LogOptions& options) {
  auto removed = disk->Remove(options.folder + "/" + std::string(kReserveName));
  if (!removed && removed.error().code() != Code::kNotFound) return removed;
  return {};
}

std::string SegmentPool::NewSparePath() {
  return options_.folder + "/" + std::string(kSparePrefix) + std::to_string(next_spare_++);
}

Status SegmentPool::CleanFolder() {
  for (const std::string& path : orphans_) TM_TRY(RemoveQuietly(path));
  orphans_.clear();
  if (!folder_dirty_) return {};
  TM_TRY(disk_->SyncDir(options_.folder));
  folder_dirty_ = false;
  return {};
}

Status SegmentPool::RemoveQuietly(const std::string& path) {
  folder_dirty_ = true;
  auto removed = disk_->Remove(path);
  if (!removed && removed.error().code() != Code::kNotFound) return removed;
  return {};
}

Status SegmentPool::Adopt(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string path = options_.folder + "/" + name;
    const bool is_reserve = name == kReserveName;
    if (!is_reserve && !name.starts_with(kSparePrefix)) continue;
    TM_ASSIGN(auto file, disk_->Open(path));
    TM_ASSIGN(const std::uint64_t size, file->Size());
    file.reset();
    if (is_reserve) {
      reserve_bytes_ = size;
      continue;
    }
    std::uint64_t number = 0;
    std::from_chars(name.data() + kSparePrefix.size(), name.data() + name.size(), number);
    next_spare_ = std::max(next_spare_, number + 1);
    if (size >= options_.segment_bytes && ready_.size() < options_.spares) {
      ready_.push_back(path);
    } else {
      TM_TRY(RemoveQuietly(path));
    }
  }
  return {};
}

Status SegmentPool::CheckRoom(std::uint64_t file_bytes, std::uint64_t left) const {
  if (!ready_.empty()) return {};
  TM_ASSIGN(const std::uint64_t free, disk_->FreeBytes());
  if (free >= file_bytes && free - file_bytes >= left) return {};
  return Fail(Code::kIoError, "No space left on the disk: a segment needs " +
                                  Kibibytes(file_bytes + left) + ", there are " + Kibibytes(free));
}

Result<SegmentPool::Made> SegmentPool::TakeFile(std::uint64_t file_bytes) {
  Made made;
  if (!ready_.empty()) {
    made.path = ready_.back();
    TM_ASSIGN(made.file, disk_->Open(made.path));
    ready_.pop_back();
  } else {
    // Asked first: writing all that is free, only to give it back, would starve everybody else.
    TM_TRY(CheckRoom(file_bytes, 0));
    made.path = NewSparePath();
    TM_ASSIGN(made.file, disk_->Create(made.path));
  }
  auto sized = made.file->Preallocate(file_bytes);
  if (!sized) {
    // Gives the disk back what it took; the first error is the one to report.
    if (auto removed = RemoveQuietly(made.path); !removed) {
      return Fail(std::move(sized).error().With(removed.error().message()));
    }
    return Fail(std::move(sized).error());
  }
  TM_ASSIGN(made.file_bytes, made.file->Size());
  return made;
}

Status SegmentPool::Fill(Made* made, std::uint64_t segment_id, std::string_view content) {
  TM_TRY(made->file->WriteAt(0, content));
  if (!Planted(Bug::kHeaderNotSynced)) TM_TRY(made->file->Sync());
  const std::string path = options_.folder + "/" + SegmentName(segment_id);
  folder_dirty_ = true;
  TM_TRY(disk_->Rename(made->path, path));
  made->path = path;
  if (!Planted(Bug::kFolderNotSynced)) TM_TRY(CleanFolder());
  return {};
}

Result<SegmentPool::Made> SegmentPool::Make(std::uint64_t segment_id, std::string_view content,
                                            std::uint64_t file_bytes) {
  if (!Planted(Bug::kFolderNotSynced)) TM_TRY(CleanFolder());
  TM_ASSIGN(Made made, TakeFile(file_bytes));
  auto filled = Fill(&made, segment_id, content);
  if (!filled) {
    // It may have its name, durably. At the end of the log that is a segment without groups of its
    // own; in the middle, once its neighbour is trimmed, it would look like a lost one.
    orphans_.push_back(made.path);
    orphans_.push_back(options_.folder + "/" + SegmentName(segment_id));
    return Fail(std::move(filled).error());
  }
  return made;
}

Status SegmentPool::Recycle(const std::string& path, std::uint64_t file_bytes) {
  folder_dirty_ = true;
  if (ready_.size() < options_.spares && file_bytes == options_.segment_bytes) {
    const std::string spare = NewSparePath();
    auto renamed = disk_->Rename(path, spare);
    if (renamed) ready_.push_back(spare);
    // Not there: the call before this one got so far.
    if (!renamed && renamed.error().code() != Code::kNotFound) return renamed;
  } else {
    TM_TRY(RemoveQuietly(path));
  }
  if (Planted(Bug::kRecycleNotSynced)) {
    folder_dirty_ = false;
    return {};
  }
  return CleanFolder();
}

Result<bool> SegmentPool::HasRoom(std::uint64_t bytes) const {
  TM_ASSIGN(const std::uint64_t free, disk_->FreeBytes());
  return free >= options_.free_bytes_min && free - options_.free_bytes_min >= bytes;
}

Result<bool> SegmentPool::GrowReserve() {
  const std::string path = options_.folder + "/" + std::string(kReserveName);
  std::unique_ptr<env::File> file;
  if (auto opened = disk_->Open(path)) {
    file = *std::move(opened);
  } else if (opened.error().code() == Code::kNotFound) {
    TM_ASSIGN(file, disk_->Create(path));
  } else {
    return Fail(std::move(opened).error());
  }
  const std::uint64_t goal = options_.reserve_bytes;
  TM_TRY(file->Preallocate(std::min(goal, reserve_bytes_ + options_.tend_bytes)));
  TM_ASSIGN(reserve_bytes_, file->Size());
  if (reserve_bytes_ < goal) return false;
  TM_TRY(file->Sync());  // Once: it holds up the groups that wait.
  return true;
}

Status SegmentPool::TendSpares() {
  auto made = maker_.Take();
  if (!made) {
    // A file whose sync failed is not used again.
    if (auto removed = RemoveQuietly(maker_.failed_path()); !removed) {
      return Fail(std::move(made).error().With(removed.error().message()));
    }
    return Fail(std::move(made).error());
  }
  if (*made) ready_.push_back(**std::move(made));
  if (ready_.size() >= options_.spares || !maker_.idle()) return {};
  TM_ASSIGN(const bool room, HasRoom(options_.segment_bytes));
  if (!room) return {};
  maker_.Ask(NewSparePath(), options_.segment_bytes);
  asked_ = true;
  return {};
}

Result<bool> SegmentPool::Tend() {
  TM_TRY(CleanFolder());
  TM_TRY(TendSpares());
  // First a spare, for which groups may wait.
  if (ready_.size() < options_.spares || reserve_ready()) return false;
  TM_ASSIGN(const bool room, HasRoom(options_.reserve_bytes - reserve_bytes_));
  if (!room) return false;
  auto whole = GrowReserve();
  if (whole) return !*whole;
  reserve_bytes_ = 0;
  if (auto removed = RemoveQuietly(options_.folder + "/" + std::string(kReserveName)); !removed) {
    return Fail(std::move(whole).error().With(removed.error().message()));
  }
  return Fail(std::move(whole).error());
}

Status SegmentPool::ReleaseReserve() {
  if (reserve_bytes_ == 0) return {};
  TM_TRY(RemoveQuietly(options_.folder + "/" + std::string(kReserveName)));
  reserve_bytes_ = 0;
  return CleanFolder();
}

}  // namespace tidemark::wal
