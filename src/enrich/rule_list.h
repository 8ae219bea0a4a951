// One list of rules, the first that matches counts. Regular expressions are only tried if the
// literal texts that they need are in the agent: RE2's own prefilter, fed by an index of the first
// three bytes of those texts. The inside of agent_rules.h. Immutable once made; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "enrich/rule_file.h"

namespace re2 {
class FilteredRE2;
}

namespace tidemark::enrich {

inline constexpr std::size_t kRuleParts = 4;

class RuleList {
 public:
  // `parts`: the names of the replacements, "family_replacement" and so on; empty: there is none.
  // `defaults`: the group that counts where no replacement is, 0 for none.
  RuleList(const std::vector<RuleMap>& rules, const std::array<std::string_view, kRuleParts>& parts,
           const std::array<int, kRuleParts>& defaults);
  RuleList(const RuleList&) = delete;
  RuleList& operator=(const RuleList&) = delete;
  ~RuleList();

  // False, and `out` untouched, if no rule matches.
  bool Match(std::string_view text, std::array<std::string, kRuleParts>* out) const;
  std::size_t size() const { return rules_.size(); }
  std::size_t left_out() const { return left_out_; }

 private:
  struct Rule {
    std::array<std::string, kRuleParts> parts;  // With $1 to $9; empty: the default group.
  };
  std::vector<int> AtomsIn(std::string_view text) const;

  const std::array<int, kRuleParts> defaults_;
  std::vector<Rule> rules_;
  std::unique_ptr<re2::FilteredRE2> filter_;
  std::vector<std::string> atoms_;
  std::unordered_map<std::uint32_t, std::vector<int>> atoms_by_head_;
  std::size_t left_out_ = 0;
};

}  // namespace tidemark::enrich
