#include "env/object_store.h"

namespace tidemark::env {

Result<std::vector<std::string>> ObjectStore::Names(std::string_view prefix) const {
  TM_ASSIGN(const auto keys, List(prefix));
  std::vector<std::string> names;
  for (const std::string& key : keys) {
    const std::string_view rest = std::string_view(key).substr(prefix.size());
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (names.empty() || names.back() != name) names.emplace_back(name);
  }
  return names;
}

}  // namespace tidemark::env
