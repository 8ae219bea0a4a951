// The shape of a SQL answer around its rows. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "query/service.h"

namespace tidemark::serve {

class AnswerFormat {
 public:
  // "json", "ndjson", "csv", "arrow", or "chunks": NDJSON that serve/chunks.h regroups.
  explicit AnswerFormat(std::string_view format);

  engine::RowFormat rows() const { return rows_; }
  std::string_view content_type() const;
  // What comes before the rows, and after them.
  std::string Begin(const query::SqlAnswer& answer) const;
  std::string End(const query::SqlAnswer& answer, Duration now) const;

 private:
  engine::RowFormat rows_;
};

// The cut and the route as headers, for formats that have no room for them.
std::vector<std::pair<std::string, std::string>> AnswerHeaders(const query::SqlAnswer& answer);

}  // namespace tidemark::serve
