// Preloaded into the real server: writes one line for every call that creates, writes, syncs or
// renames a file, in the order in which the calls returned. tests/e2e/test_sync_calls.py reads it.
//
// Lines: "mkdir PATH", "write PATH", "sync PATH", "rename FROM TO", and "names PATH KEY" when bytes written to
// PATH contain KEY, the name of a metadata file. PATH is what the descriptor was opened as. Only
// successful calls are told. The file is the one that SYNC_RECORD names.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kPathBytesMax = 4096, kLineBytesMax = 3 * kPathBytesMax, kKeyBytesMax = 256 };

static const char kMetadataEnd[] = ".metadata.json";

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;

static void Line(const char* format, ...) {
  char line[kLineBytesMax];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  pthread_mutex_lock(&mutex);
  if (record < 0 && getenv("SYNC_RECORD") != NULL) {
    int (*open_file)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open");
    record = open_file(getenv("SYNC_RECORD"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }
  ssize_t (*write_bytes)(int, const void*, size_t) =
      (ssize_t (*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  if (record >= 0 && write_bytes(record, line, (size_t)size) != size) abort();
  pthread_mutex_unlock(&mutex);
}

// False for what is not a file (a socket, a pipe).
static int PathOf(int fd, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, kPathBytesMax - 1);
  if (size <= 0 || path[0] != '/') return 0;
  path[size] = '\0';
  return 1;
}

static int IsKeyByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         strchr("_-./", c) != NULL;
}

// Tells the names of metadata files in bytes that go into a database.
static void TellNames(const char* path, const char* bytes, size_t size) {
  const char* at = bytes;
  const char* end = bytes + size;
  const size_t tail = sizeof kMetadataEnd - 1;
  while ((at = memmem(at, (size_t)(end - at), kMetadataEnd, tail)) != NULL) {
    const char* first = at;
    while (first > bytes && IsKeyByte(first[-1])) --first;
    const size_t length = (size_t)(at - first) + tail;
    if (length < kKeyBytesMax) Line("names %s %.*s\n", path, (int)length, first);
    at += tail;
  }
}

static void Wrote(int fd, const struct iovec* parts, int count) {
  char path[kPathBytesMax];
  if (!PathOf(fd, path)) return;
  if (strstr(path, "meta.db") != NULL) {
    for (int i = 0; i < count; ++i) TellNames(path, parts[i].iov_base, parts[i].iov_len);
  }
  Line("write %s\n", path);
}

static void WroteOne(int fd, const void* bytes, size_t size) {
  const struct iovec part = {(void*)(size_t)bytes, size};
  Wrote(fd, &part, 1);
}

#define REAL(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void* bytes, size_t size) {
  const ssize_t n = REAL(ssize_t, write, int, const void*, size_t)(fd, bytes, size);
  if (n > 0) WroteOne(fd, bytes, (size_t)n);
  return n;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  const ssize_t n = REAL(ssize_t, pwrite, int, const void*, size_t, off_t)(fd, bytes, size, at);
  if (n > 0) WroteOne(fd, bytes, (size_t)n);
  return n;
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  const ssize_t n = REAL(ssize_t, pwrite64, int, const void*, size_t, off64_t)(fd, bytes, size, at);
  if (n > 0) WroteOne(fd, bytes, (size_t)n);
  return n;
}

ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
  const ssize_t n = REAL(ssize_t, pwritev, int, const struct iovec*, int, off_t)(fd, parts, count, at);
  if (n > 0) Wrote(fd, parts, count);
  return n;
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  const ssize_t n = REAL(ssize_t, writev, int, const struct iovec*, int)(fd, parts, count);
  if (n > 0) Wrote(fd, parts, count);
  return n;
}

static int Synced(int fd, int result) {
  char path[kPathBytesMax];
  if (result == 0 && PathOf(fd, path)) Line("sync %s\n", path);
  return result;
}

// With RWF_DSYNC it is both.
ssize_t pwritev2(int fd, const struct iovec* parts, int count, off_t at, int flags) {
  const ssize_t n = REAL(ssize_t, pwritev2, int, const struct iovec*, int, off_t, int)(fd, parts, count, at, flags);
  if (n > 0) Wrote(fd, parts, count);
  if (n > 0 && (flags & RWF_DSYNC) != 0) Synced(fd, 0);
  return n;
}

int fsync(int fd) { return Synced(fd, REAL(int, fsync, int)(fd)); }
int fdatasync(int fd) { return Synced(fd, REAL(int, fdatasync, int)(fd)); }

int rename(const char* from, const char* to) {
  const int result = REAL(int, rename, const char*, const char*)(from, to);
  if (result == 0) Line("rename %s %s\n", from, to);
  return result;
}

int mkdir(const char* path, mode_t mode) {
  const int result = REAL(int, mkdir, const char*, mode_t)(path, mode);
  if (result == 0) Line("mkdir %s\n", path);
  return result;
}
