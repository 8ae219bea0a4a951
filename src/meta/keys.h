// API keys: who may do what, from where, how much and until when. Only the SHA-256 of a key's
// secret is stored; the clear key is shown once, when it is made. docs/reference/keys.md.
//
// A key has one secret, and while it is rotated the one before it as well, until a time. Find is on
// the request path: from memory, it never touches the database. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "base/published.h"
#include "base/result.h"
#include "base/secret_hash.h"
#include "base/time.h"
#include "meta/database.h"
#include "meta/key_grant.h"
#include "meta/key_limits.h"

namespace tidemark::meta {

inline constexpr std::string_view kKeyPrefix = "tm_";  // Of every key that is made here.
inline constexpr std::size_t kKeysMax = 100'000;
inline constexpr std::size_t kKeyNameBytesMax = 200;
inline constexpr std::size_t kKeyOriginsMax = 64;
inline constexpr std::size_t kKeyAddressesMax = 64;
inline constexpr std::array<std::string_view, 6> kScopeNames = {"ingest",  "query",   "live",
                                                                "catalog", "privacy", "admin"};

// What is said of a key when it is made. Check says whether it may be.
struct KeySpec {
  std::string name = {};                  // For people; may be empty.
  std::string project = {};               // Its one project.
  std::string scopes = {};                // Of kScopeNames, separated by one blank.
  std::string dialect = {};               // The only one it may send; empty: any.
  std::vector<std::string> origins = {};  // Pages that may use it; empty: no matter where.
  std::vector<IpRange> addresses = {};    // The same of addresses.
  KeyLimits::Rates rates = {};
  std::vector<KeyGrant> grants = {};  // What it may do in the catalog; empty: what its scopes say.
  std::optional<TimeMicros> expires = std::nullopt;

  // kInvalidArgument says what is wrong.
  Status Check(TimeMicros now) const;
  // The same of the dialect, where those that there are are known.
  Status CheckDialect(std::span<const std::string> dialects) const;
};

struct ApiKey : KeySpec {
  std::string id;  // 12 hex digits: names the key without giving it away.
  TimeMicros created;
  std::optional<TimeMicros> revoked;
  std::optional<TimeMicros> rotated;    // Last.
  std::optional<TimeMicros> old_until;  // Until then the secret before the last rotation works.
  std::shared_ptr<KeyLimits> limits;    // nullptr: none.

  bool Allows(std::string_view scope) const;  // `admin` allows everything.
  // Only ingest: may be seen by everybody, in the source of a web page.
  bool IsBrowserKey() const { return scopes == "ingest"; }
  // "active", "revoked", "expired".
  std::string_view StateAt(TimeMicros now) const;
};

// 64 bits of the kernel's entropy at a call (env::EntropySeed). Nothing seeded: who has seen one
// key of a generator could tell the next ones.
using Entropy = std::function<std::uint64_t()>;

class Keys {
 public:
  struct Made {
    std::string clear;  // "tm_" and 43 URL-safe characters: the only time that it is seen.
    std::shared_ptr<const ApiKey> key;
  };
  struct Found {
    std::shared_ptr<const ApiKey> key;         // Whatever its state.
    std::optional<TimeMicros> secret_expires;  // The secret was replaced, and works until then.
  };

  // Brings the tables of meta/ up to date and loads the cache. `database` must outlive the object.
  static Result<std::unique_ptr<Keys>> Open(Database* database);
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  // From 256 bits of `entropy`. kInvalidArgument; kNotFound if there is no such project;
  // kOverloaded at kKeysMax.
  Result<Made> Create(const KeySpec& spec, TimeMicros now, const Entropy& entropy);
  // A new secret for the key; the one it had works until now + `overlap`. kNotFound; kConflict if
  // the key is revoked or expired.
  Result<Made> Rotate(std::string_view id, Duration overlap, TimeMicros now,
                      const Entropy& entropy);
  // At once, all its secrets. It stays in the list. Idempotent. kNotFound.
  Status Revoke(std::string_view id, TimeMicros now);

  // From memory. Nothing if no key has that secret.
  std::optional<Found> Find(std::string_view clear_key) const;
  std::shared_ptr<const ApiKey> FindById(std::string_view id) const;  // nullptr if there is none.
  // By project, then time of creation.
  std::vector<std::shared_ptr<const ApiKey>> List() const;

 private:
  struct DigestHash {
    std::size_t operator()(const Sha256Digest& digest) const;
  };
  struct Cache {
    std::unordered_map<Sha256Digest, Found, DigestHash> by_secret;
    std::unordered_map<std::string, std::shared_ptr<const ApiKey>> by_id;
  };
  explicit Keys(Database* database)
      : database_(database), cache_(std::make_shared<const Cache>()) {}
  Status Reload();
  static Status ReadKeys(Transaction* transaction, const Cache& before,
                         std::unordered_map<std::string, std::shared_ptr<ApiKey>>* keys);

  Database* database_;
  Published<Cache> cache_;
};

}  // namespace tidemark::meta
