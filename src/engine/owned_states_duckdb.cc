#include "engine/owned_states_duckdb.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "duckdb/common/operator/comparison_operators.hpp"
#include "duckdb/function/function_binder.hpp"
#include "duckdb/optimizer/optimizer_extension.hpp"
#include "duckdb/planner/expression/bound_aggregate_expression.hpp"
#include "duckdb/planner/operator/logical_aggregate.hpp"
#include "duckdb/storage/arena_allocator.hpp"

namespace tidemark::engine {
namespace {

using duckdb::AggregateInputData;
using duckdb::data_ptr_t;
using duckdb::idx_t;
using duckdb::Vector;

constexpr idx_t kSlotsPerChunkMin = 8;
constexpr idx_t kSlotsPerChunkMax = 2'048;
constexpr idx_t kAlignment = 8;  // As the engine's rows.

// No other living thread has it.
const void* ThisThread() {
  thread_local const char here = 0;
  return &here;
}

// The states of one aggregate in one plan. A slot is taken and given back by any thread; who has it
// has it alone. Its first bytes point to itself while it is taken, else to the next that is free.
class StateBook {
 public:
  StateBook(const duckdb::AggregateFunction& function, const duckdb::FunctionData* bind_data)
      : function_(function),
        bind_data_(bind_data ? bind_data->Copy() : nullptr),
        slot_bytes_(kHeaderBytes + (function.GetStateSizeCallback()(function) + kAlignment - 1) /
                                       kAlignment * kAlignment) {}
  StateBook(const StateBook&) = delete;
  StateBook& operator=(const StateBook&) = delete;
  ~StateBook() {
    std::array<data_ptr_t, STANDARD_VECTOR_SIZE> left;
    idx_t count = 0;
    duckdb::ArenaAllocator arena(duckdb::Allocator::DefaultAllocator());
    AggregateInputData input(bind_data_.get(), arena);
    for (const auto& [thread, shelf] : shelves_) {
      for (const auto& [slots, slot_count] : shelf->chunks) {
        for (idx_t i = 0; i < slot_count; ++i) {
          const data_ptr_t slot = slots + i * slot_bytes_;
          if (HeaderOf(slot) != slot) continue;
          left[count++] = slot + kHeaderBytes;
          if (count == left.size()) Destroy(left.data(), std::exchange(count, 0), &input);
        }
      }
    }
    Destroy(left.data(), count, &input);
  }

  // One thread's part: its own memory, so that nothing is locked while states change.
  struct Shelf {
    duckdb::ArenaAllocator arena{duckdb::Allocator::DefaultAllocator()};
    std::vector<std::pair<data_ptr_t, idx_t>> chunks;
    data_ptr_t free = nullptr;  // The first of those that were given back.
    idx_t unused = 0;           // Slots of the last chunk that were never taken.
  };

  Shelf& ShelfOfThisThread() {
    const std::lock_guard lock(mutex_);
    auto& shelf = shelves_[ThisThread()];
    if (!shelf) shelf = std::make_unique<Shelf>();
    return *shelf;
  }

  data_ptr_t Take(Shelf* shelf) {
    data_ptr_t slot = shelf->free;
    if (slot) {
      shelf->free = HeaderOf(slot);
    } else {
      if (shelf->unused == 0) AddChunk(shelf);
      const auto& [slots, count] = shelf->chunks.back();
      slot = slots + (count - shelf->unused--) * slot_bytes_;
    }
    function_.GetStateInitCallback()(function_, slot + kHeaderBytes);
    HeaderOf(slot) = slot;
    return slot + kHeaderBytes;
  }

  void Give(Shelf* shelf, data_ptr_t state) {
    HeaderOf(state - kHeaderBytes) = shelf->free;
    shelf->free = state - kHeaderBytes;
  }

  void Destroy(data_ptr_t* states, idx_t count, AggregateInputData* input) {
    if (count == 0) return;
    Vector vector(duckdb::LogicalType::POINTER, duckdb::data_ptr_cast(states));
    function_.GetStateDestructorCallback()(vector, *input, count);
  }

  const duckdb::AggregateFunction& function() const { return function_; }

 private:
  static constexpr idx_t kHeaderBytes = kAlignment;

  static data_ptr_t& HeaderOf(data_ptr_t slot) { return *reinterpret_cast<data_ptr_t*>(slot); }

