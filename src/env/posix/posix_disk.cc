#include "env/posix/posix_disk.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "env/posix/direct_writer.h"

namespace tidemark::env {
namespace {

constexpr std::size_t kPartsPerWriteMax = 512;  // Below every system's IOV_MAX.

Error SystemError(std::string_view operation, std::string_view path, int error,
                  std::source_location where = std::source_location::current()) {
  Code code = Code::kIoError;
  if (error == ENOENT || error == ENOTDIR) code = Code::kNotFound;
  if (error == EEXIST) code = Code::kAlreadyExists;
  std::string message(operation);
  message.append(" ").append(path.empty() ? "." : path).append(": ").append(std::strerror(error));
  return {code, std::move(message), where};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// Writes what is staged, if the file is written directly, and makes all of it durable. errno.
int WriteAndSync(int fd, DirectWriter* direct) {
  if (direct != nullptr) {
    int error = 0;
    if (direct->TryWriteDurably(&error)) return error;
    if (error = direct->Write(); error != 0) return error;
  }
  if (::fdatasync(fd) != 0) return errno;
  if (direct != nullptr) direct->NoteSynced();
  return 0;
}

// Runs one file's syncs on a thread of its own, started at the first StartSync.
class SyncThread {
 public:
  SyncThread(int fd, DirectWriter* direct) : thread_([this, fd, direct] { Run(fd, direct); }) {}
  SyncThread(const SyncThread&) = delete;
  SyncThread& operator=(const SyncThread&) = delete;
  ~SyncThread() {
    Post(Command::kStop);
    thread_.join();
  }

  void Start() { Post(Command::kSync); }
  // 0, or the errno of fdatasync.
  int Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return command_ == Command::kNone; });
    return error_;
  }

 private:
  enum class Command { kNone, kSync, kStop };

