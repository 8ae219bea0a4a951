#include "serve/dialect_hints.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "base/text.h"

namespace tidemark::serve {
namespace {

// A function that is not here, in lower case.
struct FunctionHint {
  std::string_view name;
  std::string_view hint;
};
constexpr std::string_view kCase = "write case when a then x when b then y else z end";
constexpr std::string_view kTruncate = "write date_trunc('hour', timestamp)";
constexpr std::string_view kFormatTime = "write strftime(timestamp, '%Y-%m-%d')";
constexpr std::string_view kField = "write properties->>'$.name'";
constexpr std::string_view kLater = "write timestamp + interval 1 day";
constexpr std::array kFunctions = std::to_array<FunctionHint>({
    {"approx_distinct", "write approx_count_distinct(x)"},
    {"approx_percentile", "write approx_quantile(x, 0.9)"},
    {"approx_quantiles", "write approx_quantile(x, [0.5, 0.9])"},
    {"arrayjoin", "write unnest(list)"},
    {"countdistinct", "write count(distinct x)"},
    {"date_bin", "write time_bucket(interval 1 hour, timestamp)"},
    {"date_format", kFormatTime},
    {"dateadd", kLater},
    {"datetime_trunc", kTruncate},
    {"explode", "write unnest(list)"},
    {"formatdatetime", kFormatTime},
    {"from_unixtime", "write to_timestamp(seconds)"},
    {"get_json_object", kField},
    {"grouparray", "write list(x)"},
    {"groupuniqarray", "write list(distinct x)"},
    {"has", "write list_contains(list, x)"},
    {"iff", kCase},
    {"json_extract_scalar", kField},
    {"multiif", kCase},
    {"now64", "write now()"},
    {"nvl", "write coalesce(x, y)"},
    {"parse_json", kField},
    {"parsedatetimebesteffort", "write x::timestamptz"},
    {"time_bucket_gapfill",
     "write from generate_series(timestamptz '2026-01-01', now(), interval 1 hour) g(t) left join "
     "events on time_bucket(interval 1 hour, timestamp) = g.t"},
    {"timestamp_add", kLater},
    {"timestamp_trunc", kTruncate},
    {"to_char", kFormatTime},
    {"topk", "write approx_top_k(x, 3)"},
    {"tounixtimestamp", "write epoch(timestamp)"},
    {"unix_timestamp", "write epoch(timestamp)"},
    {"`__postfix", "names are quoted with \"double quotes\""},
});

// A syntax error at `near` in a line that has `word`; an empty one: any. A word that ends with a
// blank stands before what is near.
struct SyntaxHint {
  std::string_view near;
  std::string_view word;
  std::string_view hint;
};
constexpr std::string_view kParameters =
    "an aggregate's parameters come behind its column: quantile_cont(value, 0.9), "
    "approx_top_k(event_type, 3)";
constexpr std::string_view kFormat =
    "the answer's format is asked for by ?format=json, ndjson, csv "
    "or arrow, or by Accept";
constexpr std::string_view kMacro =
    "a macro of Grafana is for its data source to expand: write timestamp between $from and $to "
    "with `params`, and time_bucket(interval 1 hour, timestamp)";
constexpr std::array kSyntaxes = std::to_array<SyntaxHint>({
    {"(", "quantile", kParameters},
    {"(", "quantiles", kParameters},
    {"(", "quantileexact", kParameters},
    {"(", "topk", kParameters},
    {"(", "$__timefilter", kMacro},
    {"(", "$__timegroup", kMacro},
    {"(", "$__timefrom", kMacro},
    {"(", "$__timeto", kMacro},
    {"any", "", "write any_value(x)"},
    {"as", "safe_cast", "write try_cast(x as type)"},
    {"by", "limit",
     "write qualify row_number() over (partition by user_id order by timestamp) <= 1"},
    {"default", "", "the project's table is events, or \"default\".events with quotes"},
    {"", "prewhere ", "write where: what can be skipped is found by itself"},
    {"", "settings ", "a statement is bounded by ?timeout_ms= and ?limit=, and has no settings"},
    {"", "format ", kFormat},
    {"", "top ", "write limit 3 at the end"},
    {"second", "", "write interval 1 second"},
    {"minute", "", "write interval 1 minute"},
    {"hour", "", "write interval 1 hour"},
    {"day", "", "write interval 1 day"},
    {"week", "", "write interval 1 week"},
    {"month", "", "write interval 1 month"},
    {"year", "", "write interval 1 year"},
});

bool IsOfWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool HasWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !IsOfWord(text[at - 1])) && (end == text.size() || !IsOfWord(text[end]))) {
      return true;
    }
  }
  return false;
}

// What stands between `before` and the next quote.
std::string_view QuotedBehind(std::string_view text, std::string_view before) {
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + before.size());
  return text.substr(0, text.find('"'));
}

}  // namespace

std::string_view DialectHint(std::string_view message) {
  const std::string text = LowerCase(message);
  const std::string_view function = QuotedBehind(text, "function \"");
  if (!function.empty() && text.find("does not exist") != std::string::npos) {
    const auto* const known = std::ranges::find(kFunctions, function, &FunctionHint::name);
    return known == kFunctions.end() ? std::string_view() : known->hint;
  }
  const std::string_view near = QuotedBehind(text, "syntax error at or near \"");
  const std::size_t line = text.find("\nline ");
  if (near.empty() || line == std::string::npos) return {};
  const std::string_view shown = std::string_view(text).substr(line);
  const auto* const known = std::ranges::find_if(kSyntaxes, [&](const SyntaxHint& one) {
    if (!one.near.empty() && one.near != near) return false;
    if (one.word.ends_with(' ')) return HasWord(shown, std::string(one.word).append(near));
    return one.word.empty() || HasWord(shown, one.word);
  });
  return known == kSyntaxes.end() ? std::string_view() : known->hint;
}

}  // namespace tidemark::serve
