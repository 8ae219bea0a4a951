#include "hot/selection.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "base/check.h"

namespace tidemark::hot {
namespace {

using event::ColumnScratch;
using event::ColumnView;
using event::kChunkRows;
using event::RowRef;
using event::StringRef;
using event::Type;
using Kind = ColumnView::Kind;

// Gathers rows into a scratch, run by run: a run is rows that follow each other in the selection
// and lie in one chunk of the source.
class Gather {
 public:
  explicit Gather(ColumnScratch* out) : out_(out) { out_->validity.fill(0); }

  template <class T>
  void Fixed(const ColumnView& view, const RowRef* rows, std::size_t count, std::size_t at) {
    if (view.kind != Kind::kFixed) return;
    auto* to = reinterpret_cast<T*>(out_->fixed.data()) + at;
    const auto* from = static_cast<const T*>(view.fixed);
    Each(view, rows, count, at, [&](std::size_t i, std::uint32_t row) { to[i] = from[row]; });
  }

  void Strings(const ColumnView& view, const RowRef* rows, std::size_t count, std::size_t at) {
    StringRef* to = out_->strings.data() + at;
    switch (view.kind) {
      case Kind::kNull:
      case Kind::kFixed:
        return;
      case Kind::kConstant:
        std::fill_n(to, count, view.constant_text);
        return SetValid(at, count);
      case Kind::kStrings:
        return Each(view, rows, count, at,
                    [&](std::size_t i, std::uint32_t row) { to[i] = view.strings[row]; });
      case Kind::kDictionary:
        for (std::size_t i = 0; i < count; ++i) {
          const std::uint32_t code = view.codes[rows[i].row];
          if (code == view.null_code) continue;
          to[i] = view.dictionary[code];
          SetValid(at + i);
        }
        return;
    }
  }

  void Codes(const ColumnView& view, const RowRef* rows, std::size_t count, std::size_t at) {
    for (std::size_t i = 0; i < count; ++i) {
      out_->codes[at + i] = view.kind == Kind::kDictionary ? view.codes[rows[i].row] : 0;
    }
  }

  // What is known of the `count` rows that were gathered.
  void Finish(std::size_t count, ColumnView* view) const {
    std::size_t valid = 0;
    for (const std::uint64_t word : out_->validity) {
      valid += static_cast<std::size_t>(std::popcount(word));
    }
    if (valid == 0) {
      *view = {};
    } else if (valid < count) {
      view->validity = out_->validity.data();
    }
  }

 private:
  void SetValid(std::size_t at) { out_->validity[at / 64] |= 1ULL << (at % 64); }
  void SetValid(std::size_t at, std::size_t count) {
    for (const std::size_t end = at + count; at < end;) {
      const std::size_t bits = std::min(64 - at % 64, end - at);
      out_->validity[at / 64] |= (bits == 64 ? ~0ULL : (1ULL << bits) - 1) << (at % 64);
      at += bits;
    }
  }
  // Calls put(i, row of the source) for the rows that have a value, and notes them.
  template <class Put>
  void Each(const ColumnView& view, const RowRef* rows, std::size_t count, std::size_t at,
            const Put& put) {
    if (view.validity == nullptr) {
      for (std::size_t i = 0; i < count; ++i) put(i, rows[i].row);
      return SetValid(at, count);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!view.IsValid(rows[i].row)) continue;
      put(i, rows[i].row);
      SetValid(at + i);
    }
  }

  ColumnScratch* out_;
};

class Selection final : public event::RowSource {
 public:
  Selection(std::shared_ptr<const event::RowSource> source, std::vector<RowRef> rows)
      : source_(std::move(source)), rows_(std::move(rows)) {
    times_.resize((rows_.size() + kChunkRows - 1) / kChunkRows);
    for (std::size_t chunk = 0; chunk < times_.size(); ++chunk) FindTimes(chunk);
  }

  std::size_t chunk_count() const override { return times_.size(); }
  std::size_t ChunkRows(std::size_t chunk) const override {
    return std::min(kChunkRows, rows_.size() - chunk * kChunkRows);
  }
  event::TimeRange ChunkTimes(std::size_t chunk) const override { return times_[chunk]; }
  std::uint64_t row_count() const override { return rows_.size(); }

  const event::TableSchema& schema() const override { return source_->schema(); }

