// The tables of meta/: projects and keys.
#pragma once

#include <array>
#include <string_view>

#include "meta/database.h"

namespace tidemark::meta {

inline constexpr std::array<std::string_view, 3> kTableSteps = {
    "CREATE TABLE project(name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE api_key(hash TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES project(name),"
    " scopes TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;",
    // A key and its secrets apart: while it is rotated it has two. Times are microseconds; limits
    // are text ("1000 a minute"), lists have blanks between.
    "CREATE TABLE key(id TEXT PRIMARY KEY, name TEXT NOT NULL, project TEXT NOT NULL REFERENCES"
    " project(name), scopes TEXT NOT NULL, dialect TEXT NOT NULL, origins TEXT NOT NULL,"
    " addresses TEXT NOT NULL, requests TEXT NOT NULL, events TEXT NOT NULL, bytes TEXT NOT NULL,"
    " created INTEGER NOT NULL, expires INTEGER, revoked INTEGER, rotated INTEGER) WITHOUT ROWID;"
    "CREATE TABLE key_secret(hash TEXT PRIMARY KEY, key TEXT NOT NULL REFERENCES key(id),"
    " created INTEGER NOT NULL, expires INTEGER) WITHOUT ROWID;"
    "INSERT INTO "
    "key(id,name,project,scopes,dialect,origins,addresses,requests,events,bytes,created)"
    " SELECT substr(hash,1,12),'',project,scopes,'','','','','','',created FROM api_key;"
    "INSERT INTO key_secret(hash,key,created) SELECT hash,substr(hash,1,12),created FROM api_key;"
    "DROP TABLE api_key;",
    // JSON, as key_grant.h has it.
    "ALTER TABLE key ADD COLUMN grants TEXT NOT NULL DEFAULT ''",
};

inline Status MigrateTables(Database* database) {
  return database->Migrate({.component = "meta", .steps = kTableSteps});
}

}  // namespace tidemark::meta
