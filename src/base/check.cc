#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tidemark::detail {

void CheckFailed(std::string_view expression, std::string_view detail, std::source_location where) {
  std::fprintf(stderr, "%s:%u: check failed: %.*s%s%.*s\n", where.file_name(), where.line(),
               static_cast<int>(expression.size()), expression.data(), detail.empty() ? "" : ": ",
               static_cast<int>(detail.size()), detail.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace tidemark::detail