  void AddChunk(Shelf* shelf) {
    const idx_t count = shelf->chunks.empty()
                            ? kSlotsPerChunkMin
                            : std::min(shelf->chunks.back().second * 2, kSlotsPerChunkMax);
    const data_ptr_t slots = shelf->arena.AllocateAligned(count * slot_bytes_);
    for (idx_t i = 0; i < count; ++i) HeaderOf(slots + i * slot_bytes_) = nullptr;
    shelf->chunks.emplace_back(slots, count);
    shelf->unused = count;
  }

  const duckdb::AggregateFunction function_;
  const duckdb::unique_ptr<duckdb::FunctionData> bind_data_;
  const idx_t slot_bytes_;
  std::mutex mutex_;  // Of shelves_, not of what is in them.
  std::map<const void*, std::unique_ptr<Shelf>> shelves_;
};

struct OwnedData : public duckdb::FunctionData {
  OwnedData(std::shared_ptr<StateBook> the_book,
            duckdb::unique_ptr<duckdb::FunctionData> the_engine)
      : book(std::move(the_book)), engine(std::move(the_engine)) {}
  duckdb::unique_ptr<duckdb::FunctionData> Copy() const override {
    return duckdb::make_uniq<OwnedData>(book, engine ? engine->Copy() : nullptr);
  }
  bool Equals(const duckdb::FunctionData& other) const override {
    return FunctionData::Equals(engine.get(), other.Cast<OwnedData>().engine.get());
  }

  std::shared_ptr<StateBook> book;
  duckdb::unique_ptr<duckdb::FunctionData> engine;  // The aggregate's own.
};

// One call of the engine: the thread's shelf, and the input that the aggregate itself expects.
struct Call {
  explicit Call(AggregateInputData& outer)
      : data(outer.bind_data->Cast<OwnedData>()),
        book(*data.book),
        shelf(book.ShelfOfThisThread()),
        input(data.engine.get(), shelf.arena, outer.combine_type) {}

  OwnedData& data;
  StateBook& book;
  StateBook::Shelf& shelf;
  AggregateInputData input;
};

enum class IfNone : std::uint8_t { kTake, kSkip };

// Calls visit(row, place of the state) for each of the engine's rows that has a state then.
template <class Visit>
void VisitStates(Call* call, Vector& owned, idx_t count, IfNone if_none, const Visit& visit) {
  duckdb::UnifiedVectorFormat format;
  owned.ToUnifiedFormat(count, format);
  const auto places = duckdb::UnifiedVectorFormat::GetData<data_ptr_t*>(format);
  for (idx_t i = 0; i < count; ++i) {
    data_ptr_t* const place = places[format.sel->get_index(i)];
    if (*place == nullptr) {
      if (if_none == IfNone::kSkip) continue;
      *place = call->book.Take(&call->shelf);
    }
    visit(i, place);
  }
}

// The states behind a vector of pointers to the engine's rows.
class States {
 public:
  States(Call* call, Vector& owned, idx_t count, IfNone if_none) {
    VisitStates(call, owned, count, if_none, [this](idx_t row, data_ptr_t* place) {
      rows_[count_] = static_cast<duckdb::sel_t>(row);
      places_[count_] = place;
      states_[count_++] = *place;
    });
  }
  // The rows have no state from now on.
  void Forget() {
    for (idx_t i = 0; i < count_; ++i) *places_[i] = nullptr;
  }
  Vector Pointers() {
    return Vector(duckdb::LogicalType::POINTER, duckdb::data_ptr_cast(states_.data()));
  }
  data_ptr_t* data() { return states_.data(); }
  duckdb::sel_t* rows() { return rows_.data(); }
  idx_t count() const { return count_; }

