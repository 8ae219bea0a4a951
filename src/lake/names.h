// Names of metadata files, and what these and those of data files tell. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/uuid.h"

namespace tidemark::lake {

// All names of one write begin or end with an id that has these many characters in common with
// the write's: the rest counts attempts.
inline constexpr std::size_t kCommonIdChars = 32;

// The id that the names of an attempt carry; the first attempt's is the write's own.
Uuid AttemptId(const Uuid& write, std::uint32_t attempt);
bool IsNameOf(std::string_view name, const Uuid& write);

// Keys below the table's location.
std::string MetadataKey(std::string_view location, std::int64_t version, const Uuid& id,
                        bool gzip = true);
std::string ManifestKey(std::string_view location, const Uuid& write, std::uint32_t number);
std::string ManifestListKey(std::string_view location, SnapshotId snapshot, std::uint32_t attempt,
                            const Uuid& id);
// The version that a metadata file's name begins with; nothing if it is no metadata file.
std::optional<std::int64_t> VersionOf(std::string_view key);

// A data file whose rows have all promoted columns up to the number `promotions`
// (event::Promotion), whatever their log records say, as those that a backfill wrote: `x.parquet`
// becomes `x-p3.parquet`.
std::string WithPromotions(std::string_view data_file, std::uint32_t promotions);
// The number of such a name; 0 for any other. The rest of the name is what it became of.
std::uint32_t PromotionsOf(std::string_view data_file);
std::string_view WithoutPromotions(std::string_view data_file);

}  // namespace tidemark::lake
