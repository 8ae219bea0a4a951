#include "config/settings.h"

#include <cmath>
#include <optional>
#include <sstream>

#include <toml++/toml.h>

#include "base/check.h"
#include "config/values.h"

namespace tidemark::config {
namespace {

std::string Quoted(std::string_view text) {
  std::ostringstream out;
  out << toml::value<std::string>(std::string(text));
  return out.str();
}

std::optional<double> ReadAs(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::kText:
      return 0;
    case Kind::kFlag: {
      const auto flag = ReadFlag(text);
      return flag ? std::optional<double>(*flag ? 1 : 0) : std::nullopt;
    }
    case Kind::kWhole: {
      const auto number = ReadNumber(text);
      return number && *number == std::floor(*number) ? number : std::nullopt;
    }
    case Kind::kBytes:
      return ReadBytes(text);
    case Kind::kSeconds:
      return ReadSeconds(text);
  }
  return std::nullopt;
}

std::string_view KindText(Kind kind) {
  switch (kind) {
    case Kind::kText:
      return "text";
    case Kind::kFlag:
      return "true or false";
    case Kind::kWhole:
      return "a whole number";
    case Kind::kBytes:
      return "a size like 64MiB or 2GB";
    case Kind::kSeconds:
      break;
  }
  return "a time like 10s, 500ms or 24h";
}

std::string NumberText(double number) {
  std::ostringstream out;
  out.precision(15);
  out << number;
  return out.str();
}

std::string BoundText(const Option& option, double bound) {
  if (option.kind == Kind::kBytes) return BytesText(bound);
  return NumberText(bound) + (option.kind == Kind::kSeconds ? "s" : "");
}

std::string BoundsText(const Option& option) {
  if (option.kind == Kind::kText || option.kind == Kind::kFlag) return {};
  return BoundText(option, option.min) + " to " + BoundText(option, option.max);
}

std::string VariableOf(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : key) {
    if (c == '.') {
      name += "__";
    } else {
      name.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    }
  }
  return name;
}

// The text of a TOML value; nothing for lists, tables and dates.
std::optional<std::string> TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* real = node.as_floating_point()) return NumberText(real->get());
  return std::nullopt;
}

}  // namespace

Settings::Settings() {
  for (const Option& option : Options()) {
    values_.push_back({std::string(option.standard), "default"});
  }
}

Status Settings::Set(std::string_view key, std::string_view text, std::string_view origin) {
  const Option* option = FindOption(key);
  if (option == nullptr) {
    return Fail(Code::kInvalidArgument, std::string(origin) + ": there is no option " +
                                            std::string(key) + "; " + KeyHint(key));
  }
  const std::string where = std::string(origin) + ": " + std::string(key);
  const auto number = ReadAs(option->kind, text);
  if (!number) {
    return Fail(Code::kInvalidArgument, where + " must be " + std::string(KindText(option->kind)) +
                                            ", not `" + std::string(text) + "`");
  }
  const bool bounded = option->kind != Kind::kText && option->kind != Kind::kFlag;
  if (bounded && (*number < option->min || *number > option->max)) {
    return Fail(Code::kInvalidArgument,
                where + " must be " + BoundsText(*option) + ", not " + std::string(text));
  }
  // Where nothing is the default, nothing may be said.
  if (option->kind == Kind::kText && text.empty() && !option->standard.empty()) {
    return Fail(Code::kInvalidArgument, where + " must not be empty");
  }
  Value& value = values_[static_cast<std::size_t>(option - Options().data())];
  value.text = option->kind == Kind::kFlag ? (*number > 0 ? "true" : "false") : std::string(text);
  value.origin = origin;
  return {};
}

Status Settings::SetAssignment(std::string_view assignment, std::string_view origin) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return Fail(Code::kInvalidArgument, std::string(origin) + " must be section.key=value, not `" +
                                            std::string(assignment) + "`");
  }
  return Set(assignment.substr(0, equals), assignment.substr(equals + 1), origin);
}