 private:
  std::array<data_ptr_t, STANDARD_VECTOR_SIZE> states_;
  std::array<data_ptr_t*, STANDARD_VECTOR_SIZE> places_;
  std::array<duckdb::sel_t, STANDARD_VECTOR_SIZE> rows_;
  idx_t count_ = 0;
};

idx_t StateSize(const duckdb::AggregateFunction&) { return sizeof(data_ptr_t); }

void Initialize(const duckdb::AggregateFunction&, data_ptr_t state) {
  *reinterpret_cast<data_ptr_t*>(state) = nullptr;
}

// Most of the time goes here: nothing but the pointers is noted.
void Update(Vector inputs[], AggregateInputData& outer, idx_t input_count, Vector& owned,
            idx_t count) {
  Call call(outer);
  std::array<data_ptr_t, STANDARD_VECTOR_SIZE> states;
  VisitStates(&call, owned, count, IfNone::kTake,
              [&states](idx_t row, data_ptr_t* place) { states[row] = *place; });
  Vector pointers(duckdb::LogicalType::POINTER, duckdb::data_ptr_cast(states.data()));
  call.book.function().GetStateUpdateCallback()(inputs, call.input, input_count, pointers, count);
}

// A state that nobody needs any more. Only where it is known to be one: the engine's own calls of
// destructors can be for rows that an error left half made.
void GiveBack(Call* call, States* states) {
  call->book.Destroy(states->data(), states->count(), &call->input);
  for (idx_t i = 0; i < states->count(); ++i) call->book.Give(&call->shelf, states->data()[i]);
  states->Forget();
}

void Combine(Vector& owned_from, Vector& owned_into, AggregateInputData& outer, idx_t count) {
  Call call(outer);
  States from(&call, owned_from, count, IfNone::kSkip);
  if (from.count() == 0) return;
  const duckdb::SelectionVector rows(from.rows());
  Vector into_rows(owned_into, rows, from.count());
  States into(&call, into_rows, from.count(), IfNone::kTake);
  Vector from_pointers = from.Pointers();
  Vector into_pointers = into.Pointers();
  call.book.function().GetStateCombineCallback()(from_pointers, into_pointers, call.input,
                                                 from.count());
  if (outer.combine_type == duckdb::AggregateCombineType::ALLOW_DESTRUCTIVE) GiveBack(&call, &from);
}

// A group's row is finalized once, and its result holds nothing of the state.
void Finalize(Vector& owned, AggregateInputData& outer, Vector& result, idx_t count, idx_t offset) {
  Call call(outer);
  States states(&call, owned, count, IfNone::kTake);
  Vector pointers = states.Pointers();
  call.book.function().GetStateFinalizeCallback()(pointers, call.input, result, count, offset);
  GiveBack(&call, &states);
}

// min and max of texts, which are asked for by many groups: the state stays in the engine's row,
// and only a long text is in the book.
struct TextState {
  duckdb::string_t value{std::uint32_t{0}};
  std::uint32_t capacity = 0;  // Bytes at the value's pointer; 0: the value is in itself.
  bool is_set = false;
};

enum class Extreme : std::uint8_t { kMin, kMax };

template <Extreme kWhich>
bool IsBetter(const duckdb::string_t& value, const TextState& state) {
  if (!state.is_set) return true;
  return kWhich == Extreme::kMin ? duckdb::LessThan::Operation(value, state.value)
                                 : duckdb::GreaterThan::Operation(value, state.value);
}

// The value's bytes are copied; a longer one doubles the room, so that all that a group ever held
// is at most some times its longest text.
void Assign(const duckdb::string_t& value, duckdb::ArenaAllocator* arena, TextState* state) {
  const auto size = static_cast<std::uint32_t>(value.GetSize());
  if (value.IsInlined()) {
    state->value = value;
    state->capacity = 0;
  } else {
    char* bytes = nullptr;
    if (state->capacity >= size) {
      bytes = state->value.GetPointer();
    } else {
      state->capacity = state->capacity == 0 ? size : std::max(size, 2 * state->capacity);
      bytes = duckdb::char_ptr_cast(arena->Allocate(state->capacity));
    }
    std::memcpy(bytes, value.GetData(), size);
    state->value = duckdb::string_t(bytes, size);
  }
  state->is_set = true;
}

void InitializeText(const duckdb::AggregateFunction&, data_ptr_t state) { new (state) TextState{}; }

template <Extreme kWhich>
void UpdateText(Vector inputs[], AggregateInputData& outer, idx_t, Vector& rows, idx_t count) {
  Call call(outer);
  duckdb::UnifiedVectorFormat texts;
  duckdb::UnifiedVectorFormat places;
  inputs[0].ToUnifiedFormat(count, texts);
  rows.ToUnifiedFormat(count, places);
  const auto values = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(texts);
  const auto states = duckdb::UnifiedVectorFormat::GetData<TextState*>(places);
  for (idx_t i = 0; i < count; ++i) {
    const idx_t at = texts.sel->get_index(i);
    if (!texts.validity.RowIsValid(at)) continue;
    TextState* const state = states[places.sel->get_index(i)];
    if (IsBetter<kWhich>(values[at], *state)) Assign(values[at], &call.shelf.arena, state);
  }
}

template <Extreme kWhich>
void CombineText(Vector& from, Vector& into, AggregateInputData& outer, idx_t count) {
  Call call(outer);
  const auto sources = duckdb::FlatVector::GetData<const TextState*>(from);
  const auto targets = duckdb::FlatVector::GetData<TextState*>(into);
  for (idx_t i = 0; i < count; ++i) {
    if (!sources[i]->is_set || !IsBetter<kWhich>(sources[i]->value, *targets[i])) continue;
    if (outer.combine_type == duckdb::AggregateCombineType::ALLOW_DESTRUCTIVE) {
      *targets[i] = *sources[i];  // The source is not used again; the book has its bytes.
    } else {
      Assign(sources[i]->value, &call.shelf.arena, targets[i]);
    }
  }
}

void FinalizeText(Vector& rows, AggregateInputData&, Vector& result, idx_t count, idx_t offset) {
  duckdb::UnifiedVectorFormat places;
  rows.ToUnifiedFormat(count, places);
  const auto states = duckdb::UnifiedVectorFormat::GetData<const TextState*>(places);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  const auto values = duckdb::FlatVector::GetData<duckdb::string_t>(result);
  for (idx_t i = 0; i < count; ++i) {
    const TextState& state = *states[places.sel->get_index(i)];
    if (state.is_set) {
      values[offset + i] = duckdb::StringVector::AddStringOrBlob(result, state.value);
    } else {
      duckdb::FlatVector::SetNull(result, offset + i, true);
    }
  }
}

template <Extreme kWhich>
void KeepTexts(duckdb::AggregateFunction* function) {
  function->SetStateSizeCallback(
      [](const duckdb::AggregateFunction&) -> idx_t { return sizeof(TextState); });
  function->SetStateInitCallback(InitializeText);
  function->SetStateUpdateCallback(UpdateText<kWhich>);
  function->SetStateCombineCallback(CombineText<kWhich>);
  function->SetStateFinalizeCallback(FinalizeText);
}

void KeepStates(duckdb::AggregateFunction* function) {
  function->SetStateSizeCallback(StateSize);
  function->SetStateInitCallback(Initialize);
  function->SetStateUpdateCallback(Update);
  function->SetStateCombineCallback(Combine);
  function->SetStateFinalizeCallback(Finalize);
}

// Not with another order than that of the bytes: a collation has become another function.
bool IsOfTexts(const duckdb::BoundAggregateExpression& aggregate) {
  return aggregate.children.size() == 1 &&
         (aggregate.children[0]->return_type.id() == duckdb::LogicalTypeId::VARCHAR ||
          aggregate.children[0]->return_type.id() == duckdb::LogicalTypeId::BLOB) &&
         aggregate.children[0]->return_type == aggregate.return_type;
}

void Own(duckdb::BoundAggregateExpression* aggregate) {
  duckdb::AggregateFunction& function = aggregate->function;
  auto book = std::make_shared<StateBook>(function, aggregate->bind_info.get());
  aggregate->bind_info =
      duckdb::make_uniq<OwnedData>(std::move(book), std::move(aggregate->bind_info));
  if (function.name == "min" && IsOfTexts(*aggregate)) {
    KeepTexts<Extreme::kMin>(&function);
  } else if (function.name == "max" && IsOfTexts(*aggregate)) {
    KeepTexts<Extreme::kMax>(&function);
  } else {
    KeepStates(&function);
  }
  function.SetStateDestructorCallback(nullptr);
  function.SetStateSimpleUpdateCallback(nullptr);
}

void OwnIn(duckdb::ClientContext& context, duckdb::LogicalOperator* plan) {
  for (const auto& child : plan->children) OwnIn(context, child.get());
  if (plan->type != duckdb::LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY) return;
  auto& grouping = plan->Cast<duckdb::LogicalAggregate>();
  if (grouping.groups.empty()) return;  // One state a thread; the engine destroys it.
  for (const auto& expression : grouping.expressions) {
    auto& aggregate = expression->Cast<duckdb::BoundAggregateExpression>();
    if (aggregate.order_bys) {
      // As the engine would when it makes the physical plan: the sorted rows are states too.
      duckdb::FunctionBinder::BindSortedAggregate(context, aggregate, grouping.groups,
                                                  grouping.grouping_sets);
    }
    if (aggregate.function.HasStateDestructorCallback()) Own(&aggregate);
  }
}

}  // namespace

void OwnAggregateStates(duckdb::DatabaseInstance& instance) {
  duckdb::OptimizerExtension extension;
  extension.optimize_function = [](duckdb::OptimizerExtensionInput& input,
                                   duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
    OwnIn(input.context, plan.get());
  };
  duckdb::OptimizerExtension::Register(duckdb::DBConfig::GetConfig(instance), extension);
}

}  // namespace tidemark::engine
