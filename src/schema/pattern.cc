#include "schema/pattern.h"

#include <array>
#include <utility>

#include <re2/re2.h>

namespace tidemark::schema {
namespace {

// ECMA-262's white space, without and within a class.
constexpr std::string_view kSpaces = R"(\t\n\x0B\f\r \x{A0}\x{FEFF}\x{2028}\x{2029}\p{Zs})";

struct Named {
  std::string_view name;
  std::string_view brief;
};
// Names of general categories, as ECMA-262 knows them and RE2 does not.
constexpr std::array<Named, 19> kCategories = {{
    {"Letter", "L"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Control", "Cc"},
    {"Other", "C"},
}};

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

class Translator {
 public:
  explicit Translator(std::string_view ecma) : in_(ecma) {}

  Result<std::string> Run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        TM_TRY(Escape());
      } else if (in_class_) {
        InClass(c);
      } else if (c == '[') {
        TM_TRY(OpenClass());
      } else if (c == '(' && Rest().starts_with("(?")) {
        TM_TRY(Group());
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view Rest() const { return in_.substr(at_); }

  static tl::unexpected<Error> Refuse(const std::string& what) {
    return Fail(Code::kInvalidArgument, "the pattern uses " + what);
  }

  // A bracket inside a class is a character in ECMA-262 and might open a class of POSIX in RE2.
  void InClass(char c) {
    if (c == '[') out_ += '\\';
    if (c == ']') in_class_ = false;
    out_ += c;
    ++at_;
  }

  Status OpenClass() {
    if (Rest().starts_with("[^]")) {
      out_ += R"([\x00-\x{10FFFF}])";
      at_ += 3;
      return {};
    }
    if (Rest().starts_with("[]")) return Refuse("an empty class []");
    in_class_ = true;
    out_ += '[';
    ++at_;
    if (Rest().starts_with("^")) {
      out_ += '^';
      ++at_;
    }
    return {};
  }

  Status Group() {
    const std::string_view rest = Rest();
    if (rest.starts_with("(?=") || rest.starts_with("(?!") || rest.starts_with("(?<=") ||
        rest.starts_with("(?<!")) {
      return Refuse("lookaround, which cannot be matched in linear time");
    }
    if (rest.starts_with("(?<")) {
      out_ += "(?P<";
      at_ += 3;
      return {};
    }
    if (!rest.starts_with("(?:")) return Refuse("a group that ECMA-262 does not know");
    out_ += "(?:";
    at_ += 3;
    return {};
  }

  Status Escape() {
    if (at_ + 1 >= in_.size()) return Refuse("a backslash at its end");
    const char c = in_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 's':
        out_ += in_class_ ? std::string(kSpaces) : "[" + std::string(kSpaces) + "]";
        return {};
      case 'S':
        if (in_class_) return Refuse("\\S inside a class");
        out_ += "[^" + std::string(kSpaces) + "]";
        return {};
      case 'u':
        return Unicode();
      case 'x':
        return HexByte();
      case 'c':
        return Control();
      case 'p':
      case 'P':
        return Property(c);
      case 'k':
        return Refuse("a back reference, which cannot be matched in linear time");
      case '0':
        out_ += "\\x00";
        return {};
      case 'b':
        out_ += in_class_ ? "\\x08" : "\\b";
        return {};
      default:
        break;
    }
    if (c >= '1' && c <= '9') {
      return Refuse("a back reference, which cannot be matched in linear time");
    }
    constexpr std::string_view kLetters = "BdDwWtnrfv";
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter && kLetters.find(c) == std::string_view::npos) {
      return Refuse("\\" + std::string(1, c) + ", which ECMA-262 does not know");
    }
    out_ += '\\';
    out_ += c;
    return {};
  }

  static constexpr std::size_t kNotHex = std::string_view::npos;

  // `count` hexadecimal digits at the cursor; kNotHex if there are fewer.
  std::size_t Hex(std::size_t count) {
    if (Rest().size() < count) return kNotHex;
    std::size_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!IsHex(Rest()[i])) return kNotHex;
      const char c = Rest()[i];
      const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      value = value * 16 + static_cast<std::size_t>(digit);
    }
    at_ += count;
    return value;
  }

  void AppendCodePoint(std::size_t code) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string digits;
    do {
      digits.insert(digits.begin(), kDigits[code & 15U]);
    } while ((code >>= 4U) > 0);
    out_ += "\\x{" + digits + "}";
  }

  Status Unicode() {
    if (Rest().starts_with("{")) {
      const std::size_t end = Rest().find('}');
      if (end == std::string_view::npos || end < 2 || end > 7) return Refuse("a bad \\u{...}");
      ++at_;
      const std::size_t code = Hex(end - 1);
      if (code == kNotHex || code > 0x10FFFF) return Refuse("a bad \\u{...}");
      ++at_;
      AppendCodePoint(code);
      return {};
    }
    std::size_t code = Hex(4);
    if (code == kNotHex) return Refuse("a bad \\u escape");
    if (code >= 0xD800 && code < 0xDC00 && Rest().starts_with("\\u")) {
      at_ += 2;
      const std::size_t low = Hex(4);
      if (low == kNotHex || low < 0xDC00 || low > 0xDFFF) return Refuse("half a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code <= 0xDFFF) return Refuse("half a surrogate pair");
    AppendCodePoint(code);
    return {};
  }

  Status HexByte() {
    const std::size_t code = Hex(2);
    if (code == kNotHex) return Refuse("a bad \\x escape");
    AppendCodePoint(code);
    return {};
  }

  Status Control() {
    const char c = Rest().empty() ? '\0' : Rest().front();
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return Refuse("a bad \\c escape");
    ++at_;
    AppendCodePoint(static_cast<std::size_t>(c) & 31U);
    return {};
  }

  Status Property(char kind) {
    const std::size_t end = Rest().find('}');
    if (!Rest().starts_with("{") || end == std::string_view::npos) {
      return Refuse("\\p without {name}");
    }
    std::string_view name = Rest().substr(1, end - 1);
    for (const std::string_view of :
         {"Script=", "sc=", "General_Category=", "gc=", "Script_Extensions=", "scx="}) {
      if (name.starts_with(of)) name.remove_prefix(of.size());
    }
    for (const Named& category : kCategories) {
      if (name == category.name) name = category.brief;
    }
    out_ += '\\';
    out_ += kind;
    out_ += "{" + std::string(name) + "}";
    at_ += end + 1;
    return {};
  }

  std::string_view in_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> ToRe2(std::string_view ecma) { return Translator(ecma).Run(); }

Pattern::Pattern(std::string source, std::unique_ptr<re2::RE2> compiled)
    : source_(std::move(source)), compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::Make(std::string_view ecma) {
  if (ecma.size() > kPatternBytesMax) {
    return Fail(Code::kInvalidArgument,
                "the pattern has more than " + std::to_string(kPatternBytesMax) + " bytes");
  }
  TM_ASSIGN(const std::string translated, ToRe2(ecma));
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kPatternMemoryMax);
  auto compiled = std::make_unique<re2::RE2>(translated, options);
  if (!compiled->ok()) {
    return Fail(Code::kInvalidArgument,
                "the pattern cannot be matched in linear time: " + compiled->error());
  }
  return Pattern(std::string(ecma), std::move(compiled));
}

bool Pattern::Matches(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

}  // namespace tidemark::schema
