// The tables of meta/: projects and keys.
#pragma once

#include <array>
#include <string_view>

#include "meta/database.h"

namespace tidemark::meta {

inline constexpr std::array<std::string_view, 1> kTableSteps = {
    "CREATE TABLE project(name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE api_key(hash TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project(name),"
    " scopes TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;",
};

inline Status MigrateTables(Database* database) {
  return database->Migrate({.component = "meta", .steps = kTableSteps});
}

}  // namespace tidemark::meta
