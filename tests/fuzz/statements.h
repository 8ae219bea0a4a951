// SQL of users, and Parquet files of others, through the engine: what guards the one and what
// answers for the other is ours. See targets.h. Only where the engine library is linked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// A statement.
void RunSql(std::string_view bytes);
// A data file of a lake, or a file of deleted places.
void RunParquet(std::string_view bytes);

std::vector<std::string> SqlSeeds();
std::vector<std::string> ParquetSeeds();

}  // namespace tidemark::fuzz
