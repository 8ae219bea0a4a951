#include "sim/sim_disk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace tidemark::sim {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

void CheckPath(std::string_view path) {
  TM_CHECK(!path.starts_with('/') && !path.ends_with('/'));
  TM_CHECK(path.find("..") == std::string_view::npos && path.find("//") == std::string_view::npos);
}

void Overwrite(std::string* file, std::uint64_t offset, std::string_view bytes) {
  if (file->size() < offset) file->resize(offset, '\0');
  file->replace(offset, bytes.size(), bytes);  // And goes on behind the end.
}

tl::unexpected<Error> Refused(std::string_view operation, std::string_view path) {
  return Fail(Code::kIoError, std::string(operation) + " " + std::string(path) + ": refused");
}

}  // namespace

class SimDisk::Handle final : public env::File {
 public:
  Handle(SimDisk* disk, std::string path, InodePtr inode)
      : disk_(disk), path_(std::move(path)), inode_(std::move(inode)), epoch_(disk->epoch_) {}

  using File::WriteAt;

  Status WriteAt(std::uint64_t offset, std::span<const ByteView> parts) override {
    CheckAlive();
    TM_CHECK(!syncing_);
    std::string bytes;
    std::size_t size = 0;
    for (const ByteView part : parts) size += part.size();
    bytes.reserve(size);
    for (const ByteView part : parts) bytes.append(AsText(part));
    return disk_->WriteInode(path_, offset, std::move(bytes), inode_.get());
  }

  Result<std::string> ReadAt(std::uint64_t offset, std::size_t size) const override {
    CheckAlive();
    if (disk_->Enter(Kind::kRead, "read", path_, offset) == Outcome::kFailed) {
      return Refused("read", path_);
    }
    const std::string& bytes = inode_->cached;
    return offset >= bytes.size() ? std::string() : bytes.substr(offset, size);
  }

  Status Sync() override {
    CheckAlive();
    TM_CHECK(!syncing_);
    return disk_->SyncInode(path_, inode_.get());
  }
  void StartSync() override {
    CheckAlive();
    TM_CHECK(!std::exchange(syncing_, true));
  }
  Status WaitSync() override {
    CheckAlive();
    TM_CHECK(std::exchange(syncing_, false));
    return disk_->SyncInode(path_, inode_.get());
  }

  Status Preallocate(std::uint64_t bytes) override {
    CheckAlive();
    TM_CHECK(!syncing_);
    const std::uint64_t size = inode_->cached.size();
    if (size >= bytes) return {};
    return disk_->WriteInode(path_, size, std::string(bytes - size, '\0'), inode_.get());
  }

  Result<std::uint64_t> Size() const override {
    CheckAlive();
    return inode_->cached.size();
  }

 private:
  void CheckAlive() const { TM_CHECK_EQ(epoch_, disk_->epoch_); }

  SimDisk* disk_;
  std::string path_;
  InodePtr inode_;
  std::uint64_t epoch_;
  bool syncing_ = false;
};

class SimDisk::LockHandle final : public env::FileLock {
 public:
  explicit LockHandle(std::shared_ptr<int> held) : held_(std::move(held)) {}

 private:
  std::shared_ptr<int> held_;
};

SimDisk::SimDisk(std::uint64_t seed, SimDiskOptions options) : options_(options), random_(seed) {}
SimDisk::~SimDisk() = default;

SimDisk::Outcome SimDisk::Enter(Kind kind, std::string_view operation, std::string_view path,
                                std::uint64_t detail) const {
  ++calls_;
  std::uint64_t one_in = 0;
  switch (kind) {
    case Kind::kWrite:
      one_in = options_.write_error_one_in;
      break;
    case Kind::kSync:
      one_in = options_.sync_error_one_in;
      break;
    case Kind::kFolder:
      one_in = options_.folder_error_one_in;
      break;
    case Kind::kRead:
      one_in = options_.read_error_one_in;
      break;
  }
  bool failed = dying_ || calls_ == fail_call_at_ || (one_in != 0 && random_.OneIn(one_in));
  if (die_at_call_ != 0 && calls_ >= die_at_call_) failed = dying_ = true;
  trace_hash_ = Hash64(operation, trace_hash_ + detail);
  trace_hash_ = Hash64(path, trace_hash_ + (failed ? 1 : 0));
  return failed ? Outcome::kFailed : Outcome::kDone;
}

