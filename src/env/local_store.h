// An ObjectStore that is a folder of a Disk. Every object and every new folder above it is synced
// before Put or Seal returns; which folders are durable is remembered, so one store lives no longer
// than the machine runs, and nobody removes its folders meanwhile. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <unordered_set>

#include "env/disk.h"
#include "env/object_store.h"

namespace tidemark::env {

class LocalStore : public ObjectStore {
 public:
  // `disk` must outlive the store. `folder` is relative to it.
  LocalStore(Disk* disk, std::string folder);

  Status Put(std::string_view key, std::string_view bytes) override;
  Result<std::string> Get(std::string_view key, std::uint64_t bytes_max) const override;
  Result<bool> Exists(std::string_view key) const override;
  Status Remove(std::string_view key) override;
  Result<std::vector<std::string>> List(std::string_view prefix) const override;
  Result<std::vector<std::string>> Names(std::string_view prefix) const override;
  Result<std::string> Stage(std::string_view key) override;
  Status Seal(std::string_view key) override;
  std::string Uri(std::string_view key) const override;
  Result<std::string> KeyOf(std::string_view uri) const override;
  std::string NativePath(std::string_view key) const override;

 private:
  std::string PathOf(std::string_view key) const;
  Status MakeParents(std::string_view path);
  Status SyncParents(std::string_view path);

  static constexpr std::size_t kFoldersMax = 16'384;

  Disk* disk_;
  std::string folder_;
  std::string root_uri_;
  std::mutex mutex_;
  std::unordered_set<std::string> durable_folders_;  // Their parents were synced since they exist.
};

}  // namespace tidemark::env
