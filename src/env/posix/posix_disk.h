// The real disk: a folder of the file system. Files are opened O_CLOEXEC; Sync is fdatasync.
#pragma once

#include <memory>
#include <string>

#include "env/disk.h"

namespace tidemark::env {

// `root` is made if it does not exist. kIoError if it cannot be.
Result<std::unique_ptr<Disk>> OpenPosixDisk(const std::string& root);

}  // namespace tidemark::env
