// TM_CHECK: what must hold, always on, in production too. A failed check is a bug or memory that
// cannot be trusted: it prints the expression with its operands and aborts (restart is fast and
// tested). TM_DCHECK is for checks too dear for a hot loop; it is on in dev builds only.
#pragma once

#include <source_location>
#include <string>
#include <string_view>

namespace tidemark::detail {

[[noreturn]] void CheckFailed(std::string_view expression, std::string_view detail,
                              std::source_location where);

template <class A, class B>
[[noreturn]] void CheckOpFailed(std::string_view expression, const A& a, const B& b,
                                std::source_location where) {
  if constexpr (requires {
                  std::to_string(a);
                  std::to_string(b);
                }) {
    CheckFailed(expression, std::to_string(a) + " v. " + std::to_string(b), where);
  } else {
    CheckFailed(expression, "", where);
  }
}

}  // namespace tidemark::detail

#define TM_CHECK(condition)                                                             \
  do {                                                                                  \
    if (!(condition)) [[unlikely]]                                                      \
      ::tidemark::detail::CheckFailed(#condition, "", std::source_location::current()); \
  } while (false)

#define TM_CHECK_OP_(a, op, b)                                            \
  do {                                                                    \
    const auto& tm_a = (a);                                               \
    const auto& tm_b = (b);                                               \
    if (!(tm_a op tm_b)) [[unlikely]]                                     \
      ::tidemark::detail::CheckOpFailed(#a " " #op " " #b, tm_a, tm_b,    \
                                        std::source_location::current()); \
  } while (false)

#define TM_CHECK_EQ(a, b) TM_CHECK_OP_(a, ==, b)
#define TM_CHECK_LE(a, b) TM_CHECK_OP_(a, <=, b)
#define TM_CHECK_LT(a, b) TM_CHECK_OP_(a, <, b)
#define TM_CHECK_GE(a, b) TM_CHECK_OP_(a, >=, b)
#define TM_CHECK_GT(a, b) TM_CHECK_OP_(a, >, b)

#ifdef TM_DEBUG_CHECKS
#define TM_DCHECK(condition) TM_CHECK(condition)
#else
#define TM_DCHECK(condition) \
  do {                       \
  } while (false && (condition))
#endif
