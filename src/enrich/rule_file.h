// The YAML of uap-core: three lists of flat maps. The inside of agent_rules.h; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark::enrich {

using RuleMap = std::map<std::string, std::string, std::less<>>;

// By list: "user_agent_parsers", "os_parsers", "device_parsers". kInvalidArgument.
Result<std::map<std::string, std::vector<RuleMap>, std::less<>>> ReadRuleFile(
    std::string_view yaml);

}  // namespace tidemark::enrich
