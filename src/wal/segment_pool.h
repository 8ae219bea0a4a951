// Makes segment files and takes them back: spares, the reserve, names.
//
// A file gets its segment's name only when its header is durable, so a name never has a foreign
// header; and a recycled file is used again only when the loss of its old name is durable.
//
// Owned by the log's thread, but for Prepare. Errors: kIoError; every call may be repeated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "env/disk.h"
#include "wal/log.h"
#include "wal/spare_maker.h"

namespace tidemark::wal {

class SegmentPool {
 public:
  // Both must outlive the pool.
  SegmentPool(env::Disk* disk, const LogOptions& options)
      : disk_(disk), options_(options), maker_(disk, kSlicesAtOnce * options.tend_bytes) {}

  // Takes the spares and the reserve that are in the folder. Removes those that are too many.
  Status Adopt(const std::vector<std::string>& names);

  struct Made {
    std::string path;
    std::unique_ptr<env::File> file;
    std::uint64_t file_bytes = 0;
  };
  // A segment file that begins with `content`, has at least `file_bytes` bytes and is durable under
  // its name. After an error no file of that id may ever be made again, and the name may exist.
  Result<Made> Make(std::uint64_t segment_id, std::string_view content, std::uint64_t file_bytes);
  // kIoError unless the next segment, of `file_bytes`, leaves `left` bytes of the disk free.
  Status CheckRoom(std::uint64_t file_bytes, std::uint64_t left) const;
  // The size of a segment that is to take `bytes`.
  std::uint64_t SizeFor(std::uint64_t bytes) const {
    return std::max(bytes, options_.segment_bytes);
  }

  // Takes a segment's file back: a spare if one is missing, else gone.
  Status Recycle(const std::string& path, std::uint64_t file_bytes);

  // See Log.
  Result<bool> Tend();
  bool TakeAsked() { return std::exchange(asked_, false); }
  Status ReleaseReserve();
  bool Prepare() { return maker_.Work(); }

  std::uint64_t spares() const { return ready_.size(); }
  bool reserve_ready() const { return reserve_bytes_ >= options_.reserve_bytes; }

 private:
  // Nobody waits for Prepare.
  static constexpr std::uint64_t kSlicesAtOnce = 4;

  std::string NewSparePath();
  // Removes orphans; makes pending renames and removals durable.
  Status CleanFolder();
  Result<Made> TakeFile(std::uint64_t file_bytes);
  Status Fill(Made* made, std::uint64_t segment_id, std::string_view content);
  Result<bool> HasRoom(std::uint64_t bytes) const;
  Status TendSpares();
  // Grows the reserve by one slice; true when it is whole.
  Result<bool> GrowReserve();
  Status RemoveQuietly(const std::string& path);

  env::Disk* disk_;
  const LogOptions& options_;
  std::vector<std::string> ready_;  // Paths of whole spares; one more than wanted if one came back.
  SpareMaker maker_;
  bool asked_ = false;
  std::uint64_t reserve_bytes_ = 0;
  std::vector<std::string> orphans_;  // Of a Make that failed: durably gone before the next one.
  std::uint64_t next_spare_ = 0;
  bool folder_dirty_ = true;
};

}  // namespace tidemark::wal
