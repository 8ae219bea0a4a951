// Looks through manifests for files that a request may not read, before a commit or a registration
// is taken. Readers look at every file that they open in any case (reach.h), so this refuses early
// and in the words of the one who wrote it; what lies beyond the bounds, or cannot be read now, is
// left to them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "iceberg/locations.h"
#include "iceberg/manifest_cache.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

// Of one commit or registration.
inline constexpr std::size_t kCheckedManifestsMax = 10'000;
inline constexpr std::uint64_t kCheckedManifestBytesMax = 1_GiB;

// 403: a manifest, or a file that one names, lies where `reach` does not go. Manifests that `cache`
// has are not read again, and those that are read stay in it.
Done CheckManifests(const Resolver& reach, ManifestCache* cache,
                    std::vector<lake::ManifestFile> manifests);

// The same of those of manifest list `after` that list `before` (empty: none) does not name.
Done CheckNewManifests(const Resolver& reach, ManifestCache* cache, const std::string& before,
                       const std::string& after);

}  // namespace tidemark::iceberg
