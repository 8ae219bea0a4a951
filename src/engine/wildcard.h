// LIKE and GLOB in time that is at most the product of the two lengths, whatever the pattern. The
// engine's own tries every place for every wildcard: `repeat('a', 300) like '%a_%a_%a_%a_%a_%b'`
// does not end. What matches is what the engine says, but that a wildcard never begins inside of a
// character (`Krauss, Matching Wildcards, Dr. Dobb's Journal 2008`, is the way it goes).
//
// Pure; any thread.
#pragma once

#include <string_view>

#include "base/result.h"

namespace tidemark::engine {

// `%` is any text, `_` one character of UTF-8, and what follows `escape` itself; '\0': no escape.
// kInvalidArgument: the pattern ends in `escape`.
Result<bool> MatchesLike(std::string_view text, std::string_view pattern, char escape);

// `*` is any text, `?` one byte, `[a-c]` and `[!a-c]` one byte of some, what follows a backslash
// itself.
bool MatchesGlob(std::string_view text, std::string_view pattern);

}  // namespace tidemark::engine
