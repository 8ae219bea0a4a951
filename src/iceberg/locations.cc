#include "iceberg/locations.h"

#include <algorithm>

#include "base/bytes.h"
#include "catalog/directory.h"

namespace tidemark::iceberg {
namespace {

constexpr std::string_view kFileScheme = "file:";
constexpr std::size_t kPathStepBytesMax = 200;  // Of 255, with room for an id.

bool HasDots(std::string_view path) {
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view step = path.substr(at, slash - at);
    if (step == ".." || step == ".") return true;
    at = slash + 1;
  }
  return false;
}

// The rest of `location` below `root`; nothing if it is not below.
std::optional<std::string> Below(std::string_view location, std::string_view root) {
  if (!location.starts_with(root)) return std::nullopt;
  location.remove_prefix(root.size());
  if (location.empty()) return std::string();
  if (location.front() != '/') return std::nullopt;
  return std::string(location.substr(1));
}

// A namespace or table name as part of a path: what paths give a meaning to is written as ~XX. What
// a file system would find too long is cut; whoever needs it to be unlike others adds an id.
void AppendPathStep(std::string_view name, std::string* path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const std::size_t begin = path->size();
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (c == catalog::kLevelSeparator) {
      path->push_back('.');
    } else if (plain) {
      path->push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      // Not '%': clients decode it in a URI.
      path->push_back('~');
      path->push_back(kDigits[byte >> 4]);
      path->push_back(kDigits[byte & 15]);
    }
  }
  path->resize(std::min(path->size(), begin + kPathStepBytesMax));
}

}  // namespace

Locations::Locations(env::ObjectStore* warehouse, std::vector<Root> outside)
    : warehouse_(warehouse),
      warehouse_uri_(Normal(warehouse->Uri(""))),
      outside_(std::move(outside)) {
  for (Root& root : outside_) root.uri = Normal(root.uri);
}

std::string Locations::Normal(std::string_view location) {
  std::string normal(location);
  const bool file = location.starts_with(kFileScheme);
  if (file || location.starts_with('/')) {
    if (file) location.remove_prefix(kFileScheme.size());
    while (location.starts_with("//")) location.remove_prefix(1);
    normal = "file://" + std::string(location);
  }
  while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

Outcome<Locations::Place> Locations::Resolve(std::string_view location) const {
  const std::string normal = Normal(location);
  if (!HasDots(normal)) {
    if (auto key = Below(normal, warehouse_uri_)) return Place{warehouse_, *std::move(key), true};
    for (const Root& root : outside_) {
      if (auto key = Below(normal, root.uri)) return Place{root.store, *std::move(key), false};
    }
  }
  return BadRequest("Location " + std::string(location) +
                    " is outside the warehouse and the locations that catalog.locations allows");
}

Done Locations::CheckForTable(std::string_view location) const {
  ICE_ASSIGN(const Place place, Resolve(location));
  const std::string folder = std::string(kPlainFolder) + "/";
  if (place.key.empty() || (place.in_warehouse && !place.key.starts_with(folder))) {
    return BadRequest("Location " + std::string(location) +
                      " is kept for the server's own tables: "
                      "leave the location out, or choose one below " +
                      warehouse_uri_ + "/" + std::string(kPlainFolder));
  }
  return {};
}

std::string Locations::ForNew(std::string_view ns, std::string_view name, const Uuid& uuid) const {
  std::string uri = OfNamespace(ns);
  uri.push_back('/');
  AppendPathStep(name, &uri);
  const std::string id = uuid.ToString();
  return uri + "-" + id.substr(id.size() - 8);
}

std::string Locations::OfNamespace(std::string_view ns) const {
  std::string uri = WarehouseUri() + "/";
  AppendPathStep(ns, &uri);
  return uri;
}

std::optional<std::string> Locations::TopLevelOfFolder(std::string_view step) {
  step = step.substr(0, step.find('.'));
  std::string level;
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] != '~') {
      level.push_back(step[i]);
      continue;
    }
    const auto byte = FromHex(step.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    level += *byte;
    i += 2;
  }
  if (level.empty()) return std::nullopt;
  return level;
}

std::string Locations::WarehouseUri() const {
  return warehouse_uri_ + "/" + std::string(kPlainFolder);
}

}  // namespace tidemark::iceberg
