// Result<T> and Status: how a function says that it failed.
//
// A Result is never dropped: the class is [[nodiscard]]. An error has a code that some caller acts
// on, a message for people (never a path or a secret in one that a user sees), and the place it was
// made at. Context is prepended while unwinding with With(). Value types; any thread.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace tidemark {

enum class Code : std::uint8_t {
#define TM_ERROR_CODE(name, text, http, sqlstate, sentence) name,
#include "base/error_codes.def"
#undef TM_ERROR_CODE
};

// "invalid_argument" and so on.
std::string_view CodeName(Code code);
// The HTTP status that a code answers with.
int HttpStatus(Code code);

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message,
        std::source_location where = std::source_location::current())
      : code_(code), message_(std::move(message)), where_(where) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::source_location& where() const { return where_; }

  // The same error with `context: ` before its message.
  Error With(std::string_view context) &&;
  Error With(std::string_view context) const&;

  // "corruption: wal segment 3: bad checksum (segment_reader.cc:41)"; for log lines, not for users.
  std::string ToString() const;

 private:
  Code code_;
  std::string message_;
  std::source_location where_;
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): so that `return Fail(...)` reads plainly
  Result(tl::unexpected<Error> error) : tl::expected<T, Error>(std::move(error)) {}
};

using Status = Result<void>;

// `return Fail(Code::kCorruption, "bad checksum");`
inline tl::unexpected<Error> Fail(Code code, std::string message,
                                  std::source_location where = std::source_location::current()) {
  return tl::unexpected<Error>(Error(code, std::move(message), where));
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

#define TM_CONCAT_INNER(a, b) a##b
#define TM_CONCAT(a, b) TM_CONCAT_INNER(a, b)

// Returns the error of `expr` from the enclosing function, if it has one.
#define TM_TRY(...) TM_TRY_INNER(TM_CONCAT(tm_try_, __COUNTER__), __VA_ARGS__)
#define TM_TRY_INNER(name, ...)                                          \
  do {                                                                   \
    auto name = (__VA_ARGS__);                                           \
    if (!name.has_value()) [[unlikely]] {                                \
      return tl::unexpected<::tidemark::Error>(std::move(name).error()); \
    }                                                                    \
  } while (false)

// TM_ASSIGN(auto x, Compute()): x is the value, or the enclosing function returns the error.
#define TM_ASSIGN(declaration, ...) \
  TM_ASSIGN_INNER(TM_CONCAT(tm_assign_, __COUNTER__), declaration, __VA_ARGS__)
#define TM_ASSIGN_INNER(name, declaration, ...)                        \
  auto name = (__VA_ARGS__);                                           \
  if (!name.has_value()) [[unlikely]] {                                \
    return tl::unexpected<::tidemark::Error>(std::move(name).error()); \
  }                                                                    \
  declaration = std::move(*name)

}  // namespace tidemark
