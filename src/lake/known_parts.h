// What was parsed before of the files of tables, by its content: most of a version of a table's
// metadata, and nearly all manifests of a head, are those of the version before. Who opens heads
// one after the other keeps one and need not parse them again; the files themselves are read each
// time.
//
// Bounded: what is full begins anew. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/units.h"
#include "lake/live_files.h"
#include "lake/manifest.h"
#include "lake/metadata.h"

namespace tidemark::lake {

// Values by the bytes that they were made of. `bytes_max`: of all these bytes.
template <class Value>
class ByContent {
 public:
  explicit ByContent(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // nullptr if it is not known.
  std::shared_ptr<const Value> Find(std::string_view content) const {
    const auto found = values_.find(content);
    return found == values_.end() ? nullptr : found->second;
  }
  std::shared_ptr<const Value> Keep(std::string_view content, Value value) {
    auto kept = std::make_shared<const Value>(std::move(value));
    if (content.size() > bytes_max_) return kept;
    if (bytes_ + content.size() > bytes_max_) {
      values_.clear();
      bytes_ = 0;
    }
    bytes_ += content.size();
    values_.insert_or_assign(std::string(content), kept);
    return kept;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view content) const { return Hash64(content); }
  };

  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<const Value>, Hash, std::equal_to<>> values_;
};

struct KnownParts {
  // Of each kind; in memory about three times as many with what they mean. Some 1,500 snapshots.
  static constexpr std::uint64_t kBytesMax = 2_MiB;

  // `documents_bytes_max`: of whole metadata, for who opens the same heads again and again.
  explicit KnownParts(std::uint64_t bytes_max = kBytesMax, std::uint64_t documents_bytes_max = 0)
      : documents(documents_bytes_max),
        schemas(bytes_max),
        snapshots(bytes_max),
        lists(bytes_max),
        files(bytes_max),
        columns(bytes_max) {}

  ByContent<TableMetadata> documents;
  ByContent<Schema> schemas;
  ByContent<Snapshot> snapshots;
  ByContent<std::vector<ManifestFile>> lists;
  ByContent<std::vector<LiveFile>> files;  // By a manifest and what it passes on.
  ByContent<event::TableSchema> columns;   // By a schema and what of it is promoted.
};

}  // namespace tidemark::lake
