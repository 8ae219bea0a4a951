#include "net/query_names.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "config/options.h"

namespace tidemark::net {
namespace {

constexpr std::size_t kNameBytesCompared = 64;
constexpr std::size_t kBeginningMin = 3;    // Of letters that a name begins with.
constexpr std::size_t kPartMisspelled = 3;  // Up to a third of the letters.

// Both in lower case.
bool IsOneSlipFrom(std::string_view name, std::string_view other) {
  const auto [a, b] = std::ranges::mismatch(name, other);
  if (a == name.end() && b == other.end()) return true;
  const std::string_view left(a, name.end());
  const std::string_view right(b, other.end());
  const auto after = [](std::string_view text) { return text.substr(std::min(text.size(), 1UL)); };
  if (after(left) == right || left == after(right) || after(left) == after(right)) return true;
  return left.size() > 1 && right.size() > 1 && left[0] == right[1] && left[1] == right[0] &&
         left.substr(2) == right.substr(2);
}

// What the name may be meant as; empty if that cannot be told.
std::string_view MeantBy(std::string_view name, std::span<const std::string_view> known,
                         Strangers strangers) {
  const std::string lower = LowerCase(name.substr(0, kNameBytesCompared));
  for (const std::string_view one : known) {
    // `back` is a word of its own, and no `ack`.
    const bool may_be = strangers == Strangers::kRefused || LowerCase(one.front()) == lower.front();
    if (may_be && IsOneSlipFrom(lower, LowerCase(one))) return one;
  }
  if (strangers == Strangers::kPassed) return {};
  for (const std::string_view one : known) {
    if (lower.size() >= kBeginningMin && LowerCase(one).starts_with(lower)) return one;
  }
  const auto distance = [&lower](std::string_view one) {
    return config::EditDistance(lower, LowerCase(one));
  };
  const auto nearest = std::ranges::min_element(known, {}, distance);
  if (nearest == known.end() || distance(*nearest) * kPartMisspelled > lower.size()) return {};
  return *nearest;
}

std::string ValueOf(std::string_view pair) {
  const std::size_t equals = std::min(pair.find('='), pair.size() - 1);
  return DecodePercent(pair.substr(equals + 1), Plus::kBlank);
}

Response Refusal(std::string_view name, std::string_view meant,
                 std::span<const std::string_view> known) {
  std::string hint = "did you mean " + std::string(meant) + "?";
  if (meant.empty()) {
    hint = "known are";
    for (const std::string_view one : known) {
      hint.append(one == known.front() ? " " : ", ").append(one);
    }
  }
  return ErrorResponse(
      400, "unknown parameter " + std::string(name.substr(0, kNameBytesCompared)) + " of the query",
      hint);
}

}  // namespace

std::optional<Response> RefuseUnknownParameters(const Request& request,
                                                std::span<const std::string_view> known,
                                                Strangers strangers) {
  std::string_view rest = request.query();
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::string name = DecodePercent(pair.substr(0, pair.find('=')), Plus::kBlank);
    if (name.empty()) continue;
    if (std::ranges::find(known, name) != known.end()) {
      if (request.QueryParameter(name) == ValueOf(pair)) continue;
      return ErrorResponse(400, "the query says " + name + " twice, and not the same",
                           "say it once");
    }
    const std::string_view meant = MeantBy(name, known, strangers);
    if (strangers == Strangers::kPassed && meant.empty()) continue;
    return Refusal(name, meant, known);
  }
  return std::nullopt;
}

}  // namespace tidemark::net
