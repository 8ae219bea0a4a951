// The settings of one run: a value for every option, and who said so.
//
// Sources are read in the order of their weight: the last one wins. Errors are kInvalidArgument and
// name the source, the option and what would be right. Value type; one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "config/options.h"

namespace tidemark::config {

inline constexpr std::string_view kEnvironmentPrefix = "TIDEMARK_";

class Settings {
 public:
  // Every option at its default.
  Settings();

  // `origin`: "tidemark.toml", "--memory", ...; for messages and Print.
  Status Set(std::string_view key, std::string_view text, std::string_view origin);
  // "section.key=value", as after -X.
  Status SetAssignment(std::string_view assignment, std::string_view origin);
  // A whole TOML file: tables of options.
  Status ReadToml(std::string_view text, std::string_view file);
  // One variable; those that are no TIDEMARK_SECTION__KEY are not ours and are passed over.
  Status ReadVariable(std::string_view name, std::string_view value);

  // Of a key that exists and is of that kind (checked).
  const std::string& Text(std::string_view key) const;
  bool Flag(std::string_view key) const;
  std::uint64_t Number(std::string_view key) const;  // kWhole and kBytes.
  Duration Time(std::string_view key) const;

  // TOML that gives the same settings again, with the origin of each value.
  std::string Print() const;

 private:
  struct Value {
    std::string text;
    std::string origin;
  };
  const Value& Find(std::string_view key, Kind kind) const;

  std::vector<Value> values_;  // In the order of Options().
};

// docs/reference/config.md.
std::string ReferencePage();

}  // namespace tidemark::config