  void Post(Command command) {
    {
      const std::lock_guard lock(mutex_);
      command_ = command;
    }
    changed_.notify_all();
  }
  void Run(int fd, DirectWriter* direct) noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return command_ != Command::kNone; });
      if (command_ == Command::kStop) return;
      lock.unlock();
      const int error = WriteAndSync(fd, direct);
      lock.lock();
      error_ = error;
      command_ = Command::kNone;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Command command_ = Command::kNone;
  int error_ = 0;
  std::thread thread_;
};

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  using File::WriteAt;

  Status WriteAt(std::uint64_t offset, std::span<const ByteView> parts) override {
    if (direct_) return Checked("write", direct_->Stage(offset, parts));
    std::vector<iovec> vectors;
    for (std::size_t at = 0; at < parts.size(); at += kPartsPerWriteMax) {
      vectors.clear();
      for (const ByteView part :
           parts.subspan(at, std::min(kPartsPerWriteMax, parts.size() - at))) {
        if (!part.empty()) vectors.push_back({const_cast<std::byte*>(part.data()), part.size()});
      }
      TM_TRY(WriteVectors(&offset, vectors));
    }
    return {};
  }

  Result<std::string> ReadAt(std::uint64_t offset, std::size_t size) const override {
    if (direct_) TM_TRY(Checked("write", direct_->Write()));
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
      const ssize_t n =
          ::pread(fd_.get(), bytes.data() + done, size - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Fail(SystemError("read", path_, errno));
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    bytes.resize(done);
    return bytes;
  }

  Status Sync() override { return Checked("sync", WriteAndSync(fd_.get(), direct_.get())); }

  void StartSync() override {
    if (!sync_thread_) sync_thread_ = std::make_unique<SyncThread>(fd_.get(), direct_.get());
    sync_thread_->Start();
  }

  Status WaitSync() override {
    TM_CHECK(sync_thread_ != nullptr);
    return Checked("sync", sync_thread_->Wait());
  }

  // Real zeros rather than unwritten extents: a later fdatasync has then no metadata to journal. A
  // file that gets its room beforehand is a log: it is written past the page cache from now on.
  Status Preallocate(std::uint64_t bytes) override {
    TM_CHECK(sync_thread_ == nullptr);
    constexpr std::uint64_t kBlock = DirectWriter::kBlockBytes;
    TM_ASSIGN(const std::uint64_t size, Size());
    if (!direct_ && size % kBlock == 0) direct_ = DirectWriter::Open(fd_.get());
    if (!direct_) return FillWithZeros(size, bytes);
    const std::uint64_t end = (bytes + kBlock - 1) / kBlock * kBlock;
    return Checked("write", direct_->WriteZeros(size, end));
  }

  Result<std::uint64_t> Size() const override {
    struct stat info{};
    if (::fstat(fd_.get(), &info) != 0) return Fail(SystemError("stat", path_, errno));
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  Status Checked(std::string_view operation, int error) const {
    if (error != 0) return Fail(SystemError(operation, path_, error));
    return {};
  }

  Status FillWithZeros(std::uint64_t size, std::uint64_t bytes) {
    static const std::string zeros(1U << 20, '\0');
    while (size < bytes) {
      const std::size_t part =
          static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), bytes - size));
      TM_TRY(WriteAt(size, std::string_view(zeros).substr(0, part)));
      // On their way at once, so that the sync that ends the filling is short.
      static_cast<void>(::sync_file_range(fd_.get(), static_cast<off_t>(size),
                                          static_cast<off_t>(part), SYNC_FILE_RANGE_WRITE));
      size += part;
    }
    return {};
  }

  Status WriteVectors(std::uint64_t* offset, std::span<iovec> vectors) {
    while (!vectors.empty()) {
      const ssize_t n = ::pwritev(fd_.get(), vectors.data(), static_cast<int>(vectors.size()),
                                  static_cast<off_t>(*offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Fail(SystemError("write", path_, errno));
      *offset += static_cast<std::uint64_t>(n);
      auto left = static_cast<std::size_t>(n);
      while (!vectors.empty() && left >= vectors.front().iov_len) {
        left -= vectors.front().iov_len;
        vectors = vectors.subspan(1);
      }
      if (left > 0) {
        vectors.front().iov_base = static_cast<char*>(vectors.front().iov_base) + left;
        vectors.front().iov_len -= left;
      }
    }
    return {};
  }

  Descriptor fd_;
  std::string path_;
  std::unique_ptr<DirectWriter> direct_;     // Null: writes go through the page cache.
  std::unique_ptr<SyncThread> sync_thread_;  // Dies before both.
};

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

class PosixDisk final : public Disk {
 public:
  explicit PosixDisk(std::string root) : root_(std::move(root)) {}

  Result<std::unique_ptr<File>> Create(std::string_view path) override {
    return OpenWith(path, O_RDWR | O_CREAT | O_EXCL, "create");
  }
  Result<std::unique_ptr<File>> Open(std::string_view path) override {
    return OpenWith(path, O_RDWR, "open");
  }

  Status Rename(std::string_view from, std::string_view to) override {
    if (::rename(NativePath(from).c_str(), NativePath(to).c_str()) != 0) {
      return Fail(SystemError("rename", from, errno));
    }
    return {};
  }

  Status Remove(std::string_view path) override {
    if (::unlink(NativePath(path).c_str()) != 0) return Fail(SystemError("remove", path, errno));
    return {};
  }

  Result<std::vector<std::string>> List(std::string_view folder) const override {
    TM_ASSIGN(auto entries, EntriesOf(folder));
    std::vector<std::string> names;
    names.reserve(entries.size());
    for (Entry& entry : entries) names.push_back(std::move(entry.name));
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::vector<std::string>> ListTree(std::string_view folder) const override {
    std::vector<std::string> files;
    TM_TRY(ListBelow(folder, "", &files));
    std::sort(files.begin(), files.end());
    return files;
  }

  Status MakeDir(std::string_view folder) override {
    std::error_code error;
    std::filesystem::create_directories(NativePath(folder), error);
    if (error) return Fail(SystemError("make folder", folder, error.value()));
    return {};
  }

  Status SyncDir(std::string_view folder) override {
    const Descriptor fd(::open(NativePath(folder).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return Fail(SystemError("open folder", folder, errno));
    if (::fsync(fd.get()) != 0) return Fail(SystemError("sync folder", folder, errno));
    return {};
  }

  Result<bool> Exists(std::string_view path) const override {
    struct stat info{};
    if (::stat(NativePath(path).c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return Fail(SystemError("stat", path, errno));
  }

  Result<std::unique_ptr<FileLock>> Lock(std::string_view path, std::string_view note) override {
    Descriptor fd(::open(NativePath(path).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (fd.get() < 0) return Fail(SystemError("open", path, errno));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      char holder[65] = {};
      if (::pread(fd.get(), holder, sizeof holder - 1, 0) < 0) holder[0] = '\0';
      std::string note_of_holder(holder);
      while (note_of_holder.ends_with('\n')) note_of_holder.pop_back();
      return Fail(Code::kConflict, note_of_holder);
    }
    if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), note.data(), note.size(), 0) < 0) {
      return Fail(SystemError("write", path, errno));
    }
    return std::make_unique<PosixLock>(std::move(fd));
  }

  Result<std::uint64_t> FreeBytes() const override {
    struct statvfs info{};
    if (::statvfs(root_.c_str(), &info) != 0) return Fail(SystemError("statvfs", ".", errno));
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }

  std::string NativePath(std::string_view path) const override {
    return path.empty() ? root_ : root_ + "/" + std::string(path);
  }

 private:
  struct Entry {
    std::string name;
    bool is_folder = false;
  };

  // What is in a folder, in no order. A link is what it leads to, or a file if that is not there.
  Result<std::vector<Entry>> EntriesOf(std::string_view folder) const {
    const std::string path = NativePath(folder);
    DIR* dir = ::opendir(path.c_str());
    if (dir == nullptr) return Fail(SystemError("list", folder, errno));
    std::vector<Entry> entries;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      bool is_folder = entry->d_type == DT_DIR;
      if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) {
        struct stat info{};
        is_folder = ::fstatat(::dirfd(dir), entry->d_name, &info, 0) == 0 && S_ISDIR(info.st_mode);
      }
      entries.push_back({std::string(name), is_folder});
    }
    ::closedir(dir);
    return entries;
  }

  // Puts the files below `folder` behind `files`, as paths that begin with `prefix`.
  Status ListBelow(std::string_view folder, const std::string& prefix,
                   std::vector<std::string>* files) const {
    TM_ASSIGN(const auto entries, EntriesOf(folder));
    for (const Entry& entry : entries) {
      if (!entry.is_folder) {
        files->push_back(prefix + entry.name);
        continue;
      }
      std::string inner(folder);
      if (!inner.empty()) inner.push_back('/');
      inner.append(entry.name);
      const Status listed = ListBelow(inner, prefix + entry.name + "/", files);
      // A folder that was removed meanwhile has no files.
      if (!listed && listed.error().code() != Code::kNotFound) return listed;
    }
    return {};
  }

  Result<std::unique_ptr<File>> OpenWith(std::string_view path, int flags,
                                         std::string_view operation) {
    Descriptor fd(::open(NativePath(path).c_str(), flags | O_CLOEXEC, 0644));
    if (fd.get() < 0) return Fail(SystemError(operation, path, errno));
    return std::make_unique<PosixFile>(std::move(fd), std::string(path));
  }

  const std::string root_;
};

}  // namespace

Result<std::unique_ptr<Disk>> OpenPosixDisk(const std::string& root) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(root, error).lexically_normal().string();
  if (!error) std::filesystem::create_directories(absolute, error);
  if (error) return Fail(Code::kIoError, "cannot make " + root + ": " + error.message());
  std::string trimmed = absolute;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  return std::make_unique<PosixDisk>(std::move(trimmed));
}

}  // namespace tidemark::env
