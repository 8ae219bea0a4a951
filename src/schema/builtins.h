// The schemas that every project has from the start, bound to their event types. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace tidemark::schema {

inline constexpr std::string_view kEveryType = "*";

struct Builtin {
  std::string_view subject;
  std::string_view event_types;  // Separated by blanks; kEveryType for all.
  std::string_view json;
};

// base, page_view, video_event, user_event, transaction.
std::span<const Builtin> Builtins();

}  // namespace tidemark::schema
