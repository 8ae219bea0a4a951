#include "enrich/rule_list.h"

#include <algorithm>

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include "base/check.h"
#include "base/text.h"

namespace tidemark::enrich {
namespace {

constexpr int kGroupsMax = 9;
constexpr int kAtomBytesMin = 3;
constexpr std::int64_t kProgramBytesMax = 8 << 20;

std::uint32_t HeadOf(const char* text) {
  const auto byte = [text](int i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  return byte(0) | byte(1) << 8U | byte(2) << 16U;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string Filled(const std::string& pattern,
                   const std::array<re2::StringPiece, kGroupsMax + 1>& groups) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool is_group = pattern[i] == '$' && i + 1 < pattern.size() && pattern[i + 1] >= '1' &&
                          pattern[i + 1] <= '9';
    if (!is_group) {
      text.push_back(pattern[i]);
      continue;
    }
    const re2::StringPiece& group = groups[static_cast<std::size_t>(pattern[++i] - '0')];
    text.append(group.data(), group.size());
  }
  return std::string(Trim(text));
}

}  // namespace

RuleList::RuleList(const std::vector<RuleMap>& rules,
                   const std::array<std::string_view, kRuleParts>& parts,
                   const std::array<int, kRuleParts>& defaults)
    : defaults_(defaults), filter_(std::make_unique<re2::FilteredRE2>(kAtomBytesMin)) {
  for (const RuleMap& map : rules) {
    const auto regex = map.find("regex");
    if (regex == map.end()) {
      ++left_out_;
      continue;
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kProgramBytesMax);
    const auto flag = map.find("regex_flag");
    options.set_case_sensitive(flag == map.end() || flag->second != "i");
    int id = 0;
    if (filter_->Add(regex->second, options, &id) != re2::RE2::NoError) {
      ++left_out_;
      continue;
    }
    TM_CHECK_EQ(static_cast<std::size_t>(id), rules_.size());
    Rule& rule = rules_.emplace_back();
    for (std::size_t i = 0; i < kRuleParts; ++i) {
      const auto part = map.find(parts[i]);
      if (part != map.end()) rule.parts[i] = part->second;
    }
  }
  if (rules_.empty()) return;
  filter_->Compile(&atoms_);
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    atoms_by_head_[HeadOf(atoms_[i].data())].push_back(static_cast<int>(i));
  }
}

RuleList::~RuleList() = default;

std::vector<int> RuleList::AtomsIn(std::string_view text) const {
  const std::string lower = LowerCase(text);
  std::vector<int> found;
  for (std::size_t at = 0; at + kAtomBytesMin <= lower.size(); ++at) {
    const auto candidates = atoms_by_head_.find(HeadOf(lower.data() + at));
    if (candidates == atoms_by_head_.end()) continue;
    for (const int atom : candidates->second) {
      if (std::string_view(lower).substr(at).starts_with(atoms_[static_cast<std::size_t>(atom)])) {
        found.push_back(atom);
      }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

bool RuleList::Match(std::string_view text, std::array<std::string, kRuleParts>* out) const {
  if (rules_.empty()) return false;
  const re2::StringPiece piece(text.data(), text.size());
  const int first = filter_->FirstMatch(piece, AtomsIn(text));
  if (first < 0) return false;
  const re2::RE2& regex = filter_->GetRE2(first);
  std::array<re2::StringPiece, kGroupsMax + 1> groups;
  const int count = std::min(regex.NumberOfCapturingGroups(), kGroupsMax);
  if (!regex.Match(piece, 0, text.size(), re2::RE2::UNANCHORED, groups.data(), count + 1)) {
    return false;
  }
  const Rule& rule = rules_[static_cast<std::size_t>(first)];
  for (std::size_t i = 0; i < kRuleParts; ++i) {
    if (!rule.parts[i].empty()) {
      (*out)[i] = Filled(rule.parts[i], groups);
    } else if (defaults_[i] > 0 && defaults_[i] <= count) {
      const re2::StringPiece& group = groups[static_cast<std::size_t>(defaults_[i])];
      (*out)[i] = Trim({group.data(), group.size()});
    } else {
      (*out)[i].clear();
    }
  }
  return true;
}

}  // namespace tidemark::enrich
