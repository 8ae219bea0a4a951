// Local files as a store, wherever they are: for commands that look into a table without a server.
// A key is a path as the process sees it; the URIs of a table may be `file:` ones or bare paths,
// relative ones too. Only reads. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/read_only_store.h"

namespace tidemark::app {

class FileStore final : public ReadOnlyStore {
 public:
  FileStore() = default;
  // What lies below `from` by its URI is looked for below the folder `to`: of a table that was
  // copied elsewhere.
  FileStore(std::string_view from, std::string_view to);

  Result<std::string> Get(std::string_view key, std::uint64_t bytes_max) const override;
  Result<bool> Exists(std::string_view key) const override;
  Result<std::vector<std::string>> List(std::string_view prefix) const override;
  std::string Uri(std::string_view key) const override { return "file://" + std::string(key); }
  // kInvalidArgument: no local file.
  Result<std::string> KeyOf(std::string_view uri) const override;
  std::string NativePath(std::string_view key) const override { return std::string(key); }

  Result<std::uint64_t> SizeOf(const std::string& key) const;

 private:
  std::string from_;  // As a path.
  std::string to_;
};

}  // namespace tidemark::app
