#include "env/posix/direct_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tidemark::env {
namespace {

constexpr std::align_val_t kAlign{DirectWriter::kBlockBytes};
constexpr std::size_t kZeroBytes = std::size_t{256} << 10;

std::byte* Allocate(std::size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, kAlign));
}

std::size_t RoundUp(std::size_t bytes) {
  return (bytes + DirectWriter::kBlockBytes - 1) / DirectWriter::kBlockBytes *
         DirectWriter::kBlockBytes;
}

}  // namespace

void DirectWriter::Free::operator()(std::byte* bytes) const { ::operator delete(bytes, kAlign); }

std::unique_ptr<DirectWriter> DirectWriter::Open(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const int direct = ::open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
  if (direct < 0) return nullptr;
  std::unique_ptr<DirectWriter> writer(new DirectWriter(direct));
  // Some filesystems say no only when they are asked to do it.
  writer->Grow(kBlockBytes);
  if (::pread(direct, writer->buffer_.get(), kBlockBytes, 0) < 0) return nullptr;
  return writer;
}

DirectWriter::~DirectWriter() { ::close(fd_); }

void DirectWriter::Grow(std::size_t bytes) {
  if (bytes <= capacity_) return;
  const std::size_t capacity =
      std::clamp(std::max(2 * capacity_, RoundUp(bytes)), kBufferMin, kBufferMax);
  std::unique_ptr<std::byte, Free> grown(Allocate(capacity));
  if (size_ > 0) std::memcpy(grown.get(), buffer_.get(), size_);
  buffer_ = std::move(grown);
  capacity_ = capacity;
}

// Makes the buffer begin with the block that `offset` lies in.
int DirectWriter::Load(std::uint64_t offset) {
  if (const int error = Write(); error != 0) return error;
  Grow(kBlockBytes);
  begin_ = offset / kBlockBytes * kBlockBytes;
  size_ = offset - begin_;
  if (size_ == 0) return 0;
  std::memset(buffer_.get(), 0, kBlockBytes);
  ssize_t n = 0;
  do {
    n = ::pread(fd_, buffer_.get(), kBlockBytes, static_cast<off_t>(begin_));
  } while (n < 0 && errno == EINTR);
  return n < 0 ? errno : 0;
}

int DirectWriter::Stage(std::uint64_t offset, std::span<const ByteView> parts) {
  if (capacity_ == 0 || offset != begin_ + size_) {
    if (const int error = Load(offset); error != 0) return error;
  }
  for (ByteView part : parts) {
    while (!part.empty()) {
      Grow(std::min(size_ + part.size(), kBufferMax));
      const std::size_t bytes = std::min(part.size(), capacity_ - size_);
      std::memcpy(buffer_.get() + size_, part.data(), bytes);
      size_ += bytes;
      staged_ = true;
      part = part.subspan(bytes);
      if (size_ < kBufferMax) continue;
      if (const int error = Write(); error != 0) return error;
    }
  }
  return 0;
}

int DirectWriter::WriteBlocks(const std::byte* bytes, std::size_t size, std::uint64_t offset,
                              int flags) const {
  while (size > 0) {
    const iovec part{const_cast<std::byte*>(bytes), size};
    const ssize_t n = flags != 0 ? ::pwritev2(fd_, &part, 1, static_cast<off_t>(offset), flags)
                                 : ::pwrite(fd_, bytes, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    const auto written = static_cast<std::size_t>(n);
    if (written == 0 || written % kBlockBytes != 0) return ENOSPC;  // Less than it could take.
    bytes += written;
    size -= written;
    offset += written;
  }
  return 0;
}

int DirectWriter::Write() {
  if (!staged_) return 0;
  unsynced_ = true;
  return WriteStaged(0);
}

bool DirectWriter::TryWriteDurably(int* error) {
  if (!staged_ || unsynced_ || !durable_writes_) return false;
  *error = WriteStaged(RWF_DSYNC);
  // Says so before it writes anything.
  if (*error == EOPNOTSUPP || *error == ENOSYS || *error == EINVAL) durable_writes_ = false;
  return durable_writes_;
}

int DirectWriter::WriteStaged(int flags) {
  const std::size_t whole = RoundUp(size_);
  std::memset(buffer_.get() + size_, 0, whole - size_);
  if (const int error = WriteBlocks(buffer_.get(), whole, begin_, flags); error != 0) return error;
  const std::size_t kept = size_ % kBlockBytes;
  if (kept > 0) std::memmove(buffer_.get(), buffer_.get() + (size_ - kept), kept);
  begin_ += size_ - kept;
  size_ = kept;
  staged_ = false;
  return 0;
}

int DirectWriter::WriteZeros(std::uint64_t begin, std::uint64_t end) {
  static const std::unique_ptr<std::byte, Free> zeros = [] {
    std::unique_ptr<std::byte, Free> bytes(Allocate(kZeroBytes));
    std::memset(bytes.get(), 0, kZeroBytes);
    return bytes;
  }();
  while (begin < end) {
    const std::size_t part =
        static_cast<std::size_t>(std::min<std::uint64_t>(kZeroBytes, end - begin));
    unsynced_ = true;
    if (const int error = WriteBlocks(zeros.get(), part, begin, 0); error != 0) return error;
    begin += part;
  }
  return 0;
}

}  // namespace tidemark::env
