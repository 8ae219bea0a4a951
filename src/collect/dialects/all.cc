#include "collect/dialects/all.h"

namespace tidemark::collect {

std::vector<std::unique_ptr<Dialect>> MakeDialects() {
  std::vector<std::unique_ptr<Dialect>> dialects;
  dialects.push_back(MakeNativeDialect());
  return dialects;
}

}  // namespace tidemark::collect
