// Dimensions from a CSV file (RFC 4180): the first line names columns of the events table, the
// first of them is the key. The file is read again when a key is asked for 15 minutes (`age`) after
// the last time. The thread of its LookupTable's Step.
#pragma once

#include <map>
#include <string>

#include "enrich/lookup.h"

namespace tidemark::enrich {

inline constexpr std::size_t kCsvBytesMax = 256U << 20;

class CsvSource final : public DimensionSource {
 public:
  // `clock` must outlive it. kInvalidArgument: there is no such file, or a first line that names
  // something else, or a row that cannot be meant so.
  static Result<std::unique_ptr<DimensionSource>> Open(std::string native_path,
                                                       const env::Clock* clock,
                                                       Duration age = kLookupAge);

  event::Column key_column() const override { return key_column_; }
  const std::vector<event::Column>& columns() const override { return columns_; }
  Result<std::vector<std::optional<DimensionValues>>> Find(
      std::span<const std::string> keys) override;

 private:
  CsvSource(std::string native_path, const env::Clock* clock, Duration age)
      : native_path_(std::move(native_path)), clock_(clock), age_(age) {}
  Status Read();

  const std::string native_path_;
  const env::Clock* const clock_;
  const Duration age_;
  Duration read_at_{};
  event::Column key_column_ = event::Column::kUserId;
  std::vector<event::Column> columns_;
  std::unordered_map<std::string, DimensionValues> rows_;
};

}  // namespace tidemark::enrich
