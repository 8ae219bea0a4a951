// Where plain tables may live: in the warehouse (the object store, below kPlainFolder), and below
// the outside roots that the operator has named. Everything else is refused, so that no metadata
// can make the server read or write elsewhere. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "env/object_store.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

// No project can have this name, so that its tables' folders are never mistaken for these.
inline constexpr std::string_view kPlainFolder = "plain.tables";

// Finds files by the URIs that metadata has.
class Resolver {
 public:
  struct Place {
    env::ObjectStore* store = nullptr;
    std::string key;
    bool in_warehouse = false;
  };

  Resolver() = default;
  virtual ~Resolver() = default;
  // Of any file or folder. 400 if it is nowhere where files are read; 403 where these may not be.
  virtual Outcome<Place> Resolve(std::string_view location) const = 0;

 protected:
  Resolver(const Resolver&) = default;
  Resolver& operator=(const Resolver&) = default;
};

class Locations final : public Resolver {
 public:
  struct Root {
    std::string uri;  // "file:///srv/tables", no '/' at the end.
    env::ObjectStore* store = nullptr;
  };

  // The stores must outlive it.
  Locations(env::ObjectStore* warehouse, std::vector<Root> outside);

  // One spelling of a location: `file:/x`, `file:///x` and `/x` are the same; no '/' at the end.
  static std::string Normal(std::string_view location);

  // 400 if it is in no root.
  Outcome<Place> Resolve(std::string_view location) const override;
  // 400 if no table of a client may live there.
  Done CheckForTable(std::string_view location) const;
  // A new one, unlike that of any other table: `<warehouse>/plain.tables/<namespace>/<name>-<id>`.
  std::string ForNew(std::string_view ns, std::string_view name, const Uuid& uuid) const;
  std::string WarehouseUri() const;
  // The folder of a namespace's tables, below which a client may choose one itself.
  std::string OfNamespace(std::string_view ns) const;
  // The first level of the namespace that a folder right below kPlainFolder is named for; nothing:
  // it is no namespace's.
  static std::optional<std::string> TopLevelOfFolder(std::string_view step);
  env::ObjectStore* warehouse() const { return warehouse_; }

 private:
  env::ObjectStore* warehouse_;
  std::string warehouse_uri_;
  std::vector<Root> outside_;
};

}  // namespace tidemark::iceberg
