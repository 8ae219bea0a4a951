// tm_rows: hot rows as the engine's vectors, without copies where the engine allows it. Where a
// statement wants few rows by their time, those are found first and gathered from several chunks:
// hot rows come in no order of time, so that most chunks have some.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "base/check.h"
#include "duckdb/execution/partition_info.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "engine/column_values.h"
#include "engine/files_duckdb.h"
#include "engine/gathered_column.h"
#include "engine/pruner_duckdb.h"
#include "engine/scan_duckdb.h"

namespace tidemark::engine {
namespace {

using event::ColumnView;
using event::kBlockRows;
using event::kChunkRows;
using event::StringRef;

static_assert(sizeof(StringRef) == sizeof(duckdb::string_t));
static_assert(StringRef::kInlineMax == duckdb::string_t::INLINE_LENGTH);
static_assert(kChunkRows == STANDARD_VECTOR_SIZE);

// Chunks that one thread takes at a time: enough to make batches worth their bookkeeping, few
// enough that a small table still uses every thread. Of chunks of which the rows are known, as many
// as have the rows of one vector.
constexpr std::size_t kMorselChunks = 16;

// Of a chunk, so many rows are gathered; more are left to the statement's filter.
constexpr std::size_t kGatheredRowsMax = kChunkRows / 8;

// Lines of the processor's cache that are sent for at once: more would push out what came first.
constexpr std::size_t kLinesAheadMax = 8'192;

// Times of a line of the processor's cache.
constexpr std::size_t kTimesALine = 64 / sizeof(std::int64_t);

struct ChunkRef {
  const event::RowSource* source;
  std::size_t chunk;
  // Where the source knew its rows by their time: those of the chunk, in GlobalState::found.
  std::size_t found_begin = 0;
  std::size_t found_end = 0;
};

struct BindData final : duckdb::FunctionData {
  std::shared_ptr<const Relation> relation;
  std::uint64_t rows = 0;
  // Of the filters that were seen; chunks must match all of them.
  std::vector<std::shared_ptr<const Pruner>> pruners;

  duckdb::unique_ptr<FunctionData> Copy() const override {
    return duckdb::make_uniq<BindData>(*this);
  }
  bool Equals(const FunctionData& other) const override {
    const auto& that = other.Cast<BindData>();
    return relation == that.relation && pruners == that.pruners;
  }
  bool SupportStatementCache() const override { return false; }
};

struct GlobalState final : duckdb::GlobalTableFunctionState {
  std::vector<ChunkRef> chunks;
  std::vector<std::size_t> morsels;  // The first chunk of each.
  std::vector<event::TimedRow> found;
  std::size_t found_chunks = 0;  // Of the chunks, those with found rows.
  std::vector<duckdb::column_t> columns;
  WholeRange times;  // Rows elsewhere do not match.
  std::atomic<std::size_t> next{0};

  // A vector of found rows is no work for a thread of its own.
  duckdb::idx_t MaxThreads() const override {
    const std::size_t whole = chunks.size() - found_chunks;
    const std::size_t vectors = (found.size() + kChunkRows - 1) / kChunkRows;
    return std::max<std::size_t>(1, (whole + vectors + kMorselChunks - 1) / kMorselChunks);
  }
};

// What one thread needs for one projected column.
struct ColumnState {
  explicit ColumnState(event::Type type) : gathered(type) {}

  event::ColumnScratch scratch;
  GatheredColumn gathered;
  const StringRef* entries = nullptr;
  std::uint32_t size = 0;
  duckdb::unique_ptr<duckdb::Vector> dictionary;
};

struct LocalState final : duckdb::LocalTableFunctionState {
  std::vector<std::unique_ptr<ColumnState>> columns;
  std::unique_ptr<event::ColumnScratch> scratch;
  std::array<std::uint32_t, kChunkRows> rows;  // Of a chunk, those that are gathered.
  std::array<std::int64_t, kChunkRows> times;  // Of those, if they were told with them.
  std::size_t at = 0;
  std::size_t end = 0;
  std::size_t batch = 0;

