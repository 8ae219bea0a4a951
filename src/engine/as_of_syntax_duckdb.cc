#include "engine/as_of_syntax_duckdb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "duckdb/parser/parser.hpp"
#include "duckdb/parser/simplified_token.hpp"

namespace tidemark::engine {
namespace {

using Type = duckdb::SimplifiedTokenType;

constexpr std::array<std::string_view, 3> kTimeNames = {"current_timestamp", "current_date",
                                                        "localtimestamp"};
constexpr std::array<std::string_view, 7> kUnits = {"year", "month",  "week",  "day",
                                                    "hour", "minute", "second"};

struct Token {
  Type type;
  std::size_t begin;
  std::size_t end;
  std::string word;  // In lower case.
};

struct Clause {
  std::string_view kind;  // As the engine has it.
  std::size_t value;      // From this token on,
  std::size_t value_end;  // up to the one before this.
  std::size_t end;        // Behind the clause.
};

class Reader {
 public:
  explicit Reader(const std::string& sql) : sql_(sql) {
    const auto found = duckdb::Parser::Tokenize(sql);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i].type == Type::SIMPLIFIED_TOKEN_COMMENT) continue;
      const std::size_t begin = found[i].start;
      std::size_t end = i + 1 < found.size() ? found[i + 1].start : sql.size();
      while (end > begin && IsBlank(sql[end - 1])) --end;
      tokens_.push_back({found[i].type, begin, end, LowerCase(sql.substr(begin, end - begin))});
    }
  }

  std::string Rewritten() const {
    std::string text;
    std::size_t copied = 0;
    for (std::size_t at = 1; at < tokens_.size(); ++at) {
      const auto clause = ClauseAt(at);
      if (!clause) continue;
      text.append(sql_, copied, tokens_[at].begin - copied);
      std::size_t end = clause->end;
      if (const auto alias = AliasAt(end)) {
        text += TextOf(*alias, *alias + 1) + ' ';
        end = *alias + 1;
      }
      text += "AT (" + std::string(clause->kind) + " => ";
      text += TextOf(clause->value, clause->value_end) + ')';
      copied = tokens_[end - 1].end;
      at = end - 1;
    }
    return text.append(sql_, copied);
  }

 private:
  static bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

  std::string_view Word(std::size_t at) const {
    return at < tokens_.size() ? std::string_view(tokens_[at].word) : std::string_view();
  }
  bool Is(std::size_t at, Type type) const {
    return at < tokens_.size() && tokens_[at].type == type;
  }
  std::string TextOf(std::size_t from, std::size_t to) const {
    return sql_.substr(tokens_[from].begin, tokens_[to - 1].end - tokens_[from].begin);
  }

  std::optional<Clause> ClauseAt(std::size_t at) const {
    if (Word(at) == "as") return ShortClauseAt(at);
    if (Word(at) == "at") return OwnClauseAt(at);
    if (Word(at) == "for") ++at;
    const bool version = Word(at) == "version" || Word(at) == "system_version";
    const bool time = Word(at) == "timestamp" || Word(at) == "system_time";
    if ((!version && !time) || Word(at + 1) != "as" || Word(at + 2) != "of") return std::nullopt;
    return ClauseOf(version ? "VERSION" : "TIMESTAMP", at + 3);
  }

  std::optional<Clause> ShortClauseAt(std::size_t at) const {
    constexpr std::array<std::string_view, 5> kNames = {"snapshot", "version", "tag", "branch",
                                                        "receipt"};
    if (Word(at + 1) != "of") return std::nullopt;
    const std::string_view what = Word(at + 2);
    if (std::ranges::find(kNames, what) != kNames.end()) return ClauseOf("VERSION", at + 3);
    if (what == "timestamp") return ClauseOf("TIMESTAMP", at + 3);
    if (what == "system" && Word(at + 3) == "time") return ClauseOf("TIMESTAMP", at + 4);
    return std::nullopt;
  }

  std::optional<Clause> ClauseOf(std::string_view kind, std::size_t value) const {
    auto end = PrimaryEnd(value);
    while (end && (Word(*end) == "+" || Word(*end) == "-") && Word(*end + 1) == "interval") {
      end = PrimaryEnd(*end + 2);
      if (end && IsUnit(Word(*end))) ++*end;
    }
    if (!end) return std::nullopt;
    return Clause{kind, value, *end, *end};
  }

  // The engine's own, where an alias is behind it.
  std::optional<Clause> OwnClauseAt(std::size_t at) const {
    const bool version = Word(at + 2) == "version";
    if (!Is(at - 1, Type::SIMPLIFIED_TOKEN_IDENTIFIER) || Word(at + 1) != "(" ||
        (!version && Word(at + 2) != "timestamp") || Word(at + 3) != "=>") {
      return std::nullopt;
    }
    const auto end = BracketEnd(at + 1);
    if (!end || *end < at + 6 || !AliasAt(*end)) return std::nullopt;
    return Clause{version ? "VERSION" : "TIMESTAMP", at + 4, *end - 1, *end};
  }

  static bool IsUnit(std::string_view word) {
    if (word.ends_with('s')) word.remove_suffix(1);
    return std::ranges::find(kUnits, word) != kUnits.end();
  }

  // Behind the value that begins at a token; nothing: none does.
  std::optional<std::size_t> PrimaryEnd(std::size_t at) const {
    if (at >= tokens_.size()) return std::nullopt;
    const Token& token = tokens_[at];
    if (token.word == "(") return BracketEnd(at);
    if (token.type == Type::SIMPLIFIED_TOKEN_NUMERIC_CONSTANT ||
        token.type == Type::SIMPLIFIED_TOKEN_STRING_CONSTANT) {
      return at + 1;
    }
    const bool is_name = token.type == Type::SIMPLIFIED_TOKEN_IDENTIFIER;
    if (!is_name && token.type != Type::SIMPLIFIED_TOKEN_KEYWORD) return std::nullopt;
    if (Is(at + 1, Type::SIMPLIFIED_TOKEN_STRING_CONSTANT)) return at + 2;
    if (is_name && Word(at + 1) == "(") return BracketEnd(at + 1);
    const bool is_time = std::ranges::find(kTimeNames, token.word) != kTimeNames.end();
    return is_name || is_time ? std::optional(at + 1) : std::nullopt;
  }

  std::optional<std::size_t> BracketEnd(std::size_t at) const {
    std::size_t depth = 0;
    for (; at < tokens_.size(); ++at) {
      if (Word(at) == "(") ++depth;
      if (Word(at) == ")" && --depth == 0) return at + 1;
    }
    return std::nullopt;
  }

  // The name of an alias, with or without AS before it.
  std::optional<std::size_t> AliasAt(std::size_t at) const {
    if (Word(at) == "as") ++at;
    return Is(at, Type::SIMPLIFIED_TOKEN_IDENTIFIER) ? std::optional(at) : std::nullopt;
  }

  const std::string& sql_;
  std::vector<Token> tokens_;
};

// Whether `of` follows `as` somewhere, or something has a name: nearly no statement need be read
// twice.
bool MayHaveClause(std::string_view sql) {
  if (sql.find("=>") != std::string_view::npos) return true;
  const auto is_letter = [&](std::size_t at, char lower) {
    return at < sql.size() && (sql[at] | 0x20) == lower;
  };
  for (std::size_t i = 0; i + 4 < sql.size(); ++i) {
    if (!is_letter(i, 'a') || !is_letter(i + 1, 's')) continue;
    const std::size_t next = sql.find_first_not_of(" \t\r\n", i + 2);
    if (next != std::string_view::npos && next > i + 2 && is_letter(next, 'o') &&
        is_letter(next + 1, 'f')) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string WithAtClauses(const std::string& sql) {
  return MayHaveClause(sql) ? Reader(sql).Rewritten() : sql;
}

}  // namespace tidemark::engine