Status Settings::ReadToml(std::string_view text, std::string_view file) {
  toml::table document;
  try {
    document = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return Fail(Code::kInvalidArgument, std::string(file) + ":" +
                                            std::to_string(error.source().begin.line) + ": " +
                                            std::string(error.description()));
  }
  for (const auto& [section, content] : document) {
    const toml::table* table = content.as_table();
    if (table == nullptr) {
      return Fail(Code::kInvalidArgument, std::string(file) + ": " + std::string(section.str()) +
                                              " stands outside a section; " +
                                              KeyHint(section.str()));
    }
    for (const auto& [name, value] : *table) {
      const std::string key = std::string(section.str()) + "." + std::string(name.str());
      const auto found = TextOf(value);
      if (!found && FindOption(key) != nullptr) {
        return Fail(Code::kInvalidArgument,
                    std::string(file) + ": " + key + " must be one value, no list or table");
      }
      const std::string origin =
          std::string(file) + ":" + std::to_string(value.source().begin.line);
      TM_TRY(Set(key, found.value_or(""), origin));
    }
  }
  return {};
}

Status Settings::ReadVariable(std::string_view name, std::string_view value) {
  if (!name.starts_with(kEnvironmentPrefix)) return {};
  std::string key(name.substr(kEnvironmentPrefix.size()));
  const std::size_t at = key.find("__");
  if (at == std::string::npos) return {};
  key.replace(at, 2, ".");
  for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return Set(key, value, name);
}

const Settings::Value& Settings::Find(std::string_view key, Kind kind) const {
  const Option* option = FindOption(key);
  TM_CHECK(option != nullptr);
  TM_CHECK(option->kind == kind);
  return values_[static_cast<std::size_t>(option - Options().data())];
}

const std::string& Settings::Text(std::string_view key) const {
  return Find(key, Kind::kText).text;
}

bool Settings::Flag(std::string_view key) const { return Find(key, Kind::kFlag).text == "true"; }

std::uint64_t Settings::Number(std::string_view key) const {
  const Option* option = FindOption(key);
  TM_CHECK(option != nullptr);
  const auto number = ReadAs(option->kind, Find(key, option->kind).text);
  TM_CHECK(number.has_value());
  return static_cast<std::uint64_t>(*number);
}

Duration Settings::Time(std::string_view key) const {
  const auto seconds = ReadSeconds(Find(key, Kind::kSeconds).text);
  TM_CHECK(seconds.has_value());
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
}

std::string Settings::Print() const {
  std::string out;
  std::string_view section;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Option& option = Options()[i];
    const std::size_t dot = option.key.find('.');
    if (option.key.substr(0, dot) != section) {
      section = option.key.substr(0, dot);
      out.append(out.empty() ? "[" : "\n[").append(section).append("]\n");
    }
    const bool bare = option.kind == Kind::kFlag || option.kind == Kind::kWhole;
    out.append(option.key.substr(dot + 1)).append(" = ");
    out.append(bare ? values_[i].text : Quoted(values_[i].text));
    out.append("  # ").append(values_[i].origin).append("\n");
  }
  return out;
}

std::string ReferencePage() {
  std::string page =
      "# Configuration\n\n"
      "Made by `tidemark config docs`; do not edit. Nothing needs to be set. Later sources win: "
      "the "
      "defaults below, a TOML file\n(`--config FILE`, else `./tidemark.toml` if there is one), the "
      "environment, `-X section.key=value`, the flag. An unknown name is an error.\n"
      "`tidemark config print` shows every value and where it comes from, `tidemark config check` "
      "only says whether all is right.\n\n"
      "Sizes: `64MiB`, `2GB`, `1048576`. Times: `10s`, `500ms`, `5m`, `24h`, or a number of "
      "seconds.\n";
  std::string_view section;
  for (const Option& option : Options()) {
    const std::size_t dot = option.key.find('.');
    if (option.key.substr(0, dot) != section) {
      section = option.key.substr(0, dot);
      page.append("\n## [").append(section).append("]\n\n");
      page.append("| key | default | bounds | flag of `serve` | environment | what |\n");
      page.append("| --- | --- | --- | --- | --- | --- |\n");
    }
    const std::string flag = option.flag.empty() ? "" : "`--" + std::string(option.flag) + "`";
    page.append("| `").append(option.key.substr(dot + 1)).append("` | `");
    page.append(option.standard).append("` | ").append(BoundsText(option)).append(" | ");
    page.append(flag).append(" | `").append(VariableOf(option.key)).append("` | ");
    page.append(option.sentence).append(" |\n");
  }
  return page;
}

}  // namespace tidemark::config
