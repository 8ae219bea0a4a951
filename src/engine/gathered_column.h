// A few rows of several chunks' views of one column as one view.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "event/row_source.h"

namespace tidemark::engine {

// Belongs to one thread. Texts stay where they are: what the views point to must outlive the use.
class GatheredColumn {
 public:
  // For a column of that type. Its memory comes with the first row.
  explicit GatheredColumn(event::Type type) : type_(type) {}

  // Puts rows rows[0] to rows[count-1] of `view` at `at` and behind; all below `at` are there.
  // At most kChunkRows in all.
  void Put(const event::ColumnView& view, const std::uint32_t* rows, std::size_t count,
           std::size_t at);
  // The first `count` rows; good until the next Put.
  event::ColumnView View(std::size_t count) const;

 private:
  void PutFixed(const event::ColumnView& view, const std::uint32_t* rows, std::size_t count,
                std::size_t at);
  void PutStrings(const event::ColumnView& view, const std::uint32_t* rows, std::size_t count,
                  std::size_t at);

  const event::Type type_;
  std::unique_ptr<event::ColumnScratch> memory_;
};

}  // namespace tidemark::engine