bool SimDisk::IsFolder(const Tree& tree, std::string_view path) const {
  if (path.empty()) return true;
  const auto found = tree.find(path);
  return found != tree.end() && found->second.is_folder;
}

std::uint64_t SimDisk::used_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [path, node] : cached_) {
    if (node.inode) sum += node.inode->cached.size();
  }
  return sum;
}

// Files.

Result<std::unique_ptr<env::File>> SimDisk::Create(std::string_view path) {
  CheckPath(path);
  if (cached_.contains(path)) {
    return Fail(Code::kAlreadyExists, "create " + std::string(path) + ": it exists");
  }
  Node node{.is_folder = false, .inode = std::make_shared<Inode>()};
  TM_TRY(Change("create", {.from = "", .to = std::string(path), .node = node}));
  return std::make_unique<Handle>(this, std::string(path), node.inode);
}

Result<std::unique_ptr<env::File>> SimDisk::Open(std::string_view path) {
  CheckPath(path);
  if (Enter(Kind::kRead, "open", path) == Outcome::kFailed) return Refused("open", path);
  const auto found = cached_.find(path);
  if (found == cached_.end() || found->second.is_folder) {
    return Fail(Code::kNotFound, "open " + std::string(path) + ": no such file");
  }
  return std::make_unique<Handle>(this, std::string(path), found->second.inode);
}

Status SimDisk::WriteInode(std::string_view path, std::uint64_t offset, std::string bytes,
                           Inode* inode) {
  const bool failed = Enter(Kind::kWrite, "write", path, Hash64(bytes, offset)) == Outcome::kFailed;
  // A failed write may have written any part of it: here the first bytes.
  if (failed) bytes.resize(random_.OneIn(2) ? 0 : random_.Below(bytes.size() + 1));
  const std::uint64_t end = offset + bytes.size();
  const std::uint64_t size = inode->cached.size();
  // Summed only if there is a limit: it takes a walk over all files.
  const std::uint64_t used = options_.capacity_bytes == ~0ULL ? 0 : used_bytes();
  const std::uint64_t room = options_.capacity_bytes > used ? options_.capacity_bytes - used : 0;
  const bool full = end > size && end - size > room;
  if (full) bytes.resize(size + room > offset ? size + room - offset : 0);
  if (!bytes.empty()) {
    Overwrite(&inode->cached, offset, bytes);
    inode->pending.push_back({offset, std::move(bytes)});
  }
  if (full) return Fail(Code::kIoError, "write " + std::string(path) + ": no space left");
  if (failed) return Refused("write", path);
  return {};
}

Status SimDisk::SyncInode(std::string_view path, Inode* inode) {
  if (Enter(Kind::kSync, "sync", path) == Outcome::kFailed) {
    FailSync(inode);
    return Refused("sync", path);
  }
  if (inode->durable.empty() && inode->pending.size() == 1 && inode->pending[0].offset == 0) {
    inode->durable = std::move(inode->pending[0].bytes);  // Most files are written once.
  } else {
    for (const Write& write : inode->pending) Overwrite(&inode->durable, write.offset, write.bytes);
  }
  inode->pending.clear();
  return {};
}

void SimDisk::FailSync(Inode* inode) {
  inode->apart = true;
  for (const Write& write : inode->pending) {
    if (random_.OneIn(2)) {
      Land(write, inode);
    } else if (random_.OneIn(2)) {
      // The clean page with the lost bytes is evicted: reads see the platter again.
      std::string old = inode->durable.substr(
          std::min<std::size_t>(write.offset, inode->durable.size()), write.bytes.size());
      old.resize(write.bytes.size(), '\0');
      Overwrite(&inode->cached, write.offset, old);
    }
  }
  inode->pending.clear();
}

