#include "app/keyring.h"

#include <algorithm>

#include "base/secret_hash.h"
#include "collect/caller.h"
#include "collect/peer.h"
#include "meta/key_text.h"
#include "meta/projects.h"

namespace tidemark::app {
namespace {

using collect::Scope;

constexpr const char* kKeyHint =
    "send a key as X-API-Key or Authorization: Bearer; `tidemark key create` makes one";
constexpr const char* kNewKeyHint = "use a key that is valid; `tidemark key list` shows them";
constexpr std::size_t kDefaultLimitsMax = 100'000;
constexpr std::uint8_t kAllScopes = 0xFF;

std::uint8_t ScopeBit(std::string_view name) {
  if (name == "ingest") return static_cast<std::uint8_t>(Scope::kWrite);
  if (name == "query") return static_cast<std::uint8_t>(Scope::kRead);
  if (name == "live") return static_cast<std::uint8_t>(Scope::kLive);
  if (name == "catalog") return static_cast<std::uint8_t>(Scope::kCatalog);
  if (name == "privacy") return static_cast<std::uint8_t>(Scope::kPrivacy);
  return name == "admin" ? kAllScopes : 0;
}

std::uint8_t ScopesOf(std::string_view words) {
  std::uint8_t scopes = 0;
  while (!words.empty()) {
    const std::size_t blank = std::min(words.find(' '), words.size());
    scopes |= ScopeBit(words.substr(0, blank));
    words.remove_prefix(std::min(blank + 1, words.size()));
  }
  return scopes;
}

std::string_view ScopeName(Scope scope) {
  for (const std::string_view name : meta::kScopeNames) {
    if (ScopeBit(name) == static_cast<std::uint8_t>(scope)) return name;
  }
  return "admin";
}

std::int64_t Micros(Duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

void PutBack(const std::vector<meta::UsedLimit>& used, TimeMicros wall, Duration now,
             meta::KeyLimits* limits) {
  for (const meta::UsedLimit& one : used) {
    const Duration left = std::chrono::microseconds(one.full_at.value - wall.value);
    limits->PutBack(one.bucket, left, now);
  }
}

net::Response OfAnotherProject() {
  return net::ErrorResponse(403, "the API key belongs to another project",
                            "use a key of that project, or name the key's own project or none");
}

// The project that the request names: the key's own or, if it may, any; if it names none,
// `unnamed`.
tl::expected<std::string, net::Response> NamedProject(const net::Request& request,
                                                      const std::string& own, bool any,
                                                      const std::string& unnamed) {
  auto given = collect::ProjectNamedBy(request);
  if (!given) return tl::unexpected(net::ErrorResponse(given.error()));
  std::string named = *std::move(given);
  if (named.empty()) return unnamed;
  if (named == own) return named;
  if (!any) {
    return tl::unexpected(OfAnotherProject());
  }
  if (!meta::IsProjectName(named)) {
    return tl::unexpected(net::ErrorResponse(400, "a project is named by a-z, 0-9, - and _ only",
                                             "choose another name"));
  }
  return named;
}

tl::unexpected<collect::Refusal> Refuse(int status, std::string message, std::string hint,
                                        bool foreign_origin = false) {
  return tl::unexpected(
      collect::Refusal{status, std::move(message), std::move(hint), foreign_origin});
}

}  // namespace

Keyring::Known Keyring::Identify(const collect::Caller& caller) {
  if (caller.several_keys) {
    return Refuse(400, "the request has several API keys that differ",
                  "send one key, in X-API-Key or in Authorization");
  }
  if (caller.key.empty()) {
    if (options_.dev && caller.trusted) {
      return collect::Identity{.project = "default", .scopes = kAllScopes, .any_project = true};
    }
    return Refuse(401, "an API key is needed", kKeyHint);
  }
  if (!net::LooksLikeJwt(caller.key)) return IdentifyKey(caller);
  return IdentifyToken(caller.key, clock_->WallNow());
}

Keyring::Known Keyring::IdentifyKey(const collect::Caller& caller) {
  const auto found = keys_->Find(caller.key);
  if (!found) return Refuse(401, "the API key is not known", kKeyHint);
  const meta::ApiKey& key = *found->key;
  if (key.revoked) return Refuse(401, "the API key is revoked", kNewKeyHint);
  if (key.expires || found->secret_expires) {
    const TimeMicros now = clock_->WallNow();
    if (key.expires && *key.expires <= now) {
      return Refuse(401, "the API key has expired", kNewKeyHint);
    }
    if (found->secret_expires && *found->secret_expires <= now) {
      return Refuse(401, "the API key was replaced by a new one", kNewKeyHint);
    }
  }
  if (!key.addresses.empty() &&
      std::none_of(key.addresses.begin(), key.addresses.end(),
                   [&caller](const IpRange& range) { return range.Contains(caller.address); })) {
    return Refuse(403, "the API key may not be used from " + caller.address.ToString(),
                  "send it from an address that the key allows; `tidemark key show` lists them");
  }
  if (!key.origins.empty() &&
      std::none_of(key.origins.begin(), key.origins.end(), [&caller](const std::string& pattern) {
        return meta::MatchesOrigin(pattern, caller.origin);
      })) {
    return Refuse(403,
                  caller.origin.empty() ? "the API key is for web pages; this request names none"
                                        : "the API key may not be used by this web page",
                  "use a page of an origin that the key allows, or a key without origins", true);
  }
  return collect::Identity{.project = key.project,
                           .scopes = ScopesOf(key.scopes),
                           .any_project = false,
                           .key_id = key.id,
                           .dialect = key.dialect,
                           .limits = key.limits ? key.limits : DefaultLimits(key.id)};
}

Keyring::Known Keyring::IdentifyToken(std::string_view token, TimeMicros now) {
  if (tokens_ == nullptr) {
    return Refuse(401, "tokens are not accepted here",
                  "use an API key, or configure auth.jwks_file or auth.secret_file");
  }
  const std::string hash = Sha256Hex(token);
  const auto verifier = tokens_->Load();
  {
    const std::lock_guard lock(mutex_);
    // Other keys than before: whether they have signed it is to be seen.
    if (remembered_by_ != verifier) remembered_.clear();
    remembered_by_ = verifier;
    const auto found = remembered_.find(hash);
    if (found != remembered_.end() && now < found->second.expires) return found->second.identity;
  }
  const auto claims = verifier->Verify(token, now);
  if (!claims) {
    if (!verifier->HasKeyFor(token) && tokens_->AskAgain()) wake_();
    return Refuse(401, claims.error().message(),
                  "get a new token; docs/reference/keys.md says what it must hold");
  }
  collect::Identity identity;
  for (const std::string& scope : claims->scopes) identity.scopes |= ScopeBit(scope);
  if (!meta::IsProjectName(claims->project) || identity.scopes == 0) {
    return Refuse(403, "the token names no project or no scope of this server",
                  "its claims must name a project and some of ingest, query, live, catalog, "
                  "privacy, admin");
  }
  identity.project = claims->project;
  identity.key_id = "user:" + claims->subject;
  identity.limits = DefaultLimits(identity.key_id);
  const std::lock_guard lock(mutex_);
  // Full of tokens that are still good: all are checked once more, which is slow and right.
  if (remembered_.size() >= kTokensRememberedMax) remembered_.clear();
  if (remembered_by_ == verifier) {
    remembered_.insert_or_assign(hash, Remembered{identity, claims->expires});
  }
  return identity;
}

std::shared_ptr<meta::KeyLimits> Keyring::DefaultLimits(const std::string& id) {
  if (!options_.rates.any()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (default_limits_.size() >= kDefaultLimitsMax) default_limits_.clear();
  auto& limits = default_limits_[id];
  if (limits) return limits;
  limits = std::make_shared<meta::KeyLimits>(options_.rates);
  if (const auto used = restored_.find(id); used != restored_.end()) {
    PutBack(used->second, clock_->WallNow(), clock_->Now(), limits.get());
    restored_.erase(used);
  }
  return limits;
}

void Keyring::RestoreLimits(const std::vector<meta::UsedLimit>& used) {
  const TimeMicros wall = clock_->WallNow();
  const std::lock_guard lock(mutex_);
  for (const meta::UsedLimit& one : used) {
    const auto key = keys_->FindById(one.key);
    if (key && key->limits) {
      PutBack({one}, wall, clock_->Now(), key->limits.get());
    } else {
      restored_[one.key].push_back(one);
    }
  }
}

std::vector<meta::UsedLimit> Keyring::UsedLimits() {
  const Duration now = clock_->Now();
  const TimeMicros wall = clock_->WallNow();
  std::vector<meta::UsedLimit> used;
  const auto add = [&](const std::string& id, const meta::KeyLimits& limits) {
    for (const auto bucket : meta::KeyLimits::kAll) {
      const Duration until = limits.UntilFull(bucket, now);
      if (!limits.Lasts(bucket) || until <= Duration::zero()) continue;
      used.push_back({id, bucket, TimeMicros(wall.value + Micros(until))});
    }
  };
  for (const auto& key : keys_->List()) {
    if (key->limits && !key->revoked) add(key->id, *key->limits);
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [id, limits] : default_limits_) add(id, *limits);
  return used;
}

tl::expected<collect::Identity, net::Response> Keyring::IdentityOf(const net::Request& request) {
  const std::string key = collect::KeyOf(request);
  auto known = Identify(collect::CallerOf(request, key, options_.trusted_proxies));
  if (!known) return tl::unexpected(collect::RefusalResponse(known.error()));
  if (!known->limits) return *std::move(known);
  const meta::LimitState state = known->limits->Admit(clock_->Now());
  if (state.retry_after == Duration::zero()) return *std::move(known);
  return tl::unexpected(collect::LimitedResponse(state));
}

tl::expected<collect::Identity, collect::Refusal> Keyring::IdentifyRequest(
    const net::Request& request, const std::string& key) {
  auto known = Identify(collect::CallerOf(request, key, options_.trusted_proxies));
  if (!known || !known->limits) return known;
  const meta::LimitState state = known->limits->Admit(clock_->Now());
  if (state.retry_after == Duration::zero()) return known;
  return tl::unexpected(collect::Refusal{.status = 429,
                                         .message = "the API key has used up its rate",
                                         .hint = "send it again after the seconds of Retry-After",
                                         .limits = state});
}

std::shared_ptr<const std::vector<meta::KeyGrant>> Keyring::GrantsOf(
    const collect::Identity& identity) const {
  const auto key = keys_->FindById(identity.key_id);
  if (key == nullptr || key->grants.empty()) return nullptr;
  return {key, &key->grants};
}

tl::expected<collect::Identity, net::Response> Keyring::WithScope(const net::Request& request,
                                                                  collect::Scope scope) {
  auto known = IdentityOf(request);
  if (!known || known->May(scope)) return known;
  const std::string name(ScopeName(scope));
  return tl::unexpected(
      net::ErrorResponse(403, "the API key may not do this: it has no scope `" + name + "`",
                         "use a key with the scope `" + name + "`"));
}

tl::expected<std::string, net::Response> Keyring::ProjectOf(const net::Request& request,
                                                            collect::Scope scope) {
  const auto identity = WithScope(request, scope);
  if (!identity) return tl::unexpected(identity.error());
  return NamedProject(request, identity->project, identity->any_project, identity->project);
}

std::optional<net::Response> Keyring::RefuseReader(const net::Request& request,
                                                   std::string_view project) {
  const auto identity = WithScope(request, Scope::kRead);
  if (!identity) return identity.error();
  if (project == identity->project || identity->any_project || IsOperator(*identity)) return {};
  return OfAnotherProject();
}

tl::expected<std::string, net::Response> Keyring::OperatedProject(const net::Request& request) {
  const auto identity = WithScope(request, Scope::kAdmin);
  if (!identity) return tl::unexpected(identity.error());
  const bool any = IsOperator(*identity);
  return NamedProject(request, identity->project, any, any ? "" : identity->project);
}

}  // namespace tidemark::app
