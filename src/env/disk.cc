#include "env/disk.h"

#include <algorithm>

namespace tidemark::env {

std::string_view ParentOf(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

Result<std::string> ReadFile(const Disk& disk, std::string_view path, std::uint64_t bytes_max) {
  // Opening does not change the disk; the interface has one Open for both uses.
  TM_ASSIGN(auto file, const_cast<Disk&>(disk).Open(path));
  TM_ASSIGN(const std::uint64_t size, file->Size());
  if (size > bytes_max) {
    return Fail(Code::kInvalidArgument,
                std::string(path) + " has more than " + std::to_string(bytes_max) + " bytes");
  }
  return file->ReadAt(0, static_cast<std::size_t>(size));
}

Status WriteFileDurably(Disk* disk, std::string_view path, std::string_view bytes) {
  const std::string temporary = std::string(path) + ".tmp";
  if (auto removed = disk->Remove(temporary);
      !removed && removed.error().code() != Code::kNotFound) {
    return removed;
  }
  {
    TM_ASSIGN(auto file, disk->Create(temporary));
    TM_TRY(file->WriteAt(0, bytes));
    TM_TRY(file->Sync());
  }
  TM_TRY(disk->Rename(temporary, path));
  return disk->SyncDir(ParentOf(path));
}

}  // namespace tidemark::env
