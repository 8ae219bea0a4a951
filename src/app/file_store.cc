#include "app/file_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

namespace tidemark::app {
namespace {

// Without a `file:` scheme, which has an empty host or none. Nothing: another scheme.
std::optional<std::string> PathOf(std::string_view uri) {
  constexpr std::string_view kScheme = "file:";
  if (!uri.starts_with(kScheme)) {
    const std::size_t colon = uri.find("://");
    return colon == std::string_view::npos ? std::optional(std::string(uri)) : std::nullopt;
  }
  uri.remove_prefix(kScheme.size());
  if (uri.starts_with("//")) uri.remove_prefix(2);
  return std::string(uri);
}

}  // namespace

FileStore::FileStore(std::string_view from, std::string_view to)
    : from_(PathOf(from).value_or(std::string(from))), to_(to) {
  while (from_.ends_with('/')) from_.pop_back();
}

Result<std::string> FileStore::Get(std::string_view key, std::uint64_t bytes_max) const {
  const std::string path(key);
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (!file || error) return Fail(Code::kNotFound, "there is no file " + path);
  if (size > bytes_max) {
    return Fail(Code::kInvalidArgument, path + " is larger than " + std::to_string(bytes_max) +
                                            " bytes, which is all that is read");
  }
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (!file) return Fail(Code::kIoError, "cannot read " + path);
  return bytes;
}

Result<bool> FileStore::Exists(std::string_view key) const {
  std::error_code error;
  return std::filesystem::is_regular_file(std::filesystem::path(key), error);
}

Result<std::vector<std::string>> FileStore::List(std::string_view prefix) const {
  std::vector<std::string> keys;
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(std::filesystem::path(prefix), error);
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    if (at->is_regular_file(error)) keys.push_back(at->path().string());
  }
  if (error) return Fail(Code::kIoError, "cannot list " + std::string(prefix));
  std::ranges::sort(keys);
  return keys;
}

Result<std::string> FileStore::KeyOf(std::string_view uri) const {
  if (!to_.empty()) {
    const std::string whole = PathOf(uri).value_or(std::string(uri));
    if (whole.starts_with(from_ + "/")) return to_ + whole.substr(from_.size());
  }
  auto path = PathOf(uri);
  if (path) return *std::move(path);
  return Fail(Code::kInvalidArgument, "it is no local file: only those are looked at");
}

Result<std::uint64_t> FileStore::SizeOf(const std::string& key) const {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(key, error);
  if (error) return Fail(Code::kNotFound, "there is no file " + key);
  return size;
}

}  // namespace tidemark::app
