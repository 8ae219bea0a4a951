#include "enrich/agent_rules.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "enrich/rule_list.h"

namespace tidemark::enrich {
namespace {

constexpr std::size_t kFileBytesMax = 16U << 20;

using Parts = std::array<std::string, kRuleParts>;

const std::vector<RuleMap>& ListOf(
    const std::map<std::string, std::vector<RuleMap>, std::less<>>& lists, std::string_view name) {
  static const std::vector<RuleMap> kNone;
  const auto found = lists.find(name);
  return found == lists.end() ? kNone : found->second;
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <std::size_t kSize>
bool IsOneOf(std::string_view text, const std::array<std::string_view, kSize>& names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

}  // namespace

class AgentRules::Impl {
 public:
  explicit Impl(const std::map<std::string, std::vector<RuleMap>, std::less<>>& lists)
      : browsers_(ListOf(lists, "user_agent_parsers"),
                  {"family_replacement", "v1_replacement", "v2_replacement", "v3_replacement"},
                  {1, 2, 3, 4}),
        systems_(ListOf(lists, "os_parsers"),
                 {"os_replacement", "os_v1_replacement", "os_v2_replacement", "os_v3_replacement"},
                 {1, 2, 3, 4}),
        devices_(ListOf(lists, "device_parsers"),
                 {"device_replacement", "brand_replacement", "model_replacement", ""},
                 {1, 0, 1, 0}) {}

  Agent Match(std::string_view text) const {
    Agent agent;
    Parts parts;
    const auto version = [&parts](Agent::Version* out) {
      *out = {std::move(parts[0]), std::move(parts[1]), std::move(parts[2]), std::move(parts[3])};
    };
    if (browsers_.Match(text, &parts)) version(&agent.browser);
    if (systems_.Match(text, &parts)) version(&agent.os);
    if (devices_.Match(text, &parts)) {
      agent.device = {std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
    }
    return agent;
  }

  const RuleList browsers_;
  const RuleList systems_;
  const RuleList devices_;
};

bool Agent::IsBot() const { return device.family == "Spider"; }

std::string_view Agent::DeviceType(std::string_view user_agent) const {
  if (IsBot()) return "bot";
  if (device.family == "iPad" || Has(user_agent, "Tablet") ||
      (os.family == "Android" && !Has(user_agent, "Mobile") && !Has(user_agent, "TV"))) {
    return "tablet";
  }
  if (Has(device.family, "TV") || Has(os.family, "TV") || Has(user_agent, "SmartTV") ||
      Has(user_agent, "SMART-TV") || Has(user_agent, "AppleTV") || os.family == "tvOS") {
    return "tv";
  }
  if (Has(device.family, "PlayStation") || Has(device.family, "Xbox") ||
      Has(device.family, "Nintendo")) {
    return "console";
  }
  constexpr std::array<std::string_view, 8> kMobile = {
      "iOS",        "Android", "Windows Phone", "BlackBerry OS",
      "Firefox OS", "KaiOS",   "Symbian OS",    "watchOS"};
  if (IsOneOf(os.family, kMobile) || Has(user_agent, "Mobile")) return "mobile";
  constexpr std::array<std::string_view, 10> kDesktop = {
      "Windows", "Mac OS X", "Mac OS",    "Linux",   "Ubuntu",
      "Fedora",  "Debian",   "Chrome OS", "FreeBSD", "OpenBSD"};
  return IsOneOf(os.family, kDesktop) ? "desktop" : std::string_view();
}

AgentRules::AgentRules(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AgentRules::~AgentRules() = default;

Result<std::shared_ptr<const AgentRules>> AgentRules::Parse(std::string_view yaml) {
  TM_ASSIGN(const auto lists, ReadRuleFile(yaml));
  auto impl = std::make_unique<Impl>(lists);
  if (impl->browsers_.size() + impl->systems_.size() + impl->devices_.size() == 0) {
    return Fail(Code::kInvalidArgument, "the rules' file has no rule");
  }
  return std::shared_ptr<const AgentRules>(new AgentRules(std::move(impl)));
}

Result<std::shared_ptr<const AgentRules>> AgentRules::Read(const std::string& native_path) {
  std::FILE* file = std::fopen(native_path.c_str(), "rb");
  if (file == nullptr) return Fail(Code::kNotFound, "there is no file " + native_path);
  std::string text(kFileBytesMax, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  const bool whole = std::ferror(file) == 0 && std::feof(file) != 0;
  std::fclose(file);
  if (!whole) return Fail(Code::kInvalidArgument, "the rules' file cannot be read or is too large");
  return Parse(text);
}

Agent AgentRules::Match(std::string_view user_agent) const {
  return impl_->Match(user_agent.substr(0, kAgentBytesMax));
}

std::size_t AgentRules::rule_count() const {
  return impl_->browsers_.size() + impl_->systems_.size() + impl_->devices_.size();
}

std::size_t AgentRules::left_out() const {
  return impl_->browsers_.left_out() + impl_->systems_.left_out() + impl_->devices_.left_out();
}

}  // namespace tidemark::enrich
