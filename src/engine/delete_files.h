// Delete files and deletion vectors of the lake, read: which rows of a data file they take away
// (Iceberg table spec, "Delete Formats"). Equalities become places too, by one pass over the file's
// columns that they name, so that a scan knows places alone. What was read stays in memory, as
// files never change.
//
// Any thread; calls may run side by side.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/published.h"
#include "base/result.h"
#include "engine/deleted_rows.h"
#include "engine/instance.h"

namespace tidemark::engine {

inline constexpr std::uint64_t kDeletesBytesMax = 64U << 20;  // Kept in memory.
// Of one data file with deletes: a bit for each is kept.
inline constexpr std::uint64_t kRowsWithDeletesMax = 1ULL << 32;
// Of all data files that one statement asks about, in memory.
inline constexpr std::uint64_t kDeletedRowsBytesMax = 256ULL << 20;

// A data file and what deletes rows of it.
struct DeletesOfFile {
  std::string native_path;
  std::uint64_t rows = 0;
  std::vector<DeleteFile> deletes;
  // Field ids of columns that have a value where the file lacks them: a default, or that of its
  // partition.
  std::vector<std::int32_t> filled = {};
};

class DeleteFiles {
 public:
  // The native path of a data file that a position delete file names.
  using NativePathOf = std::function<std::string(std::string_view path)>;

  // `instance` must outlive it. Without `native_path_of` a path loses its scheme and no more.
  explicit DeleteFiles(Instance* instance, NativePathOf native_path_of = nullptr);

  // Of each file, in order; null: every row counts. kCorruption names a file that cannot be read;
  // kUnimplemented: equalities by a column that is not in the data file and yet has a value; more
  // rows than kDeletedRowsBytesMax has bits for.
  Result<std::vector<std::shared_ptr<const DeletedRows>>> Of(
      const std::vector<DeletesOfFile>& files);

 private:
  // The places that a position delete file names, by the data file's path.
  using Places = std::map<std::string, std::vector<std::int64_t>, std::less<>>;
  struct Kept {
    std::map<std::string, std::shared_ptr<const Places>> places;        // By delete file.
    std::map<std::string, std::shared_ptr<const DeletedRows>> deleted;  // By all that go into it.
    std::uint64_t bytes = 0;
  };

  // `kept`: what is known; `fresh`: what this call has read.
  Result<std::shared_ptr<const DeletedRows>> OfOne(const DeletesOfFile& file, const Kept& kept,
                                                   Kept* fresh);
  Result<std::shared_ptr<const Places>> PlacesOf(const std::string& path, const Kept& kept,
                                                 Kept* fresh);
  Status AddEqualities(const DeletesOfFile& of, const DeleteFile& file, DeletedRows* rows);
  Status AddVectorOf(const DeleteFile& file, DeletedRows* rows);

  Instance* const instance_;
  const NativePathOf native_path_of_;
  Published<Kept> kept_;
};

}  // namespace tidemark::engine
