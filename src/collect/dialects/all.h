// The dialects that there are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collect/dialect.h"

namespace tidemark::collect {

std::unique_ptr<Dialect> MakeNativeDialect();       // And CloudEvents, told by the event itself.
std::unique_ptr<Dialect> MakeCloudEventsDialect();  // At paths where nothing else is taken.
std::unique_ptr<Dialect> MakeSegmentDialect();      // And RudderStack, which speaks the same.
std::unique_ptr<Dialect> MakePostHogDialect();

// All of them. Where two claim a path, a key's pin decides.
std::vector<std::unique_ptr<Dialect>> MakeDialects();

// What a key may be pinned to.
std::vector<std::string> DialectNames();

}  // namespace tidemark::collect
