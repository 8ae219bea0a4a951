// A disk in memory that does what real ones do to those who trust them. Tests only.
//
// A file has three faces: what reads see (the page cache), what is durable, and the list of writes
// between the two. Crash() is a power failure: of the unsynced writes any subset survives, in any
// order, some of them torn inside a sector, with stale or foreign bytes in the torn part; of the
// directory operations that no SyncDir covered, each is kept or lost. Bytes that a write did not
// name are never harmed. Kill() is the death of the process alone: the page cache stays. Every file
// handle from before either is dead: touching it aborts the test.
//
// A failed sync makes each pending write durable or not, by dice, and forgets it: a later sync does
// not write it, though reads may still see it. So does Linux.
//
// Same seed, same calls: same outcomes, same trace_hash(). One thread (StartSync does nothing by
// itself; the sync happens in WaitSync).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "env/disk.h"
#include "env/random.h"

namespace tidemark::sim {

struct SimDiskOptions {
  // One in n calls of the kind fails with kIoError; 0 is never.
  std::uint64_t write_error_one_in = 0;
  std::uint64_t sync_error_one_in = 0;
  std::uint64_t folder_error_one_in = 0;  // Create, Rename, Remove, MakeDir, SyncDir, Preallocate.
  std::uint64_t read_error_one_in = 0;
  // Of the writes that are unsynced at a crash or a failed sync, one in n is torn; 0 is never.
  std::uint64_t tear_one_in = 2;
  // Bytes that all files together may have; a write beyond it writes what fits and fails.
  std::uint64_t capacity_bytes = ~0ULL;
};

class SimDisk final : public env::Disk {
 public:
  explicit SimDisk(std::uint64_t seed, SimDiskOptions options = {});
  ~SimDisk() override;

  // Power failure; death of the process.
  void Crash();
  void Kill();

  // The options hold from now on.
  void SetOptions(SimDiskOptions options) { options_ = options; }
  // The n-th call from now (1 is the next) that can fail fails; or the power goes at it: the call
  // and all after it fail with kIoError until Crash() or Kill(). 0 disarms.
  void FailCallAt(std::uint64_t n) { fail_call_at_ = n == 0 ? 0 : calls_ + n; }
  void DieAtCall(std::uint64_t n) { die_at_call_ = n == 0 ? 0 : calls_ + n; }
  bool dying() const { return dying_; }
  // Calls that could have failed, so far.
  std::uint64_t calls() const { return calls_; }

  // Flips one bit at rest, of the durable face too. False if the file is empty or not there.
  bool Rot(std::string_view path, std::uint64_t seed);
  bool RotAt(std::string_view path, std::uint64_t offset, unsigned bit);
  // Everything that reads see, durable at once: for tests that build a state.
  void SyncAll();

  // The durable bytes of the files below a folder, by path; and such files put in the place of all
  // that are there now, durable at once: a backup and its return.
  using Contents = std::map<std::string, std::string>;
  Contents Backup(std::string_view folder) const;
  void Restore(std::string_view folder, const Contents& contents);

  // Folds every call and its outcome.
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::uint64_t used_bytes() const;

  Result<std::unique_ptr<env::File>> Create(std::string_view path) override;
  Result<std::unique_ptr<env::File>> Open(std::string_view path) override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Remove(std::string_view path) override;
  Result<std::vector<std::string>> List(std::string_view folder) const override;
  Result<std::vector<std::string>> ListTree(std::string_view folder) const override;
  Status MakeDir(std::string_view folder) override;
  Status SyncDir(std::string_view folder) override;
  Result<bool> Exists(std::string_view path) const override;
  // Released by the handle's death, Kill() and Crash().
  Result<std::unique_ptr<env::FileLock>> Lock(std::string_view path,
                                              std::string_view note) override;
  Result<std::uint64_t> FreeBytes() const override;
  // "sim:/<path>": nothing can open it.
  std::string NativePath(std::string_view path) const override;

 private:
  class Handle;
  class LockHandle;
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct Inode {
    std::string cached;          // What reads see.
    std::string durable;         // What a crash leaves for certain.
    std::vector<Write> pending;  // Not synced, in order.
    bool apart = false;          // A failed sync may have left reads with other bytes.
  };
  using InodePtr = std::shared_ptr<Inode>;
  struct Node {
    bool is_folder = false;
    InodePtr inode;
  };
  using Tree = std::map<std::string, Node, std::less<>>;
  // One change of a folder: `from` empty for a create, `to` empty for a remove.
  struct Operation {
    std::string from;
    std::string to;
    Node node;
  };

  enum class Kind : std::uint8_t { kWrite, kSync, kFolder, kRead };
  enum class Outcome : std::uint8_t { kDone, kFailed };
  // Counts the call, rolls its dice, folds it into the trace.
  Outcome Enter(Kind kind, std::string_view operation, std::string_view path,
                std::uint64_t detail = 0) const;
  // A call that reads what is in a folder. kNotFound.
  Status EnterFolder(std::string_view operation, std::string_view folder) const;
  bool IsFolder(const Tree& tree, std::string_view path) const;
  Status Change(std::string_view name, const Operation& operation);
  static void Apply(const Operation& operation, Tree* tree);
  void ApplyDurably(const Operation& operation);
  void CrashInode(Inode* inode);
  // What a write that nobody waits for leaves on the platter: all of it, or sectors of it.
  void Land(const Write& write, Inode* inode);
  void LandSector(const Write& write, std::uint64_t begin, std::uint64_t end, Inode* inode);
  void FailSync(Inode* inode);
  Status WriteInode(std::string_view path, std::uint64_t offset, std::string bytes, Inode* inode);
  Status SyncInode(std::string_view path, Inode* inode);

  SimDiskOptions options_;
  mutable env::Random random_;
  Tree cached_;
  Tree durable_;
  std::vector<Operation> pending_;  // No SyncDir covered them yet; in order.
  std::map<std::string, std::weak_ptr<int>, std::less<>> locks_;
  std::map<std::string, std::string, std::less<>> lock_notes_;
  std::uint64_t epoch_ = 0;  // Handles of an older one are dead.
  mutable std::uint64_t fail_call_at_ = 0;
  mutable std::uint64_t die_at_call_ = 0;
  mutable bool dying_ = false;
  mutable std::uint64_t calls_ = 0;
  mutable std::uint64_t trace_hash_ = 0;
};

}  // namespace tidemark::sim
