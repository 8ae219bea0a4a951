// The rules of uap-core (https://github.com/ua-parser/uap-core, its specification.md): regular
// expressions that tell browser, system and device of a user agent. Read from the YAML file of the
// Debian package `uap-core` and compiled with RE2, which takes time linear in the text whatever the
// text is. Immutable; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::enrich {

inline constexpr std::size_t kAgentRulesMax = 20'000;
inline constexpr std::size_t kAgentBytesMax = 1'024;  // What is longer is cut before it is matched.

// "Other" where no rule says anything.
struct Agent {
  struct Version {
    std::string family = "Other";
    std::string major = {};
    std::string minor = {};
    std::string patch = {};
  };
  struct Device {
    std::string family = "Other";
    std::string brand = {};
    std::string model = {};
  };
  Version browser;
  Version os;
  Device device;

  bool IsBot() const;
  // "bot", "tablet", "mobile", "tv", "console", "desktop", or empty if nothing tells.
  std::string_view DeviceType(std::string_view user_agent) const;
};

class AgentRules {
 public:
  // kInvalidArgument: the file cannot be read as such rules; kNotFound: there is none. Rules that
  // RE2 does not understand are left out and counted.
  static Result<std::shared_ptr<const AgentRules>> Read(const std::string& native_path);
  static Result<std::shared_ptr<const AgentRules>> Parse(std::string_view yaml);
  AgentRules(const AgentRules&) = delete;
  AgentRules& operator=(const AgentRules&) = delete;
  ~AgentRules();

  Agent Match(std::string_view user_agent) const;
  std::size_t rule_count() const;
  std::size_t left_out() const;

 private:
  class Impl;
  explicit AgentRules(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::enrich
