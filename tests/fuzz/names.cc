#include "fuzz/names.h"

#include <algorithm>

#include "base/check.h"
#include "catalog/directory.h"
#include "env/local_store.h"
#include "iceberg/body_coding.h"
#include "iceberg/locations.h"
#include "lake/names.h"
#include "lake/partition.h"
#include "sim/sim_disk.h"

namespace tidemark::fuzz {
namespace {

constexpr std::size_t kWholeNameBytes = 60;  // Whatever its letters, its folder is not cut.

// A namespace's folder tells whose it is, and is one that file systems take.
void CheckFolder(const iceberg::Locations& locations, std::string_view level) {
  if (level.empty() || level.find(catalog::kLevelSeparator) != std::string_view::npos) return;
  const std::string uri = locations.OfNamespace(level);
  const std::string step = uri.substr(uri.rfind('/') + 1);
  TM_CHECK(!step.empty() && step.size() < 256 && step != "." && step != "..");
  if (level.size() <= kWholeNameBytes) {
    TM_CHECK(iceberg::Locations::TopLevelOfFolder(step) == level);
  }
}

}  // namespace

void RunNames(std::string_view bytes) {
  const std::string_view level = bytes.substr(0, bytes.find('\n'));
  const std::string_view rest = bytes.substr(std::min(bytes.size(), level.size() + 1));
  sim::SimDisk disk(1);
  env::LocalStore store(&disk, "lake");
  const iceberg::Locations locations(&store, {});
  CheckFolder(locations, level);
  // What is a place is below the warehouse.
  const auto place = locations.Resolve(rest);
  if (place) TM_CHECK(("/" + place->key + "/").find("/../") == std::string::npos);
  static_cast<void>(iceberg::Locations::TopLevelOfFolder(rest));
  static_cast<void>(iceberg::AcceptsGzip(rest));
  // A name that a backfill gives is read back, and is one of ours if it was before.
  const std::string named = lake::WithPromotions(rest, 7);
  TM_CHECK(lake::PromotionsOf(named) == 7);
  if (lake::IsDataFilePath(rest) && lake::PromotionsOf(rest) == 0) {
    TM_CHECK(lake::IsDataFilePath(named));
  }
  TM_CHECK(rest.starts_with(lake::WithoutPromotions(rest)));
}

std::vector<std::string> NamesSeeds() {
  const std::string file = lake::DataFilePath({}, MakeUuidV4(1, 2), 7);
  return {"shop\ngzip;q=0.5, *;q=0", "a.b/c%\n" + file, "~2F\n" + lake::WithPromotions(file, 3),
          "\xe6\xbc\xa2\nfile:///lake/plain.tables/shop.daily/t~2F-1"};
}

}  // namespace tidemark::fuzz
