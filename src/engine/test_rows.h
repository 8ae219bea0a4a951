// Rows for tests of this folder: columns of text and times in plain vectors.
#pragma once

#include <array>
#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/row_source.h"

namespace tidemark::engine {

struct TestRow {
  std::string event_id = "";
  std::string event_type = "page_view";
  std::int64_t time = 0;  // Seconds.
  std::optional<std::string> user_id = {};
  std::optional<std::string> country = {};
  std::optional<double> value = {};
  std::int64_t offset = 0;
  std::optional<std::string> properties = {};
};

// event_type and country are dictionaries, event_id and user_id strings, project_id a constant.
class TestRows final : public event::RowSource {
 public:
  explicit TestRows(std::vector<TestRow> rows) : rows_(std::move(rows)) {
    dictionary_.push_back({});
    for (const TestRow& row : rows_) {
      types_.push_back(Code(row.event_type));
      countries_.push_back(row.country ? Code(*row.country) : 0);
      ids_.push_back(event::StringRef::Of(row.event_id));
      users_.push_back(event::StringRef::Of(row.user_id ? std::string_view(*row.user_id) : ""));
      times_.push_back(row.time * kMicrosPerSecond);
      values_.push_back(row.value.value_or(0));
      offsets_.push_back(row.offset);
      properties_.push_back(
          event::StringRef::Of(row.properties ? std::string_view(*row.properties) : ""));
    }
  }

  std::size_t chunk_count() const override {
    return (rows_.size() + event::kChunkRows - 1) / event::kChunkRows;
  }
  std::size_t ChunkRows(std::size_t chunk) const override {
    return std::min(event::kChunkRows, rows_.size() - chunk * event::kChunkRows);
  }
  event::TimeRange ChunkTimes(std::size_t chunk) const override {
    event::TimeRange range;
    for (std::size_t i = 0; i < ChunkRows(chunk); ++i) {
      const TimeMicros time(times_[chunk * event::kChunkRows + i]);
      range.min = std::min(range.min, time);
      range.max = std::max(range.max, time);
    }
    return range;
  }
  std::uint64_t row_count() const override { return rows_.size(); }

  const event::TableSchema& schema() const override { return *event::EventsSchema(); }

  using RowSource::Read;
  event::ColumnView Read(std::size_t chunk, std::size_t index,
                         event::ColumnScratch* scratch) const override {
    using event::Column;
    const auto column = static_cast<Column>(index);
    const std::size_t from = chunk * event::kChunkRows;
    event::ColumnView view;
    switch (column) {
      case Column::kEventId:
        return Strings(&ids_[from]);
      case Column::kEventType:
        return Codes(&types_[from]);
      case Column::kCountry:
        return Codes(&countries_[from]);
      case Column::kUserId:
        view = Strings(&users_[from]);
        Mask(chunk, scratch, [&](std::size_t i) { return rows_[i].user_id.has_value(); });
        view.validity = scratch->validity.data();
        return view;
      case Column::kProperties:
        view = Strings(&properties_[from]);
        Mask(chunk, scratch, [&](std::size_t i) { return rows_[i].properties.has_value(); });
        view.validity = scratch->validity.data();
        return view;
      case Column::kValue:
        view = Fixed(&values_[from]);
        Mask(chunk, scratch, [&](std::size_t i) { return rows_[i].value.has_value(); });
        view.validity = scratch->validity.data();
        return view;
      case Column::kTimestamp:
      case Column::kReceivedAt:
        return Fixed(&times_[from]);
      case Column::kLogOffset:
        return Fixed(&offsets_[from]);
      case Column::kLogPartition:
        scratch->fixed.fill(0);
        return Fixed(scratch->fixed.data());
      case Column::kProjectId:
        view.kind = event::ColumnView::Kind::kConstant;
        view.constant_text = event::StringRef::Of("default");
        return view;
      default:
        return view;
    }
  }

 private:
  std::uint32_t Code(const std::string& text) {
    for (std::uint32_t code = 1; code < dictionary_.size(); ++code) {
      if (dictionary_[code].view() == text) return code;
    }
    texts_.push_back(std::make_unique<std::string>(text));
    dictionary_.push_back(event::StringRef::Of(*texts_.back()));
    return static_cast<std::uint32_t>(dictionary_.size() - 1);
  }
  static event::ColumnView Strings(const event::StringRef* strings) {
    event::ColumnView view;
    view.kind = event::ColumnView::Kind::kStrings;
    view.strings = strings;
    return view;
  }
  static event::ColumnView Fixed(const void* data) {
    event::ColumnView view;
    view.kind = event::ColumnView::Kind::kFixed;
    view.fixed = data;
    return view;
  }
  event::ColumnView Codes(const std::uint32_t* codes) const {
    event::ColumnView view;
    view.kind = event::ColumnView::Kind::kDictionary;
    view.codes = codes;
    view.dictionary = dictionary_.data();
    view.dictionary_size = static_cast<std::uint32_t>(dictionary_.size());
    return view;
  }
  template <class Has>
  void Mask(std::size_t chunk, event::ColumnScratch* scratch, const Has& has) const {
    scratch->validity.fill(0);
    for (std::size_t i = 0; i < ChunkRows(chunk); ++i) {
      if (has(chunk * event::kChunkRows + i)) scratch->validity[i / 64] |= 1ULL << (i % 64);
    }
  }

  const std::vector<TestRow> rows_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<event::StringRef> dictionary_;
  std::vector<std::uint32_t> types_;
  std::vector<std::uint32_t> countries_;
  std::vector<event::StringRef> ids_;
  std::vector<event::StringRef> users_;
  std::vector<event::StringRef> properties_;
  std::vector<std::int64_t> times_;
  std::vector<double> values_;
  std::vector<std::int64_t> offsets_;
};

// Rows numbered from `begin` up to `end`, with properties n and s, and a whole number that no int64
// gives back in row 250.
inline std::vector<TestRow> NumberedRows(std::int64_t begin, std::int64_t end) {
  std::vector<TestRow> rows;
  for (std::int64_t i = begin; i < end; ++i) {
    TestRow row;
    row.event_id = std::to_string(i);
    row.event_type = i % 3 == 0 ? "buy" : "view";
    row.user_id = "u" + std::to_string(i * 7919 % 9'000);
    row.time = i;
    row.offset = i;
    const std::string n = i == 250 ? "12345678901234567890" : std::to_string(i);
    row.properties =
        "{\"n\":" + n + ",\"s\":\"" + std::string(static_cast<std::size_t>(i % 40), 's') + "\"}";
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace tidemark::engine
