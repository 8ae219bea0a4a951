// API keys. Only the SHA-256 of a key is stored; the clear key is shown once, when it is made.
// KeyCache is on the request path and never touches the database. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/published.h"
#include "base/result.h"
#include "base/time.h"
#include "env/random.h"
#include "meta/database.h"

namespace tidemark::meta {

struct ApiKey {
  std::string id;  // The first 12 digits of the hash: names the key without giving it away.
  std::string project;
  std::string scopes;  // Space-separated: "ingest query admin".
  TimeMicros created;

  bool Allows(std::string_view scope) const;  // `admin` allows everything.
};

class Keys {
 public:
  // Brings the tables of meta/ up to date and loads the cache. `database` must outlive the object.
  static Result<std::unique_ptr<Keys>> Open(Database* database);
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  // A new key ("tm_" and 43 URL-safe characters, 256 bits of `random`): the only time that it is
  // seen in clear. kNotFound if there is no such project.
  Result<std::string> Create(std::string_view project, std::string_view scopes, TimeMicros now,
                             env::Random* random);
  // kNotFound.
  Status Revoke(std::string_view id);
  // From memory. Nothing if the key is unknown.
  std::optional<ApiKey> Find(std::string_view clear_key) const;
  std::vector<ApiKey> List() const;

 private:
  using Map = std::unordered_map<std::string, ApiKey>;  // By hash.
  explicit Keys(Database* database) : database_(database) {}
  Status Reload();

  Database* database_;
  Published<Map> cache_;
};

}  // namespace tidemark::meta
