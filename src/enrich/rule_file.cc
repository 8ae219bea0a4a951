#include "enrich/rule_file.h"

#include <yaml.h>

#include "enrich/agent_rules.h"

namespace tidemark::enrich {
namespace {

using Lists = std::map<std::string, std::vector<RuleMap>, std::less<>>;

// Follows the events of libyaml: map of lists of flat maps. Anything else is refused.
class Reader {
 public:
  Result<Lists> Read(std::string_view yaml) {
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
      return Fail(Code::kInternal, "no memory for the reader of rules");
    }
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(yaml.data()),
                                 yaml.size());
    Status status;
    for (bool more = true; more && status.has_value();) {
      yaml_event_t event;
      if (yaml_parser_parse(&parser, &event) == 0) {
        status = Wrong("is no YAML", parser.problem_mark.line);
        break;
      }
      more = event.type != YAML_STREAM_END_EVENT;
      status = Take(event);
      yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (!status) return Fail(std::move(status).error());
    return std::move(lists_);
  }

 private:
  static Status Wrong(const char* what, std::size_t line) {
    return Fail(Code::kInvalidArgument,
                "the rules' file " + std::string(what) + " in line " + std::to_string(line + 1));
  }

  Status Take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_MAPPING_START_EVENT:
        if (++depth_ == 3) list_->emplace_back();
        break;
      case YAML_SEQUENCE_START_EVENT:
        ++depth_;
        break;
      case YAML_MAPPING_END_EVENT:
      case YAML_SEQUENCE_END_EVENT:
        --depth_;
        key_.clear();
        break;
      case YAML_SCALAR_EVENT:
        return TakeText(event);
      case YAML_ALIAS_EVENT:
        return Wrong("has an alias", event.start_mark.line);
      default:
        break;
    }
    const bool is_list = event.type == YAML_SEQUENCE_START_EVENT;
    if (depth_ > 3 || (is_list && (depth_ != 2 || list_ == nullptr))) {
      return Wrong("is not made of lists of rules", event.start_mark.line);
    }
    return {};
  }

  Status TakeText(const yaml_event_t& event) {
    std::string text(reinterpret_cast<const char*>(event.data.scalar.value),
                     event.data.scalar.length);
    if (depth_ == 1) {
      list_ = &lists_[text];
    } else if (depth_ != 3) {
      return Wrong("is not made of lists of rules", event.start_mark.line);
    } else if (key_.empty()) {
      key_ = std::move(text);
    } else {
      list_->back()[key_] = std::move(text);
      key_.clear();
      if (list_->size() > kAgentRulesMax) return Wrong("has too many rules", event.start_mark.line);
    }
    return {};
  }

  Lists lists_;
  std::vector<RuleMap>* list_ = nullptr;
  std::string key_;
  int depth_ = 0;
};

}  // namespace

Result<Lists> ReadRuleFile(std::string_view yaml) { return Reader().Read(yaml); }

}  // namespace tidemark::enrich
