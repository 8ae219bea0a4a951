#include "enrich/csv_source.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/utf8.h"

namespace tidemark::enrich {
namespace {

Error BadRow(std::size_t line, std::string_view why) {
  return {Code::kInvalidArgument,
          "the file of dimensions: line " + std::to_string(line) + " " + std::string(why)};
}

// The next record, taken off `text`, with `*line` behind it. Quotes may hold commas, line ends and
// doubled quotes. kInvalidArgument: a quote does not end.
Result<std::vector<std::string>> TakeRecord(std::string_view* text, std::size_t* line) {
  std::vector<std::string> fields(1);
  const std::size_t first = *line;
  bool quoted = false;
  std::size_t i = 0;
  for (; i < text->size(); ++i) {
    const char c = (*text)[i];
    if (c == '\n') ++*line;
    if (quoted) {
      const bool doubled = c == '"' && i + 1 < text->size() && (*text)[i + 1] == '"';
      if (doubled) ++i;
      if (c == '"' && !doubled) {
        quoted = false;
      } else {
        fields.back().push_back(c);
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      fields.back().push_back(c);
    }
  }
  if (quoted) return Fail(BadRow(first, "begins a quote that does not end"));
  text->remove_prefix(std::min(i + 1, text->size()));
  return fields;
}

Result<std::string> ReadWhole(const std::string& native_path) {
  std::FILE* file = std::fopen(native_path.c_str(), "rb");
  if (file == nullptr) {
    return Fail(Code::kInvalidArgument, "there is no file " + native_path);
  }
  std::string text;
  std::string part(1U << 16U, '\0');
  for (std::size_t size = 1; size > 0 && text.size() <= kCsvBytesMax;) {
    size = std::fread(part.data(), 1, part.size(), file);
    text.append(part, 0, size);
  }
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed || text.size() > kCsvBytesMax) {
    return Fail(Code::kInvalidArgument, "the file of dimensions cannot be read or is too large");
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<DimensionSource>> CsvSource::Open(std::string native_path,
                                                         const env::Clock* clock, Duration age) {
  std::unique_ptr<CsvSource> source(new CsvSource(std::move(native_path), clock, age));
  TM_TRY(source->Read());
  return std::unique_ptr<DimensionSource>(std::move(source));
}

Status CsvSource::Read() {
  read_at_ = clock_->Now();
  TM_ASSIGN(const std::string text, ReadWhole(native_path_));
  std::string_view rest = WithoutByteOrderMark(text);
  std::size_t line = 1;
  std::vector<event::Column> columns;
  TM_ASSIGN(const auto names, TakeRecord(&rest, &line));
  for (const std::string& name : names) {
    const auto column = event::FindColumn(name);
    if (!column || event::Info(*column).type != event::Type::kString ||
        event::Info(*column).required) {
      return Fail(Code::kInvalidArgument,
                  "the first line of the file of dimensions names `" + name +
                      "`, which is no optional text column of events; it must read like "
                      "user_id,user_tier");
    }
    if (std::ranges::find(columns, *column) != columns.end()) {
      return Fail(BadRow(1, "names `" + name + "` twice"));
    }
    columns.push_back(*column);
  }
  if (columns.size() < 2) {
    return Fail(Code::kInvalidArgument,
                "the first line of the file of dimensions must name a key and a column at least, "
                "like user_id,user_tier");
  }
  const event::Column key = columns.front();
  columns.erase(columns.begin());
  if (!columns_.empty() && (key != key_column_ || columns != columns_)) {
    return Fail(Code::kInvalidArgument, "the file of dimensions has other columns than before");
  }
  std::unordered_map<std::string, DimensionValues> rows;
  while (!rest.empty()) {
    const std::size_t first = line;
    TM_ASSIGN(std::vector<std::string> fields, TakeRecord(&rest, &line));
    if (fields.size() == 1 && fields.front().empty()) continue;
    // With a comma too many every value behind it would be another column's.
    if (fields.size() > columns.size() + 1) {
      return Fail(BadRow(first, "has " + std::to_string(fields.size()) + " fields, and the first " +
                                    std::to_string(columns.size() + 1) +
                                    "; a comma in a value is written in quotes"));
    }
    std::string name = std::move(fields.front());
    fields.erase(fields.begin());
    fields.resize(columns.size());
    rows.insert_or_assign(std::move(name), std::move(fields));
  }
  key_column_ = key;
  columns_ = std::move(columns);
  rows_ = std::move(rows);
  return {};
}

Result<std::vector<std::optional<DimensionValues>>> CsvSource::Find(
    std::span<const std::string> keys) {
  // What is there is better than nothing: an unreadable file is tried again next time.
  if (clock_->Now() - read_at_ >= age_) TM_TRY(Read());
  std::vector<std::optional<DimensionValues>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto row = rows_.find(keys[i]);
    if (row != rows_.end()) found[i] = row->second;
  }
  return found;
}

}  // namespace tidemark::enrich