  event::ColumnScratch* Scratch() {
    if (scratch == nullptr) scratch = std::make_unique_for_overwrite<event::ColumnScratch>();
    return scratch.get();
  }
};

duckdb::unique_ptr<duckdb::FunctionData> Bind(duckdb::ClientContext& context,
                                              duckdb::TableFunctionBindInput& input,
                                              duckdb::vector<duckdb::LogicalType>& types,
                                              duckdb::vector<duckdb::string>& names) {
  const auto state = context.registered_state->Get<ScanState>(ScanState::kKey);
  const auto index = input.inputs[0].GetValue<std::uint64_t>();
  if (!state || index >= state->relations.size()) {
    throw duckdb::BinderException("tm_rows: no such relation");
  }
  auto bind = duckdb::make_uniq<BindData>();
  bind->relation = state->relations[index];
  for (const auto& source : bind->relation->hot) bind->rows += source->row_count();
  for (const event::TableColumn& column : bind->relation->schema->columns) {
    names.push_back(column.name);
    types.push_back(EngineType(column.type));
  }
  return bind;
}

// What is known of a column in a chunk.
ValueRange RangeIn(const event::RowSource& source, std::size_t chunk, std::size_t column) {
  ValueRange range;
  const event::TableSchema& schema = source.schema();
  if (column == schema.timestamp) {
    const event::TimeRange times = source.ChunkTimes(chunk);
    range.may_be_nan = false;
    range.lower = BoundValue(times.min.value);
    range.upper = BoundValue(times.max.value);
  } else if (column == schema.log_offset) {
    const event::OffsetRange offsets = source.ChunkOffsets(chunk);
    range.may_be_nan = false;
    range.lower = BoundValue(offsets.min.value);
    range.upper = BoundValue(offsets.max.value);
  }
  return range;
}

// The chunks of `source` that may have rows with such times; those of which it knows the rows only
// if they have one.
template <class MayMatch>
void AddChunks(const event::RowSource& source, const MayMatch& may_match, GlobalState* state) {
  const WholeRange& wanted = state->times;
  const bool is_bounded = wanted.min > kTimeMin.value || wanted.max < kTimeMax.value;
  const event::TimeRange range{TimeMicros(wanted.min), TimeMicros(wanted.max)};
  for (std::size_t chunk = 0; chunk < source.chunk_count();) {
    std::size_t at = state->found.size();
    const std::size_t next = is_bounded ? source.FindRows(chunk, range, &state->found) : chunk;
    while (at < state->found.size()) {
      ChunkRef ref{&source, state->found[at].at.chunk, at, at};
      while (at < state->found.size() && state->found[at].at.chunk == ref.chunk) ++at;
      ref.found_end = at;
      if (may_match(ref.chunk)) {
        state->chunks.push_back(ref);
        ++state->found_chunks;
      }
    }
    if (next > chunk) {
      chunk = next;
      continue;
    }
    const event::TimeRange there = source.ChunkTimes(chunk);
    if (there.max >= range.min && there.min <= range.max && may_match(chunk)) {
      state->chunks.push_back({&source, chunk});
    }
    ++chunk;
  }
}

void CutMorsels(GlobalState* state) {
  std::size_t rows = 0;   // Found ones.
  std::size_t whole = 0;  // Chunks.
  for (std::size_t i = 0; i < state->chunks.size(); ++i) {
    const ChunkRef& chunk = state->chunks[i];
    const std::size_t found = chunk.found_end - chunk.found_begin;
    if (i == 0 || whole == kMorselChunks || rows + found > kChunkRows) {
      state->morsels.push_back(i);
      rows = whole = 0;
    }
    rows += found;
    if (found == 0) ++whole;
  }
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitGlobal(
    duckdb::ClientContext& context, duckdb::TableFunctionInitInput& input) {
  const auto& bind = input.bind_data->Cast<BindData>();
  auto state = duckdb::make_uniq<GlobalState>();
  state->columns.assign(input.column_ids.begin(), input.column_ids.end());
  for (const auto& pruner : bind.pruners) {
    const WholeRange wanted = pruner->RangeWanted(bind.relation->schema->timestamp);
    state->times.min = std::max(state->times.min, wanted.min);
    state->times.max = std::min(state->times.max, wanted.max);
  }
  const bool only_times = std::ranges::all_of(bind.pruners, [&](const auto& pruner) {
    return pruner->IsRangeOf(bind.relation->schema->timestamp);
  });
  for (const auto& source : bind.relation->hot) {
    const auto may_match = [&](std::size_t chunk) {
      if (only_times) return true;
      return std::ranges::all_of(bind.pruners, [&](const std::shared_ptr<const Pruner>& pruner) {
        return pruner->MayMatch(
            context, [&](std::size_t column) { return RangeIn(*source, chunk, column); });
      });
    };
    AddChunks(*source, may_match, state.get());
  }
  CutMorsels(state.get());
  return state;
}

duckdb::unique_ptr<duckdb::LocalTableFunctionState> InitLocal(
    duckdb::ExecutionContext& /*context*/, duckdb::TableFunctionInitInput& input,
    duckdb::GlobalTableFunctionState* /*global*/) {
  auto state = duckdb::make_uniq<LocalState>();
  state->columns.resize(input.column_ids.size());
  return state;
}

// The engine takes addresses to be writable; it does not write to a scanned vector's data, and
// masks, which it may, are copies.
duckdb::data_ptr_t Bytes(const void* data) {
  return static_cast<duckdb::data_ptr_t>(const_cast<void*>(data));
}

void SetMask(const ColumnView& view, std::size_t rows, ColumnState* state, duckdb::Vector* out) {
  if (view.validity == nullptr) return;
  if (view.validity != state->scratch.validity.data()) {
    std::memcpy(state->scratch.validity.data(), view.validity,
                (rows + 63) / 64 * sizeof(std::uint64_t));
  }
  duckdb::FlatVector::SetValidity(*out,
                                  duckdb::ValidityMask(state->scratch.validity.data(), kChunkRows));
}

void SetDictionary(const ColumnView& view, std::size_t rows, ColumnState* state,
                   duckdb::Vector* out) {
  if (state->dictionary == nullptr || state->entries != view.dictionary ||
      state->size != view.dictionary_size) {
    state->entries = view.dictionary;
    state->size = view.dictionary_size;
    state->dictionary =
        duckdb::make_uniq<duckdb::Vector>(duckdb::LogicalType::VARCHAR, Bytes(view.dictionary));
    duckdb::ValidityMask mask(view.dictionary_size);
    mask.Initialize(view.dictionary_size);
    mask.SetInvalid(view.null_code);
    duckdb::FlatVector::SetValidity(*state->dictionary, mask);
  }
  static_assert(sizeof(duckdb::sel_t) == sizeof(std::uint32_t));
  const duckdb::SelectionVector codes(const_cast<duckdb::sel_t*>(view.codes));
  out->Dictionary(*state->dictionary, view.dictionary_size, codes, rows);
}

void Fill(const ColumnView& view, std::size_t rows, ColumnState* state, duckdb::Vector* out) {
  switch (view.kind) {
    case ColumnView::Kind::kNull:
      out->SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
      duckdb::ConstantVector::SetNull(*out, true);
      return;
    case ColumnView::Kind::kConstant:
      out->SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
      std::memcpy(static_cast<void*>(duckdb::ConstantVector::GetData<duckdb::string_t>(*out)),
                  &view.constant_text, sizeof view.constant_text);
      return;
    case ColumnView::Kind::kFixed:
      duckdb::FlatVector::SetData(*out, Bytes(view.fixed));
      SetMask(view, rows, state, out);
      return;
    case ColumnView::Kind::kStrings:
      duckdb::FlatVector::SetData(*out, Bytes(view.strings));
      SetMask(view, rows, state, out);
      return;
    case ColumnView::Kind::kDictionary:
      SetDictionary(view, rows, state, out);
      return;
  }
}

// The blocks that may have a time in `range`, a bit each; those behind the last row have none.
// Times are far away in memory: those of all of them are fetched at once, and those of the others
// not at all.
std::uint32_t FindBlocks(const std::int64_t* times, std::size_t count,
                         std::span<const event::BlockTimes> blocks, const WholeRange& range) {
  static_assert(kChunkRows == 32 * kBlockRows);
  if (blocks.empty()) return ~0U;
  std::uint32_t found = 0;
  for (std::size_t i = 0; i * kBlockRows < count; ++i) {
    if (blocks[i].max.load(std::memory_order_relaxed) < range.min) continue;
    if (blocks[i].min.load(std::memory_order_relaxed) > range.max) continue;
    found |= 1U << i;
    const std::int64_t* const of_block = times + i * kBlockRows;
    for (std::size_t row = 0; row < kBlockRows; row += kTimesALine) {
      __builtin_prefetch(of_block + row);
    }
  }
  return found;
}

// The places of the `count` times that lie in `range`, into `rows`; how many.
std::size_t FindTimes(const std::int64_t* times, std::size_t count,
                      std::span<const event::BlockTimes> blocks, const WholeRange& range,
                      std::uint32_t* rows) {
  const auto is_in = [&](std::size_t row) {
    return static_cast<std::uint32_t>((times[row] >= range.min) & (times[row] <= range.max));
  };
  std::size_t found = 0;
  for (std::uint32_t bits = FindBlocks(times, count, blocks, range); bits != 0; bits &= bits - 1) {
    const std::size_t from = static_cast<std::size_t>(std::countr_zero(bits)) * kBlockRows;
    const std::size_t end = std::min(from + kBlockRows, count);
    for (std::size_t line = from; line < end; line += kTimesALine) {
      const std::size_t last = std::min(line + kTimesALine, end);
      if (last == line + kTimesALine) {
        std::uint32_t any = 0;
        for (std::size_t i = 0; i < kTimesALine; ++i) any |= is_in(line + i);
        if (any == 0) continue;
      }
      for (std::size_t row = line; row < last; ++row) {
        rows[found] = static_cast<std::uint32_t>(row);
        found += is_in(row);
      }
    }
  }
  return found;
}

// Finds the rows to gather; nothing: the chunk is to be taken whole.
std::optional<std::size_t> FindRows(const GlobalState& global, const ChunkRef& chunk,
                                    LocalState* local) {
  if (const std::size_t found = chunk.found_end - chunk.found_begin; found > 0) {
    for (std::size_t i = 0; i < found; ++i) {
      const event::TimedRow& row = global.found[chunk.found_begin + i];
      local->rows[i] = row.at.row;
      local->times[row.at.row] = row.time.value;
    }
    return found;
  }
  const event::TimeRange there = chunk.source->ChunkTimes(chunk.chunk);
  if (there.min.value >= global.times.min && there.max.value <= global.times.max) {
    return std::nullopt;
  }
  const std::size_t column = chunk.source->schema().timestamp;
  const ColumnView view = chunk.source->Read(chunk.chunk, column, local->Scratch());
  if (view.kind != ColumnView::Kind::kFixed || view.validity != nullptr) return std::nullopt;
  const std::size_t found =
      FindTimes(static_cast<const std::int64_t*>(view.fixed), chunk.source->ChunkRows(chunk.chunk),
                chunk.source->ChunkBlocks(chunk.chunk), global.times, local->rows.data());
  return found <= kGatheredRowsMax ? std::optional(found) : std::nullopt;
}

// Calls take(state of the column, view of the chunk's, place in the scan).
template <class Take>
void ReadColumns(const GlobalState& global, const event::TableSchema& schema, const ChunkRef& chunk,
                 LocalState* local, const Take& take) {
  for (std::size_t i = 0; i < global.columns.size(); ++i) {
    const std::size_t column = global.columns[i];
    // The virtual row id, asked for by count(*), has no values here.
    if (column >= schema.columns.size()) continue;
    auto& state = local->columns[i];
    if (state == nullptr) state = std::make_unique<ColumnState>(schema.columns[column].type);
    ColumnView view;
    if (column == schema.timestamp && chunk.found_begin != chunk.found_end) {
      view.kind = ColumnView::Kind::kFixed;
      view.fixed = local->times.data();
    } else if (column < chunk.source->schema().columns.size()) {
      view = chunk.source->Read(chunk.chunk, column, &state->scratch);
    }  // Else a column of another engine: only files have it.
    take(state.get(), view, i);
  }
}

// Where a chunk's rows lie far apart, waiting for one after the other is most of the work: all of
// the morsel's are sent for before the first is used.
void FetchAhead(const GlobalState& global, const event::TableSchema& schema, LocalState* local) {
  std::size_t left = kLinesAheadMax;
  for (std::size_t at = local->at; at < local->end; ++at) {
    const ChunkRef& chunk = global.chunks[at];
    const std::size_t lines = (chunk.found_end - chunk.found_begin) * global.columns.size();
    if (lines == 0) continue;
    if (lines > left) return;
    left -= lines;
    for (const std::size_t column : global.columns) {
      // Times were told with the rows; columns beyond the fixed ones are made out of several.
      if (column >= schema.fixed_count || column == schema.timestamp) continue;
      const ColumnView view = chunk.source->Read(chunk.chunk, column, local->Scratch());
      const std::size_t width = WidthOf(schema.columns[column].type);
      for (std::size_t i = chunk.found_begin; i < chunk.found_end; ++i) {
        const std::uint32_t row = global.found[i].at.row;
        if (view.kind == ColumnView::Kind::kFixed) {
          __builtin_prefetch(static_cast<const std::byte*>(view.fixed) + row * width);
        } else if (view.kind == ColumnView::Kind::kDictionary) {
          __builtin_prefetch(view.codes + row);
        } else if (view.kind == ColumnView::Kind::kStrings) {
          __builtin_prefetch(view.strings + row);
        }
      }
    }
  }
}

// Puts the found rows behind the `gathered` ones. False: the next chunk would take texts away that
// the rows refer to.
bool Gather(const GlobalState& global, const event::TableSchema& schema, const ChunkRef& chunk,
            std::size_t found, std::size_t gathered, LocalState* local) {
  bool stays = true;
  ReadColumns(global, schema, chunk, local,
              [&](ColumnState* state, const ColumnView& view, std::size_t /*place*/) {
                state->gathered.Put(view, local->rows.data(), found, gathered);
                stays &= state->scratch.texts.empty();
              });
  return stays;
}

// One vector of rows: a chunk, or what is wanted of several of a morsel. Nothing at the end.
void Scan(duckdb::ClientContext& context, duckdb::TableFunctionInput& input,
          duckdb::DataChunk& out) {
  auto& global = input.global_state->Cast<GlobalState>();
  auto& local = input.local_state->Cast<LocalState>();
  const event::TableSchema& schema = *input.bind_data->Cast<BindData>().relation->schema;
  std::size_t gathered = 0;
  for (bool more = true; more; ++local.at) {
    if (local.at == local.end) {
      // Rows of two morsels are in no one batch.
      if (gathered > 0) break;
      if (context.IsInterrupted()) throw duckdb::InterruptException();
      local.batch = global.next.fetch_add(1, std::memory_order_relaxed);
      if (local.batch >= global.morsels.size()) return;
      local.at = global.morsels[local.batch];
      local.end = local.batch + 1 < global.morsels.size() ? global.morsels[local.batch + 1]
                                                          : global.chunks.size();
      FetchAhead(global, schema, &local);
    }
    const ChunkRef& chunk = global.chunks[local.at];
    const auto found = FindRows(global, chunk, &local);
    if (found && gathered + *found <= kChunkRows) {
      if (*found > 0) more = Gather(global, schema, chunk, *found, gathered, &local);
      gathered += *found;
      continue;
    }
    if (gathered > 0) break;
    ++local.at;
    const std::size_t rows = chunk.source->ChunkRows(chunk.chunk);
    ReadColumns(global, schema, chunk, &local,
                [&](ColumnState* state, const ColumnView& view, std::size_t place) {
                  Fill(view, rows, state, &out.data[place]);
                });
    out.SetCardinality(rows);
    return;
  }
  for (std::size_t i = 0; i < global.columns.size(); ++i) {
    if (global.columns[i] >= schema.columns.size()) continue;
    auto& state = local.columns[i];
    Fill(state->gathered.View(gathered), gathered, state.get(), &out.data[i]);
  }
  out.SetCardinality(gathered);
}

// Reads the filters and leaves them in place: skipping chunks is not filtering.
void ReadFilters(duckdb::ClientContext& context, duckdb::LogicalGet& get,
                 duckdb::FunctionData* bind_data,
                 duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) {
  auto& bind = bind_data->Cast<BindData>();
  const auto& ids = get.GetColumnIds();
  const auto column_of = [&](const duckdb::Expression& expression) -> std::optional<std::size_t> {
    if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) {
      return std::nullopt;
    }
    const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
    if (binding.table_index != get.table_index || binding.column_index >= ids.size()) {
      return std::nullopt;
    }
    const std::size_t column = ids[binding.column_index].GetPrimaryIndex();
    const event::TableSchema& schema = *bind.relation->schema;
    const bool known = column == schema.timestamp || column == schema.log_offset;
    return known ? std::optional(column) : std::nullopt;
  };
  auto pruner = std::make_shared<const Pruner>(context, filters, column_of);
  if (!pruner->idle()) bind.pruners.push_back(std::move(pruner));
}

duckdb::unique_ptr<duckdb::NodeStatistics> Cardinality(duckdb::ClientContext& /*context*/,
                                                       const duckdb::FunctionData* bind_data) {
  const std::uint64_t rows = bind_data->Cast<BindData>().rows;
  return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
}

duckdb::OperatorPartitionData PartitionData(duckdb::ClientContext& /*context*/,
                                            duckdb::TableFunctionGetPartitionInput& input) {
  if (input.partition_info.RequiresPartitionColumns()) {
    throw duckdb::InternalException("tm_rows: no partition columns");
  }
  return duckdb::OperatorPartitionData(input.local_state->Cast<LocalState>().batch);
}

}  // namespace

duckdb::LogicalType EngineType(event::Type type) {
  switch (type) {
    case event::Type::kString:
      return duckdb::LogicalType::VARCHAR;
    case event::Type::kTimestamp:
      return duckdb::LogicalType::TIMESTAMP_TZ;
    case event::Type::kDouble:
      return duckdb::LogicalType::DOUBLE;
    case event::Type::kInt32:
      return duckdb::LogicalType::INTEGER;
    case event::Type::kBool:
      return duckdb::LogicalType::BOOLEAN;
    case event::Type::kInt64:
      break;
  }
  return duckdb::LogicalType::BIGINT;
}

void RegisterScans(duckdb::DatabaseInstance& instance) {
  duckdb::ExtensionLoader loader(instance, "tidemark");
  duckdb::TableFunction rows("tm_rows", {duckdb::LogicalType::UBIGINT}, Scan, Bind, InitGlobal,
                             InitLocal);
  rows.projection_pushdown = true;
  rows.pushdown_complex_filter = ReadFilters;
  rows.cardinality = Cardinality;
  rows.get_partition_data = PartitionData;
  rows.verify_serialization = false;
  loader.RegisterFunction(rows);
  RegisterFiles(loader);
}

}  // namespace tidemark::engine
