#include "meta/keys.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "meta/key_text.h"
#include "meta/projects.h"
#include "meta/tables.h"

namespace tidemark::meta {
namespace {

constexpr std::size_t kIdDigits = 12;

std::string MakeClearKey(const Entropy& entropy) {
  std::string secret;
  for (int i = 0; i < 4; ++i) PutU64(&secret, entropy());
  std::string key(kKeyPrefix);
  key += ToBase64(AsBytes(secret), /*url_safe=*/true);
  while (key.back() == '=') key.pop_back();
  return key;
}

Statement& BindTime(Statement& statement, int parameter, const std::optional<TimeMicros>& time) {
  return time ? statement.Bind(parameter, time->value) : statement.BindNull(parameter);
}

Statement& BindRate(Statement& statement, int parameter, const std::optional<Rate>& rate) {
  return statement.Bind(parameter, std::string_view(rate ? FormatRate(*rate) : ""));
}

std::optional<TimeMicros> TimeAt(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return TimeMicros(row.Int(column));
}

Status AddSecret(Transaction* transaction, std::string_view clear, std::string_view id,
                 TimeMicros now) {
  TM_ASSIGN(Statement insert,
            transaction->Prepare("INSERT INTO key_secret(hash,key,created) VALUES(?1,?2,?3)"));
  return insert.Bind(1, std::string_view(Sha256Hex(clear))).Bind(2, id).Bind(3, now.value).Run();
}

Status InsertKey(Transaction* transaction, const KeySpec& spec, std::string_view id,
                 TimeMicros now) {
  TM_ASSIGN(Statement insert,
            transaction->Prepare(
                "INSERT INTO key(id,name,project,scopes,dialect,origins,addresses,requests,events,"
                "bytes,created,expires,grants) "
                "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"));
  const std::string origins = JoinWords(spec.origins);
  const std::string addresses = AddressesText(spec.addresses);
  insert.Bind(1, id).Bind(2, spec.name).Bind(3, spec.project).Bind(4, spec.scopes);
  insert.Bind(5, spec.dialect).Bind(6, origins).Bind(7, addresses);
  BindRate(insert, 8, spec.rates.requests);
  BindRate(insert, 9, spec.rates.events);
  BindRate(insert, 10, spec.rates.bytes);
  BindTime(insert.Bind(11, now.value), 12, spec.expires);
  const std::string grants = GrantsText(spec.grants);
  insert.Bind(13, grants);
  const Status status = insert.Run();
  if (status.has_value() || status.error().code() != Code::kNotFound) return status;
  return Fail(Code::kNotFound, "no project " + spec.project);
}

}  // namespace

bool ApiKey::Allows(std::string_view scope) const {
  for (const std::string& one : SplitWords(scopes)) {
    if (one == scope || one == "admin") return true;
  }
  return false;
}

std::string_view ApiKey::StateAt(TimeMicros now) const {
  if (revoked) return "revoked";
  return expires && *expires <= now ? "expired" : "active";
}

std::size_t Keys::DigestHash::operator()(const Sha256Digest& digest) const {
  std::size_t head = 0;
  std::memcpy(&head, digest.data(), sizeof head);
  return head;
}

Result<std::unique_ptr<Keys>> Keys::Open(Database* database) {
  TM_TRY(MigrateTables(database));
  std::unique_ptr<Keys> keys(new Keys(database));
  TM_TRY(keys->Reload());
  return keys;
}

Status Keys::ReadKeys(Transaction* transaction, const Cache& before,
                      std::unordered_map<std::string, std::shared_ptr<ApiKey>>* keys) {
  TM_ASSIGN(Statement list,
            transaction->Prepare("SELECT id,name,project,scopes,dialect,origins,addresses,requests,"
                                 "events,bytes,created,expires,revoked,rotated,grants FROM key"));
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) return {};
    auto key = std::make_shared<ApiKey>();
    key->id = list.Text(0);
    key->name = list.Text(1);
    key->project = list.Text(2);
    key->scopes = list.Text(3);
    key->dialect = list.Text(4);
    key->origins = SplitWords(list.Text(5));
    TM_ASSIGN(key->addresses, ReadAddresses(list.Text(6)));
    key->rates = {ParseRate(list.Text(7)), ParseRate(list.Text(8)), ParseRate(list.Text(9))};
    key->created = TimeMicros(list.Int(10));
    key->expires = TimeAt(list, 11);
    key->revoked = TimeAt(list, 12);
    key->rotated = TimeAt(list, 13);
    TM_ASSIGN(key->grants, ParseGrants(list.Text(14)));
    // What a client has used up is not forgotten because some other key was made.
    const auto old = before.by_id.find(key->id);
    if (old != before.by_id.end() && old->second->rates == key->rates) {
      key->limits = old->second->limits;
    } else if (key->rates.any()) {
      key->limits = std::make_shared<KeyLimits>(key->rates);
    }
    keys->emplace(key->id, std::move(key));
  }
}

