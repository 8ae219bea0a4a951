// Errors as the Iceberg REST specification models them: an HTTP status, the name of an exception
// that clients act on, and a message. Value types; any thread.
//
// The texts of some messages are part of the contract: the compatibility kit and clients look for
// them ("Namespace does not exist: a.b").
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark::iceberg {

struct Problem {
  int status = 500;
  std::string_view type;  // Static storage.
  std::string message;
  std::vector<std::pair<std::string, std::string>> headers =
      {};  // Of the answer, besides the usual.

  Problem(int code, std::string_view name, std::string text)
      : status(code), type(name), message(std::move(text)) {}
  // What another folder says, by its code.
  Problem(const Error& error);  // NOLINT(google-explicit-constructor): errors turn into problems
};

// `{"error":{"message":..,"type":..,"code":..}}`
std::string ProblemJson(const Problem& problem);

template <class T>
class [[nodiscard]] Outcome : public tl::expected<T, Problem> {
 public:
  using tl::expected<T, Problem>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): so that `return NotValid(...)` reads plainly
  Outcome(tl::unexpected<Problem> problem) : tl::expected<T, Problem>(std::move(problem)) {}
};
using Done = Outcome<void>;

// `name`: the exception.
tl::unexpected<Problem> Refuse(int status, std::string_view name, std::string message);
// 400: the request is malformed, or against the table format's rules.
tl::unexpected<Problem> BadRequest(std::string message);
tl::unexpected<Problem> NotValid(std::string message);
// 409: a requirement does not hold any more; the client loads again and retries.
tl::unexpected<Problem> CommitFailed(std::string message);
tl::unexpected<Problem> Forbidden(std::string message);

// As TM_TRY and TM_ASSIGN, in functions that return an Outcome; of Results and Outcomes.
#define ICE_TRY(...) ICE_TRY_INNER(TM_CONCAT(ice_try_, __COUNTER__), __VA_ARGS__)
#define ICE_TRY_INNER(name, ...)                                  \
  do {                                                            \
    auto name = (__VA_ARGS__);                                    \
    if (!name.has_value()) [[unlikely]] {                         \
      return tl::unexpected<::tidemark::iceberg::Problem>(        \
          ::tidemark::iceberg::Problem(std::move(name).error())); \
    }                                                             \
  } while (false)

#define ICE_ASSIGN(declaration, ...) \
  ICE_ASSIGN_INNER(TM_CONCAT(ice_assign_, __COUNTER__), declaration, __VA_ARGS__)
#define ICE_ASSIGN_INNER(name, declaration, ...)                \
  auto name = (__VA_ARGS__);                                    \
  if (!name.has_value()) [[unlikely]] {                         \
    return tl::unexpected<::tidemark::iceberg::Problem>(        \
        ::tidemark::iceberg::Problem(std::move(name).error())); \
  }                                                             \
  declaration = std::move(*name)

}  // namespace tidemark::iceberg
