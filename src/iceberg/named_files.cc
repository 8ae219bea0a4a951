#include "iceberg/named_files.h"

#include <algorithm>
#include <set>
#include <utility>

namespace tidemark::iceberg {
namespace {

// Read together, so that the cache changes once for all of them.
constexpr std::size_t kManifestsAtOnce = 64;

bool IsRefused(const Error& error) { return error.code() == Code::kPermissionDenied; }

// Of files that lie in no location at all their readers will tell.
Done CheckFile(const Resolver& reach, const std::string& uri) {
  auto place = reach.Resolve(uri);
  if (place || place.error().status != 403) return {};
  return tl::unexpected<Problem>(std::move(place).error());
}

Done CheckEntries(const Resolver& reach, const std::vector<SharedManifest>& contents) {
  for (const SharedManifest& content : contents) {
    for (const lake::ManifestEntry& entry : content->entries) {
      ICE_TRY(CheckFile(reach, entry.file.path));
    }
  }
  return {};
}

Done CheckSome(const Resolver& reach, ManifestCache* cache,
               const std::vector<lake::ManifestFile>& manifests) {
  const auto contents = cache->Read(reach, manifests);
  if (contents) return CheckEntries(reach, *contents);
  if (IsRefused(contents.error())) return tl::unexpected<Problem>(contents.error());
  // One of them cannot be read, which says nothing of the others.
  if (manifests.size() == 1) return {};
  for (const lake::ManifestFile& manifest : manifests) ICE_TRY(CheckSome(reach, cache, {manifest}));
  return {};
}

}  // namespace

Done CheckManifests(const Resolver& reach, ManifestCache* cache,
                    std::vector<lake::ManifestFile> manifests) {
  // Where a manifest lies costs nothing to look up.
  for (const lake::ManifestFile& manifest : manifests) {
    ICE_TRY(CheckFile(reach, manifest.path));
  }
  if (manifests.size() > kCheckedManifestsMax) manifests.resize(kCheckedManifestsMax);
  std::uint64_t bytes = 0;
  std::vector<lake::ManifestFile> some;
  for (lake::ManifestFile& manifest : manifests) {
    bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(manifest.length, 0));
    if (bytes > kCheckedManifestBytesMax) break;
    some.push_back(std::move(manifest));
    if (some.size() < kManifestsAtOnce) continue;
    ICE_TRY(CheckSome(reach, cache, some));
    some.clear();
  }
  return some.empty() ? Done() : CheckSome(reach, cache, some);
}

Done CheckNewManifests(const Resolver& reach, ManifestCache* cache, const std::string& before,
                       const std::string& after) {
  auto manifests = ReadManifestList(reach, after);
  if (!manifests) {
    if (IsRefused(manifests.error())) return tl::unexpected<Problem>(manifests.error());
    return {};
  }
  if (!before.empty()) {
    const auto old = ReadManifestList(reach, before);
    std::set<std::string_view> known;
    if (old) {
      for (const lake::ManifestFile& manifest : *old) known.insert(manifest.path);
    }
    std::erase_if(*manifests, [&](const auto& one) { return known.contains(one.path); });
  }
  return CheckManifests(reach, cache, *std::move(manifests));
}

}  // namespace tidemark::iceberg
