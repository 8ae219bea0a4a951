#include "env/local_store.h"

#include <algorithm>
#include <utility>

#include "env/faults.h"

namespace tidemark::env {
namespace {

constexpr std::string_view kScheme = "file://";

bool IsSafeKey(std::string_view key) {
  if (key.empty() || key.front() == '/' || key.find('\0') != std::string_view::npos) return false;
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t slash = std::min(key.find('/', at), key.size());
    if (key.substr(at, slash - at) == "..") return false;
    at = slash + 1;
  }
  return true;
}

}  // namespace

LocalStore::LocalStore(Disk* disk, std::string folder)
    : disk_(disk),
      folder_(std::move(folder)),
      root_uri_(std::string(kScheme) + disk_->NativePath(folder_ + "/")) {}

std::string LocalStore::PathOf(std::string_view key) const {
  return folder_ + "/" + std::string(key);
}

Status LocalStore::MakeParents(std::string_view path) { return disk_->MakeDir(ParentOf(path)); }

Status LocalStore::SyncParents(std::string_view path) {
  if (Planted(Bug::kFolderNotSynced)) return {};
  // Up to the first folder that is durable, and the root at the latest: a new one is durable only
  // through its parent.
  std::vector<std::string> made;
  for (std::string_view folder = ParentOf(path);; folder = ParentOf(folder)) {
    TM_TRY(disk_->SyncDir(folder));
    if (folder.empty()) break;
    const std::lock_guard lock(mutex_);
    if (durable_folders_.contains(std::string(folder))) break;
    made.emplace_back(folder);
  }
  const std::lock_guard lock(mutex_);
  if (durable_folders_.size() + made.size() > kFoldersMax) durable_folders_.clear();
  for (std::string& folder : made) durable_folders_.insert(std::move(folder));
  return {};
}

Status LocalStore::Put(std::string_view key, std::string_view bytes) {
  if (!IsSafeKey(key)) return Fail(Code::kInvalidArgument, "bad object key");
  const std::string path = PathOf(key);
  TM_TRY(MakeParents(path));
  TM_ASSIGN(auto file, disk_->Create(path));
  TM_TRY(file->WriteAt(0, bytes));
  if (!Planted(Bug::kObjectNotSynced)) TM_TRY(file->Sync());
  return SyncParents(path);
}

Result<std::string> LocalStore::Get(std::string_view key, std::uint64_t bytes_max) const {
  if (!IsSafeKey(key)) return Fail(Code::kInvalidArgument, "bad object key");
  return ReadFile(*disk_, PathOf(key), bytes_max);
}

Result<bool> LocalStore::Exists(std::string_view key) const { return disk_->Exists(PathOf(key)); }

Status LocalStore::Remove(std::string_view key) {
  if (!IsSafeKey(key)) return Fail(Code::kInvalidArgument, "bad object key");
  const std::string path = PathOf(key);
  Status removed = disk_->Remove(path);
  if (!removed && removed.error().code() != Code::kNotFound) return removed;
  if (Planted(Bug::kRemovalNotSynced)) return removed;
  // Also when it is gone: the call that removed it may have failed here.
  if (const Status synced = disk_->SyncDir(ParentOf(path));
      !synced && synced.error().code() != Code::kNotFound) {
    return synced;
  }
  return removed;
}

Result<std::vector<std::string>> LocalStore::List(std::string_view prefix) const {
  std::string folder = PathOf(prefix);
  while (!folder.empty() && folder.back() == '/') folder.pop_back();
  auto keys = disk_->ListTree(folder);
  if (!keys) {
    if (keys.error().code() == Code::kNotFound) return std::vector<std::string>();
    return keys;
  }
  for (std::string& key : *keys) key.insert(0, prefix);
  return keys;
}

Result<std::vector<std::string>> LocalStore::Names(std::string_view prefix) const {
  std::string folder = PathOf(prefix);
  while (!folder.empty() && folder.back() == '/') folder.pop_back();
  auto names = disk_->List(folder);
  if (!names && names.error().code() == Code::kNotFound) return std::vector<std::string>();
  return names;
}

Result<std::string> LocalStore::Stage(std::string_view key) {
  if (!IsSafeKey(key)) return Fail(Code::kInvalidArgument, "bad object key");
  TM_TRY(MakeParents(PathOf(key)));
  return disk_->NativePath(PathOf(key));
}

Status LocalStore::Seal(std::string_view key) {
  const std::string path = PathOf(key);
  TM_ASSIGN(auto file, disk_->Open(path));
  TM_TRY(file->Sync());
  return SyncParents(path);
}

std::string LocalStore::Uri(std::string_view key) const {
  return std::string(kScheme) + NativePath(key);
}

// Engines spell a local file `file:///x`, `file:/x` or `/x`.
Result<std::string> LocalStore::KeyOf(std::string_view uri) const {
  std::string respelled;
  if (!uri.starts_with(root_uri_)) {
    if (uri.starts_with("file:")) uri.remove_prefix(5);
    while (uri.starts_with("//")) uri.remove_prefix(1);
    respelled = std::string(kScheme) + std::string(uri);
    uri = respelled;
  }
  if (!uri.starts_with(root_uri_))
    return Fail(Code::kInvalidArgument, "a path outside the warehouse");
  const std::string_view key = uri.substr(root_uri_.size());
  if (!IsSafeKey(key)) return Fail(Code::kInvalidArgument, "a path outside the warehouse");
  return std::string(key);
}

std::string LocalStore::NativePath(std::string_view key) const {
  return disk_->NativePath(PathOf(key));
}

}  // namespace tidemark::env