Status Keys::Reload() {
  TM_ASSIGN(Transaction transaction, database_->Begin());
  std::unordered_map<std::string, std::shared_ptr<ApiKey>> keys;
  TM_TRY(ReadKeys(&transaction, *cache_.Load(), &keys));
  auto cache = std::make_shared<Cache>();
  TM_ASSIGN(Statement list, transaction.Prepare("SELECT hash,key,expires FROM key_secret"));
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) break;
    const auto bytes = FromHex(list.Text(0));
    const auto key = keys.find(std::string(list.Text(1)));
    Sha256Digest digest;
    if (!bytes || bytes->size() != digest.size() || key == keys.end()) {
      return Fail(Code::kCorruption, "a stored key cannot be read");
    }
    std::memcpy(digest.data(), bytes->data(), digest.size());
    const auto expires = TimeAt(list, 2);
    if (expires) key->second->old_until = expires;
    cache->by_secret[digest] = Found{key->second, expires};
  }
  for (auto& [id, key] : keys) cache->by_id.emplace(id, key);
  // Under the database's lock: snapshots are published in the order of their transactions.
  cache_.Store(std::move(cache));
  return {};
}

Result<Keys::Made> Keys::Create(const KeySpec& spec, TimeMicros now, const Entropy& entropy) {
  TM_TRY(spec.Check(now));
  if (cache_.Load()->by_id.size() >= kKeysMax) {
    return Fail(Code::kOverloaded, "there are " + std::to_string(kKeysMax) + " keys already");
  }
  Made made{MakeClearKey(entropy), nullptr};
  const std::string id = Sha256Hex(made.clear).substr(0, kIdDigits);
  {
    TM_ASSIGN(Transaction transaction, database_->Begin());
    TM_TRY(InsertKey(&transaction, spec, id, now));
    TM_TRY(AddSecret(&transaction, made.clear, id, now));
    TM_TRY(transaction.Commit());
  }
  TM_TRY(Reload());
  made.key = FindById(id);
  return made;
}

Result<Keys::Made> Keys::Rotate(std::string_view id, Duration overlap, TimeMicros now,
                                const Entropy& entropy) {
  const auto key = FindById(id);
  if (!key) return Fail(Code::kNotFound, "no key " + std::string(id));
  if (const std::string_view state = key->StateAt(now); state != "active") {
    return Fail(Code::kConflict,
                "the key " + std::string(id) + " is " + std::string(state) + "; make a new one");
  }
  Made made{MakeClearKey(entropy), nullptr};
  const std::int64_t until =
      now.value + std::chrono::duration_cast<std::chrono::microseconds>(overlap).count();
  {
    TM_ASSIGN(Transaction transaction, database_->Begin());
    {
      // Two secrets at most: the one before the last ends now.
      TM_ASSIGN(Statement drop,
                transaction.Prepare("DELETE FROM key_secret WHERE key=?1 AND expires IS NOT NULL"));
      TM_TRY(drop.Bind(1, id).Run());
      TM_ASSIGN(Statement end,
                transaction.Prepare("UPDATE key_secret SET expires=?2 WHERE key=?1"));
      TM_TRY(end.Bind(1, id).Bind(2, until).Run());
      TM_ASSIGN(Statement note, transaction.Prepare("UPDATE key SET rotated=?2 WHERE id=?1"));
      TM_TRY(note.Bind(1, id).Bind(2, now.value).Run());
    }
    TM_TRY(AddSecret(&transaction, made.clear, id, now));
    TM_TRY(transaction.Commit());
  }
  TM_TRY(Reload());
  made.key = FindById(id);
  return made;
}

Status Keys::Revoke(std::string_view id, TimeMicros now) {
  if (!FindById(id)) return Fail(Code::kNotFound, "no key " + std::string(id));
  {
    TM_ASSIGN(Transaction transaction, database_->Begin());
    {
      TM_ASSIGN(Statement revoke,
                transaction.Prepare("UPDATE key SET revoked=?2 WHERE id=?1 AND revoked IS NULL"));
      TM_TRY(revoke.Bind(1, id).Bind(2, now.value).Run());
    }
    TM_TRY(transaction.Commit());
  }
  return Reload();
}

std::optional<Keys::Found> Keys::Find(std::string_view clear_key) const {
  const auto cache = cache_.Load();
  const auto found = cache->by_secret.find(Sha256(clear_key));
  if (found == cache->by_secret.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<const ApiKey> Keys::FindById(std::string_view id) const {
  const auto cache = cache_.Load();
  const auto found = cache->by_id.find(std::string(id));
  return found == cache->by_id.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const ApiKey>> Keys::List() const {
  std::vector<std::shared_ptr<const ApiKey>> keys;
  const auto cache = cache_.Load();
  keys.reserve(cache->by_id.size());
  for (const auto& [id, key] : cache->by_id) keys.push_back(key);
  std::ranges::sort(keys, [](const auto& a, const auto& b) {
    return std::tie(a->project, a->created, a->id) < std::tie(b->project, b->created, b->id);
  });
  return keys;
}

}  // namespace tidemark::meta
