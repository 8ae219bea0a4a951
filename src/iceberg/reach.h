// What of the catalog's files a request may touch. Metadata, manifest lists and manifests are
// written by clients and may name any file: one that lies where another project's tables live is
// refused to whoever may not read those, whatever names it.
//
// A file is the project's whose table's location it lies below. Where no table is registered it is
// that of the folder: `<project>/` of managed tables, `plain.tables/<namespace>/` of plain ones
// (dropped tables' files). What is no project's is for all. Whose key has grants is refused files
// of tables that it has not the whole namespace of. Symbolic links are the operator's.
//
// Lives as long as a request; one thread. Blocks on the database at the first file of a folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "catalog/directory.h"
#include "iceberg/access.h"
#include "iceberg/locations.h"
#include "iceberg/problem.h"

namespace tidemark::iceberg {

inline constexpr std::size_t kLocationStepsMax = 64;  // Folders above a file.

// The first level of a namespace: a project's name, if it is one's.
std::string_view TopLevel(std::string_view ns);

class Reach final : public Resolver {
 public:
  // `home`: the location of the table that the request is of; what lies below it is its own, since
  // the locations of tables do not overlap. Both pointers must outlive it.
  Reach(const Locations* locations, catalog::Directory* directory, Access access,
        std::string_view home = "");

  // 400: in no root. 403: where another project's tables live. Of a folder ask for a file in it.
  Outcome<Locations::Place> Resolve(std::string_view location) const override;

 private:
  // The namespace whose plain tables' files lie in a folder; nothing: nobody's. `key`: of the
  // warehouse; empty: elsewhere.
  // `of_table`: a table's that is there, not just the folder's.
  Result<std::optional<std::string>> OwnerOf(const std::string& folder, std::string_view key,
                                             bool* of_table) const;
  Outcome<bool> MayRead(const std::string& folder, const Locations::Place& place) const;

  const Locations* locations_;
  catalog::Directory* directory_;
  Access access_;
  std::string home_;                          // With a '/' at the end; empty: none.
  mutable std::map<std::string, bool> seen_;  // Folders, and whether it may read there.
};

}  // namespace tidemark::iceberg