void SimDisk::Land(const Write& write, Inode* inode) {
  if (options_.tear_one_in == 0 || !random_.OneIn(options_.tear_one_in)) {
    Overwrite(&inode->durable, write.offset, write.bytes);
    return;
  }
  const std::uint64_t end = write.offset + write.bytes.size();
  for (std::uint64_t at = write.offset; at < end;) {
    const std::uint64_t next = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
    LandSector(write, at, next, inode);
    at = next;
  }
}

void SimDisk::LandSector(const Write& write, std::uint64_t begin, std::uint64_t end, Inode* inode) {
  const std::string_view bytes =
      std::string_view(write.bytes).substr(begin - write.offset, end - begin);
  switch (random_.Below(8)) {
    case 0:  // The first bytes, and the rest is what was there.
      Overwrite(&inode->durable, begin, bytes.substr(0, random_.Below(bytes.size() + 1)));
      break;
    case 1: {  // The first bytes, and the rest is noise.
      std::string mixed(bytes.substr(0, random_.Below(bytes.size() + 1)));
      while (mixed.size() < bytes.size()) mixed.push_back(static_cast<char>(random_.Below(256)));
      Overwrite(&inode->durable, begin, mixed);
      break;
    }
    case 2:
    case 3:
    case 4:
      break;  // Lost.
    default:
      Overwrite(&inode->durable, begin, bytes);
      break;
  }
}

// Folders.

void SimDisk::Apply(const Operation& operation, Tree* tree) {
  if (!operation.from.empty()) tree->erase(operation.from);
  if (!operation.to.empty()) (*tree)[operation.to] = operation.node;
}

Status SimDisk::Change(std::string_view name, const Operation& operation) {
  const std::string& path = operation.to.empty() ? operation.from : operation.to;
  if (!IsFolder(cached_, env::ParentOf(path))) {
    return Fail(Code::kNotFound, std::string(name) + " " + path + ": no such folder");
  }
  const bool failed = Enter(Kind::kFolder, name, path) == Outcome::kFailed;
  // A call that the power failed in may have happened; one that was merely refused has not.
  if (failed && !(dying_ && random_.OneIn(2))) return Refused(name, path);
  Apply(operation, &cached_);
  pending_.push_back(operation);
  if (failed) return Refused(name, path);
  return {};
}

Status SimDisk::Rename(std::string_view from, std::string_view to) {
  CheckPath(from);
  CheckPath(to);
  const auto found = cached_.find(from);
  if (found == cached_.end()) {
    return Fail(Code::kNotFound, "rename " + std::string(from) + ": no such file");
  }
  TM_CHECK(!found->second.is_folder);
  return Change("rename", {std::string(from), std::string(to), found->second});
}

Status SimDisk::Remove(std::string_view path) {
  CheckPath(path);
  const auto found = cached_.find(path);
  if (found == cached_.end() || found->second.is_folder) {
    return Fail(Code::kNotFound, "remove " + std::string(path) + ": no such file");
  }
  return Change("remove", {std::string(path), "", found->second});
}

Status SimDisk::EnterFolder(std::string_view operation, std::string_view folder) const {
  CheckPath(folder);
  if (Enter(Kind::kRead, operation, folder) == Outcome::kFailed) return Refused(operation, folder);
  if (IsFolder(cached_, folder)) return {};
  return Fail(Code::kNotFound,
              std::string(operation).append(" ").append(folder).append(": no such folder"));
}

