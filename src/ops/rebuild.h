// Tables as the store alone tells them. The inside of doctor.h.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "env/disk.h"
#include "env/object_store.h"

namespace tidemark::ops {

// Locations of all tables in the lake of a data directory.
Result<std::vector<std::string>> StoredTables(const env::Disk& disk, const env::ObjectStore& store);

}  // namespace tidemark::ops
