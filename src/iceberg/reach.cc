#include "iceberg/reach.h"

#include <utility>
#include <vector>

namespace tidemark::iceberg {
namespace {

// `a//b` is the file system's `a/b`. The slashes of a scheme stay.
std::string WithoutEmptySteps(std::string_view location) {
  const std::size_t scheme = location.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  std::string out(location.substr(0, begin));
  for (const char c : location.substr(begin)) {
    if (c == '/' && out.size() > begin && out.back() == '/') continue;
    out.push_back(c);
  }
  return out;
}

// The folder and every one above it.
std::vector<std::string> WithAncestors(const std::string& folder) {
  std::vector<std::string> all{folder};
  for (std::size_t at = folder.rfind('/'); at != std::string::npos && at > 0;
       at = folder.rfind('/', at - 1)) {
    if (folder[at - 1] == '/') break;  // Of the scheme.
    all.push_back(folder.substr(0, at));
  }
  return all;
}

}  // namespace

std::string_view TopLevel(std::string_view ns) {
  return ns.substr(0, ns.find(catalog::kLevelSeparator));
}

Reach::Reach(const Locations* locations, catalog::Directory* directory, Access access,
             std::string_view home)
    : locations_(locations), directory_(directory), access_(std::move(access)) {
  if (!home.empty()) home_ = WithoutEmptySteps(Locations::Normal(home)) + "/";
}

Outcome<Locations::Place> Reach::Resolve(std::string_view location) const {
  ICE_ASSIGN(Locations::Place place, locations_->Resolve(location));
  if (access_.all) return place;
  const std::string path = WithoutEmptySteps(Locations::Normal(location));
  if (!home_.empty() && (path + "/").starts_with(home_)) return place;
  ICE_ASSIGN(const bool may, MayRead(path.substr(0, path.rfind('/')), place));
  if (may) return place;
  return Forbidden("File " + std::string(location) +
                   " lies where tables of another project live, which may not be read from here: "
                   "copy it below the table's own location");
}

// Managed tables live below their project's name; a registered location says more than a folder's
// name, since tables are renamed.
Result<std::optional<std::string>> Reach::OwnerOf(const std::string& folder, std::string_view key,
                                                  bool* of_table) const {
  using Owner = std::optional<std::string>;
  const std::vector<std::string> folders = WithAncestors(folder);
  if (folders.size() > kLocationStepsMax) {
    return Fail(Code::kInvalidArgument, "Location " + folder + " has more than " +
                                            std::to_string(kLocationStepsMax) + " folders");
  }
  TM_ASSIGN(const auto table, directory_->FindAtLocation(folders));
  *of_table = table.has_value();
  if (table) return Owner(table->ns);
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return Owner();
  const std::string_view below = key.substr(slash + 1);
  return Owner(Locations::TopLevelOfFolder(below.substr(0, below.find('/'))));
}

Outcome<bool> Reach::MayRead(const std::string& folder, const Locations::Place& place) const {
  if (const auto known = seen_.find(folder); known != seen_.end()) return known->second;
  const std::string key = WithoutEmptySteps(place.key);
  const std::string_view steps = std::string_view(key).substr(key.starts_with('/') ? 1 : 0);
  const std::string_view first = steps.substr(0, steps.find('/'));
  bool may = true;
  if (place.in_warehouse && first != kPlainFolder) {
    // Managed, also of a project whose tables are still to come.
    may = first == access_.project && access_.Granted(Right::kRead, first, "");
  } else {
    bool of_table = false;
    ICE_ASSIGN(const auto owner, OwnerOf(folder, place.in_warehouse ? steps : "", &of_table));
    if (owner && TopLevel(*owner) != access_.project) {
      ICE_ASSIGN(const bool others, directory_->IsProject(TopLevel(*owner)));
      may = !others;
    }
    if (owner) may &= access_.Granted(of_table ? Right::kRead : Right::kSee, *owner, "");
  }
  return seen_.emplace(folder, may).first->second;
}

}  // namespace tidemark::iceberg
