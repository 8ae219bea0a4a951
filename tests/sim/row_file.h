// The simulation's data files: rows with a checksum, on a simulated disk or on a real one. Commit,
// trim, recovery and garbage do not know the difference to Parquet. Any thread.
#pragma once

#include <memory>
#include <string>

#include "engine/data_file.h"
#include "env/disk.h"

namespace tidemark::sim {

// `disk` must outlive them. The writer does not sync: that is the caller's part.
class RowFileWriter final : public engine::DataFileWriter {
 public:
  explicit RowFileWriter(env::Disk* disk) : disk_(disk) {}
  Result<engine::WrittenFile> Write(const event::RowSource& rows, const event::KeptPaths& kept,
                                    engine::DataCodec /*codec*/,
                                    const std::string& native_path) override;

 private:
  env::Disk* disk_;
};

class RowFileReader final : public engine::DataFileReader {
 public:
  explicit RowFileReader(env::Disk* disk) : disk_(disk) {}
  Status Read(const std::string& native_path,
              const std::shared_ptr<const event::TableSchema>& schema,
              const std::function<Status(const event::RowSource&)>& visit) override;

 private:
  env::Disk* disk_;
};

}  // namespace tidemark::sim
