// The dialects that there are.
#pragma once

#include <memory>
#include <vector>

#include "collect/dialect.h"

namespace tidemark::collect {

std::unique_ptr<Dialect> MakeNativeDialect();  // And CloudEvents, told by the event itself.

// All of them. Where two claim a path, a key's pin decides.
std::vector<std::unique_ptr<Dialect>> MakeDialects();

}  // namespace tidemark::collect
