#include "meta/keys.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/secret_hash.h"
#include "meta/tables.h"

namespace tidemark::meta {
namespace {

constexpr std::size_t kIdDigits = 12;

}  // namespace

bool ApiKey::Allows(std::string_view scope) const {
  for (std::size_t at = 0; at <= scopes.size();) {
    const std::size_t space = std::min(scopes.find(' ', at), scopes.size());
    const std::string_view one = std::string_view(scopes).substr(at, space - at);
    if (!one.empty() && (one == scope || one == "admin")) return true;
    at = space + 1;
  }
  return false;
}

Result<std::unique_ptr<Keys>> Keys::Open(Database* database) {
  TM_TRY(MigrateTables(database));
  std::unique_ptr<Keys> keys(new Keys(database));
  TM_TRY(keys->Reload());
  return keys;
}

Status Keys::Reload() {
  auto map = std::make_shared<Map>();
  TM_ASSIGN(Transaction transaction, database_->Begin());
  TM_ASSIGN(Statement list, transaction.Prepare("SELECT hash,project,scopes,created FROM api_key"));
  while (true) {
    TM_ASSIGN(const bool row, list.Step());
    if (!row) break;
    const std::string hash(list.Text(0));
    (*map)[hash] = ApiKey{hash.substr(0, kIdDigits), std::string(list.Text(1)),
                          std::string(list.Text(2)), TimeMicros(list.Int(3))};
  }
  // Under the database's lock: snapshots are published in the order of their transactions.
  cache_.Store(std::move(map));
  return {};
}

Result<std::string> Keys::Create(std::string_view project, std::string_view scopes, TimeMicros now,
                                 env::Random* random) {
  std::string secret;
  for (int i = 0; i < 4; ++i) PutU64(&secret, random->Next());
  std::string key = "tm_" + ToBase64(AsBytes(secret), /*url_safe=*/true);
  while (key.back() == '=') key.pop_back();
  {
    TM_ASSIGN(Transaction transaction, database_->Begin());
    {
      TM_ASSIGN(Statement insert, transaction.Prepare("INSERT INTO api_key VALUES(?1,?2,?3,?4)"));
      const Status status = insert.Bind(1, std::string_view(Sha256Hex(key)))
                                .Bind(2, project)
                                .Bind(3, scopes)
                                .Bind(4, now.value)
                                .Run();
      if (!status.has_value()) {
        if (status.error().code() != Code::kNotFound) return Fail(status.error());
        return Fail(Code::kNotFound, "no project " + std::string(project));
      }
    }
    TM_TRY(transaction.Commit());
  }
  TM_TRY(Reload());
  return key;
}

Status Keys::Revoke(std::string_view id) {
  {
    TM_ASSIGN(Transaction transaction, database_->Begin());
    {
      TM_ASSIGN(Statement remove,
                transaction.Prepare("DELETE FROM api_key WHERE substr(hash,1,12)=?1"));
      TM_TRY(remove.Bind(1, id).Run());
    }
    if (transaction.changes() == 0) return Fail(Code::kNotFound, "no key " + std::string(id));
    TM_TRY(transaction.Commit());
  }
  return Reload();
}

std::optional<ApiKey> Keys::Find(std::string_view clear_key) const {
  const auto map = cache_.Load();
  const auto found = map->find(Sha256Hex(clear_key));
  if (found == map->end()) return std::nullopt;
  return found->second;
}

std::vector<ApiKey> Keys::List() const {
  std::vector<ApiKey> keys;
  const auto cached = cache_.Load();
  for (const auto& [hash, key] : *cached) keys.push_back(key);
  std::ranges::sort(keys, {}, &ApiKey::id);
  return keys;
}

}  // namespace tidemark::meta
