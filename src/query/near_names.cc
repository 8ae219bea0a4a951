#include "query/near_names.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "config/options.h"
#include "engine/sql_quote.h"

namespace tidemark::query {
namespace {

constexpr std::string_view kIceberg = "iceberg";
constexpr std::size_t kComparedBytesMax = 128;
constexpr std::size_t kPartMisspelled = 3;  // Up to a third of the letters.

std::string Joined(std::span<const std::string> parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ".") + part;
  return text;
}

std::string QuotedIfNeeded(std::string_view part) {
  const bool plain = !part.empty() && std::isdigit(static_cast<unsigned char>(part[0])) == 0 &&
                     std::ranges::all_of(part, [](unsigned char c) {
                       return c == '_' || (c < 0x80 && std::isalnum(c) != 0);
                     });
  return plain ? std::string(part) : engine::QuotedName(part);
}

// Without the project's namespace, in lower case.
std::string TextOf(const TableId& table) {
  std::vector<std::string> parts(table.ns.begin() + 1, table.ns.end());
  parts.push_back(table.name);
  return LowerCase(Joined(parts));
}

}  // namespace

std::string SqlName(const TableId& table) {
  const std::string below = Joined(std::span(table.ns).subspan(1));
  return std::string(kIceberg) + "." + (below.empty() ? "" : QuotedIfNeeded(below) + ".") +
         QuotedIfNeeded(table.name);
}

std::vector<TableId> InAnyCase(std::span<const TableId> tables, const std::vector<std::string>& ns,
                               std::string_view name) {
  const std::string wanted = TextOf({ns, std::string(name)});
  std::vector<TableId> found;
  std::ranges::copy_if(tables, std::back_inserter(found),
                       [&](const TableId& table) { return TextOf(table) == wanted; });
  return found;
}

std::optional<TableId> Nearest(std::span<const TableId> tables, std::string_view project,
                               const std::vector<std::string>& parts) {
  // `iceberg.<project>.t`, `<project>.t`, `ns.t` and `t` are written by people who mean `t`.
  std::span<const std::string> rest(parts);
  if (rest.size() > 1 && LowerCase(rest.front()) == kIceberg) rest = rest.subspan(1);
  if (rest.size() > 1 && LowerCase(rest.front()) == project) rest = rest.subspan(1);
  const std::string written = LowerCase(Joined(rest)).substr(0, kComparedBytesMax);
  const TableId* nearest = nullptr;
  std::size_t least = written.size() / kPartMisspelled + 1;
  for (const TableId& table : tables) {
    const std::string text = TextOf(table).substr(0, kComparedBytesMax);
    const bool by_name = rest.size() == 1 && LowerCase(table.name) == written;
    const std::size_t distance = by_name ? 0 : config::EditDistance(written, text);
    if (distance >= least) continue;
    least = distance;
    nearest = &table;
  }
  if (nearest == nullptr) return std::nullopt;
  return *nearest;
}

}  // namespace tidemark::query
