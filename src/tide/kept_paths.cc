#include "tide/kept_paths.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/kept_values.h"
#include "env/faults.h"

namespace tidemark::tide {
namespace {

using Counts = engine::PathCounts::Counts;

constexpr std::size_t kSampleChunks = 8;     // Spread evenly over the rows.
constexpr std::uint64_t kTextBytesMax = 96;  // On average: a copy of longer texts costs too much.

engine::PathCounts CountSample(const event::RowSource& rows) {
  engine::PathCounts counts;
  const auto scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
  const std::size_t chunks = rows.chunk_count();
  const std::size_t sample = std::min(kSampleChunks, chunks);
  for (std::size_t i = 0; i < sample; ++i) {
    const std::size_t chunk = i * chunks / sample;
    counts.Add(rows.Read(chunk, *rows.schema().properties, scratch.get()), rows.ChunkRows(chunk));
  }
  return counts;
}

// A name for the struct's field: what other engines show. Unlike any in `taken`.
std::string NameOf(const std::vector<std::string>& keys, std::set<std::string>* taken) {
  std::string name;
  for (const std::string& key : keys) {
    if (!name.empty()) name += '_';
    for (const char c : key) {
      const auto letter = static_cast<unsigned char>(c);
      name += std::isalnum(letter) != 0 ? static_cast<char>(std::tolower(letter)) : '_';
    }
  }
  std::string unique = name;
  for (int i = 2; !taken->insert(unique).second; ++i) unique = name + "_" + std::to_string(i);
  return unique;
}

// Whether a path is worth a column, `least` being the rows that must have it.
bool IsFrequent(const Counts& counts, double least) {
  return static_cast<double>(counts.rows) >= least && counts.containers == 0 &&
         counts.bytes <= counts.rows * kTextBytesMax;
}

// The type holds for every value of the sample.
bool Fits(event::Type type, const Counts& counts) {
  return type == event::Type::kString || counts.type() == type;
}

}  // namespace

std::shared_ptr<const event::TableSchema> LearnKeptPaths(const event::RowSource& rows,
                                                         const event::TableSchema& columns,
                                                         std::int32_t last_column_id,
                                                         const TideOptions& options) {
  const bool learns =
      options.kept_paths_max > 0 && columns.properties && rows.row_count() >= options.kept_rows_min;
  if (!learns) return nullptr;
  const engine::PathCounts sample = CountSample(rows);
  const double least =
      std::max(1.0, options.kept_share_min * static_cast<double>(sample.row_count()));
  auto next = std::make_shared<event::TableSchema>(columns);
  std::vector<event::KeptPath>& paths = next->kept.paths;
  std::set<std::string> names;
  std::set<std::vector<std::string>> known;
  bool changed = false;
  std::int32_t given_up = 0;
  for (const event::KeptPath& path : paths) names.insert(path.name);
  for (const auto& [text, counts] : sample.counts()) {
    const auto at = std::find_if(paths.begin(), paths.end(),
                                 [&](const auto& path) { return path.keys == counts.keys; });
    // It comes again below.
    if (at == paths.end() || !IsFrequent(counts, least) || Fits(at->type, counts)) continue;
    names.erase(at->name);
    given_up = at->field_id;
    paths.erase(at);
    changed = true;
  }
  for (const event::KeptPath& path : paths) known.insert(path.keys);
  // The most frequent first, should there be too many.
  std::vector<const Counts*> candidates;
  for (const auto& [text, counts] : sample.counts()) {
    if (IsFrequent(counts, least) && !known.contains(counts.keys)) candidates.push_back(&counts);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Counts* a, const Counts* b) { return a->rows > b->rows; });
  const std::size_t most = std::min<std::size_t>(options.kept_paths_max, event::kKeptPathsMax);
  for (const Counts* counts : candidates) {
    if (paths.size() >= most) break;
    if (next->kept.field_id == 0) next->kept.field_id = ++last_column_id;
    const bool again = given_up != 0 && env::Planted(env::Bug::kKeptIdUsedAgain);
    const std::int32_t id = again ? std::exchange(given_up, 0) : ++last_column_id;
    paths.push_back({counts->keys, counts->type(), id, NameOf(counts->keys, &names)});
    changed = true;
  }
  return changed ? next : nullptr;
}

}  // namespace tidemark::tide