Result<std::vector<std::string>> SimDisk::List(std::string_view folder) const {
  TM_TRY(EnterFolder("list", folder));
  std::vector<std::string> names;
  const std::string prefix = folder.empty() ? "" : std::string(folder) + "/";
  for (auto at = cached_.lower_bound(prefix); at != cached_.end();) {
    if (!at->first.starts_with(prefix)) break;
    const std::string_view name = std::string_view(at->first).substr(prefix.size());
    if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
      // Past what is inside of it: '0' follows '/'.
      at = cached_.lower_bound(prefix + std::string(name.substr(0, slash)) + "0");
      continue;
    }
    if (!name.empty()) names.emplace_back(name);
    ++at;
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<std::string>> SimDisk::ListTree(std::string_view folder) const {
  TM_TRY(EnterFolder("list tree", folder));
  std::vector<std::string> files;
  const std::string prefix = folder.empty() ? "" : std::string(folder) + "/";
  for (auto at = cached_.lower_bound(prefix); at != cached_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (!at->second.is_folder) files.push_back(at->first.substr(prefix.size()));
  }
  return files;
}

Status SimDisk::MakeDir(std::string_view folder) {
  CheckPath(folder);
  for (std::size_t at = 0; at < folder.size();) {
    const std::size_t slash = std::min(folder.find('/', at), folder.size());
    const std::string_view path = folder.substr(0, slash);
    const auto found = cached_.find(path);
    if (found == cached_.end()) {
      TM_TRY(Change("make folder", {"", std::string(path), {.is_folder = true, .inode = {}}}));
    } else if (!found->second.is_folder) {
      return Fail(Code::kAlreadyExists, "make folder " + std::string(path) + ": a file is there");
    }
    at = slash + 1;
  }
  return {};
}

Status SimDisk::SyncDir(std::string_view folder) {
  CheckPath(folder);
  if (!IsFolder(cached_, folder)) {
    return Fail(Code::kNotFound, "sync folder " + std::string(folder) + ": no such folder");
  }
  const bool failed = Enter(Kind::kFolder, "sync folder", folder) == Outcome::kFailed;
  std::vector<Operation> rest;
  for (Operation& operation : pending_) {
    const bool here = (!operation.from.empty() && env::ParentOf(operation.from) == folder) ||
                      (!operation.to.empty() && env::ParentOf(operation.to) == folder);
    // A failed one may have written the first of them.
    if (here && !(failed && (!rest.empty() || random_.OneIn(2)))) {
      ApplyDurably(operation);
    } else {
      rest.push_back(std::move(operation));
    }
  }
  pending_ = std::move(rest);
  if (failed) return Refused("sync folder", folder);
  return {};
}

Result<bool> SimDisk::Exists(std::string_view path) const {
  CheckPath(path);
  if (Enter(Kind::kRead, "stat", path) == Outcome::kFailed) return Refused("stat", path);
  return path.empty() || cached_.contains(path);
}

Result<std::unique_ptr<env::FileLock>> SimDisk::Lock(std::string_view path, std::string_view note) {
  CheckPath(path);
  if (!locks_[std::string(path)].expired()) {
    return Fail(Code::kConflict, lock_notes_[std::string(path)]);
  }
  auto held = std::make_shared<int>(0);
  locks_[std::string(path)] = held;
  lock_notes_[std::string(path)] = note;
  return std::make_unique<LockHandle>(std::move(held));
}

Result<std::uint64_t> SimDisk::FreeBytes() const {
  const std::uint64_t used = options_.capacity_bytes == ~0ULL ? 0 : used_bytes();
  return options_.capacity_bytes > used ? options_.capacity_bytes - used : 0;
}

std::string SimDisk::NativePath(std::string_view path) const { return "sim:/" + std::string(path); }

// Disasters.

void SimDisk::ApplyDurably(const Operation& operation) {
  if (!operation.from.empty()) {
    const auto at_from = durable_.find(operation.from);
    const bool same = at_from != durable_.end() && at_from->second.inode == operation.node.inode;
    if (!same) {
      // An earlier operation on it was lost. A file must not come to have two names.
      const bool elsewhere = std::any_of(durable_.begin(), durable_.end(), [&](const auto& entry) {
        return entry.second.inode == operation.node.inode;
      });
      if (elsewhere || operation.to.empty()) return;
    } else {
      durable_.erase(at_from);
    }
  }
  if (!operation.to.empty()) durable_[operation.to] = operation.node;
}

void SimDisk::CrashInode(Inode* inode) {
  if (inode->pending.empty() && !inode->apart) return;  // It is durable as it is.
  std::vector<Write> survivors;
  for (Write& write : inode->pending) {
    if (random_.OneIn(2)) survivors.push_back(std::move(write));
  }
  for (std::size_t i = survivors.size(); i > 1; --i) {
    std::swap(survivors[i - 1], survivors[random_.Below(i)]);
  }
  for (const Write& write : survivors) Land(write, inode);
  inode->pending.clear();
  inode->cached = inode->durable;
  inode->apart = false;
}

void SimDisk::Crash() {
  trace_hash_ = Hash64("crash", trace_hash_);
  for (const Operation& operation : pending_) {
    if (random_.OneIn(2)) ApplyDurably(operation);
  }
  // Without a parent is only what lies in a folder that was lost just now.
  const bool folders = std::any_of(pending_.begin(), pending_.end(),
                                   [](const Operation& one) { return one.node.is_folder; });
  pending_.clear();
  for (auto it = durable_.begin(); folders && it != durable_.end();) {
    // Parents come first in the order of paths, so whole trees fall.
    it = IsFolder(durable_, env::ParentOf(it->first)) ? std::next(it) : durable_.erase(it);
  }
  for (auto& [path, node] : durable_) {
    if (node.inode) CrashInode(node.inode.get());
  }
  cached_ = durable_;
  Kill();
}

void SimDisk::Kill() {
  trace_hash_ = Hash64("kill", trace_hash_);
  ++epoch_;
  dying_ = false;
  die_at_call_ = fail_call_at_ = 0;
  locks_.clear();
}

bool SimDisk::Rot(std::string_view path, std::uint64_t seed) {
  const auto found = cached_.find(path);
  if (found == cached_.end() || !found->second.inode) return false;
  const std::uint64_t size = found->second.inode->durable.size();
  if (size == 0) return false;
  env::Random random(seed);
  const std::uint64_t offset = random.Below(size);
  return RotAt(path, offset, static_cast<unsigned>(random.Below(8)));
}

bool SimDisk::RotAt(std::string_view path, std::uint64_t offset, unsigned bit) {
  const auto found = cached_.find(path);
  if (found == cached_.end() || !found->second.inode) return false;
  Inode& inode = *found->second.inode;
  if (offset >= inode.durable.size()) return false;
  const char mask = static_cast<char>(1U << (bit & 7U));
  inode.durable[offset] = static_cast<char>(inode.durable[offset] ^ mask);
  inode.cached[offset] = inode.durable[offset];
  return true;
}

SimDisk::Contents SimDisk::Backup(std::string_view folder) const {
  Contents contents;
  const std::string prefix = std::string(folder) + "/";
  for (auto at = durable_.lower_bound(prefix); at != durable_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (at->second.inode) contents[at->first] = at->second.inode->durable;
  }
  return contents;
}

void SimDisk::Restore(std::string_view folder, const Contents& contents) {
  const std::string prefix = std::string(folder) + "/";
  SyncAll();
  std::erase_if(durable_, [&](const auto& entry) {
    return entry.first.starts_with(prefix) && entry.second.inode;
  });
  for (const auto& [path, bytes] : contents) {
    auto inode = std::make_shared<Inode>();
    inode->cached = inode->durable = bytes;
    durable_[path] = {.is_folder = false, .inode = std::move(inode)};
  }
  cached_ = durable_;
}

void SimDisk::SyncAll() {
  for (const Operation& operation : pending_) ApplyDurably(operation);
  pending_.clear();
  for (auto& [path, node] : cached_) {
    if (!node.inode) continue;
    node.inode->durable = node.inode->cached;
    node.inode->pending.clear();
  }
  durable_ = cached_;
}

}  // namespace tidemark::sim
