#include "collect/dialects/all.h"

namespace tidemark::collect {

std::vector<std::unique_ptr<Dialect>> MakeDialects() {
  std::vector<std::unique_ptr<Dialect>> dialects;
  dialects.push_back(MakeNativeDialect());
  dialects.push_back(MakeCloudEventsDialect());
  dialects.push_back(MakeSegmentDialect());
  dialects.push_back(MakePostHogDialect());
  return dialects;
}

std::vector<std::string> DialectNames() {
  std::vector<std::string> names;
  for (const auto& dialect : MakeDialects()) names.emplace_back(dialect->name());
  return names;
}

}  // namespace tidemark::collect
