// The disk as the core sees it: two worlds implement it, env/posix and sim.
//
// Paths are relative to the disk's root, with '/', without "..". Nothing is durable but what a Sync
// names: a file's bytes by File::Sync, a file's existence (create, rename, remove) by
// Disk::SyncDir of its folder. Errors: kIoError for what the disk refused (message names the
// operation and the relative path), kNotFound, kAlreadyExists.
//
// Disk: any thread. File: one thread at a time, but for StartSync/WaitSync as said there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace tidemark::env {

class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  // Writes all parts, one after the other, from `offset` on; extends the file if it must. A failed
  // write may have written any part of it.
  virtual Status WriteAt(std::uint64_t offset, std::span<const ByteView> parts) = 0;
  // Reads up to `size` bytes; fewer only at the end of the file.
  virtual Result<std::string> ReadAt(std::uint64_t offset, std::size_t size) const = 0;
  // Makes every byte written so far durable (fdatasync). After a failure the file's unsynced bytes
  // are lost for good: it is never retried, the owner opens another file.
  virtual Status Sync() = 0;
  // The same in two halves, so that work can go on between them: WaitSync answers for what was
  // written before StartSync. No write in between; each StartSync needs one WaitSync.
  virtual void StartSync() = 0;
  virtual Status WaitSync() = 0;
  // Gives the file at least `bytes` bytes that later writes will not have to find room for. New
  // bytes read as zeros or, in a recycled file, as whatever was there; what lies right behind the
  // bytes of a later write, in their block of 4 KiB, may become zeros.
  virtual Status Preallocate(std::uint64_t bytes) = 0;
  virtual Result<std::uint64_t> Size() const = 0;

  Status WriteAt(std::uint64_t offset, std::string_view bytes) {
    const ByteView part = AsBytes(bytes);
    return WriteAt(offset, std::span(&part, 1));
  }
};

// Held for as long as it lives; released by the kernel when the process dies.
class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  virtual ~FileLock() = default;
};

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  // kAlreadyExists if there is one.
  virtual Result<std::unique_ptr<File>> Create(std::string_view path) = 0;
  // For reading and writing. kNotFound.
  virtual Result<std::unique_ptr<File>> Open(std::string_view path) = 0;
  // Replaces `to` if it exists, atomically.
  virtual Status Rename(std::string_view from, std::string_view to) = 0;
  // kNotFound.
  virtual Status Remove(std::string_view path) = 0;
  // Names (not paths) of what is in a folder, sorted. kNotFound.
  virtual Result<std::vector<std::string>> List(std::string_view folder) const = 0;
  // Paths from the folder of all files below it, at any depth, sorted. kNotFound.
  virtual Result<std::vector<std::string>> ListTree(std::string_view folder) const = 0;
  // With its parents; no error if it exists. Not durable before SyncDir of each parent.
  virtual Status MakeDir(std::string_view folder) = 0;
  virtual Status SyncDir(std::string_view folder) = 0;
  virtual Result<bool> Exists(std::string_view path) const = 0;
  // kConflict if another process (or another lock of this one) holds it; the message carries what
  // the holder wrote with `note` (its pid).
  virtual Result<std::unique_ptr<FileLock>> Lock(std::string_view path, std::string_view note) = 0;
  virtual Result<std::uint64_t> FreeBytes() const = 0;

  // The name of `path` for code that opens files itself (the engine, SQLite): absolute on a real
  // disk.
  virtual std::string NativePath(std::string_view path) const = 0;
};

// The whole of a file. kNotFound; kInvalidArgument if it has more than `bytes_max` bytes.
Result<std::string> ReadFile(const Disk& disk, std::string_view path, std::uint64_t bytes_max);
// Writes a new or replaced file so that, once this returns, it is wholly there after any crash: a
// temporary file, synced, renamed, folder synced.
Status WriteFileDurably(Disk* disk, std::string_view path, std::string_view bytes);
// The folder of a path: "a/b" of "a/b/c", "" of "c".
std::string_view ParentOf(std::string_view path);

}  // namespace tidemark::env