  ColumnView Read(std::size_t chunk, std::size_t column, ColumnScratch* scratch) const override {
    ColumnView view;
    const Type type = schema().columns[column].type;
    Gather gather(scratch);
    if (type != Type::kString) {
      Runs(chunk, column,
           [&](const ColumnView& from, const RowRef* rows, std::size_t n, std::size_t at) {
             if (type == Type::kInt32) {
               gather.Fixed<std::int32_t>(from, rows, n, at);
             } else if (type == Type::kDouble) {
               gather.Fixed<double>(from, rows, n, at);
             } else if (type == Type::kBool) {
               gather.Fixed<bool>(from, rows, n, at);
             } else {
               gather.Fixed<std::int64_t>(from, rows, n, at);
             }
           });
      view.kind = Kind::kFixed;
      view.fixed = scratch->fixed.data();
      gather.Finish(ChunkRows(chunk), &view);
      return view;
    }
    if (ShareTexts(chunk, column, &view)) {
      if (view.kind != Kind::kDictionary) return view;
      Runs(chunk, column,
           [&](const ColumnView& from, const RowRef* rows, std::size_t n, std::size_t at) {
             gather.Codes(from, rows, n, at);
           });
      view.codes = scratch->codes.data();
      return view;
    }
    Runs(chunk, column,
         [&](const ColumnView& from, const RowRef* rows, std::size_t n, std::size_t at) {
           gather.Strings(from, rows, n, at);
         });
    view = ColumnView{};
    view.kind = Kind::kStrings;
    view.strings = scratch->strings.data();
    gather.Finish(ChunkRows(chunk), &view);
    return view;
  }

 private:
  template <class Visit>
  void Runs(std::size_t chunk, std::size_t column, const Visit& visit) const {
    ColumnScratch inner;  // The source's views need a place of their own.
    const RowRef* rows = rows_.data() + chunk * kChunkRows;
    const std::size_t count = ChunkRows(chunk);
    for (std::size_t at = 0; at < count;) {
      std::size_t end = at + 1;
      while (end < count && rows[end].chunk == rows[at].chunk) ++end;
      const ColumnView view = source_->Read(rows[at].chunk, column, &inner);
      visit(view, rows + at, end - at, at);
      at = end;
    }
  }

  // True, and a view with the dictionary, with the one text or of nulls only, if all runs have the
  // same dictionary or none, or the same text.
  bool ShareTexts(std::size_t chunk, std::size_t column, ColumnView* shared) const {
    bool same = true;
    bool first = true;
    bool nulls = false;
    Runs(chunk, column, [&](const ColumnView& from, const RowRef*, std::size_t, std::size_t) {
      nulls |= from.kind == Kind::kNull;
      if (from.kind == Kind::kNull || !same) return;
      same = from.kind == Kind::kDictionary || from.kind == Kind::kConstant;
      if (std::exchange(first, false)) {
        shared->kind = from.kind;
        shared->dictionary = from.dictionary;
        shared->constant_text = from.constant_text;
      }
      same = same && from.kind == shared->kind && from.dictionary == shared->dictionary &&
             from.constant_text.view() == shared->constant_text.view();
      shared->dictionary_size = std::max(shared->dictionary_size, from.dictionary_size);
    });
    return same && !(nulls && shared->kind == Kind::kConstant);
  }

  void FindTimes(std::size_t chunk) {
    ColumnScratch times;
    const ColumnView view = Read(chunk, schema().timestamp, &times);
    if (view.kind != Kind::kFixed) return;
    const auto* micros = static_cast<const std::int64_t*>(view.fixed);
    for (std::size_t i = 0; i < ChunkRows(chunk); ++i) {
      if (!view.IsValid(i)) continue;
      times_[chunk].min = std::min(times_[chunk].min, TimeMicros(micros[i]));
      times_[chunk].max = std::max(times_[chunk].max, TimeMicros(micros[i]));
    }
  }

  const std::shared_ptr<const event::RowSource> source_;
  const std::vector<RowRef> rows_;
  std::vector<event::TimeRange> times_;
};

}  // namespace

std::shared_ptr<const event::RowSource> Select(std::shared_ptr<const event::RowSource> source,
                                               std::vector<RowRef> rows) {
  TM_CHECK(source != nullptr);
  return std::make_shared<const Selection>(std::move(source), std::move(rows));
}

}  // namespace tidemark::hot
