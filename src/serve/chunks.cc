#include "serve/chunks.h"

#include "base/check.h"
#include "base/json_writer.h"

namespace tidemark::serve {

void ChunkShaper::Add(std::string_view lines, std::string* out) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    TM_CHECK(end != std::string_view::npos);
    // Only now is the chunk before known not to be the last.
    if (count_ == kChunkRows) Emit(false, out);
    if (count_++ > 0) rows_.push_back(',');
    rows_.append(lines.substr(0, end));
    lines.remove_prefix(end + 1);
  }
}

void ChunkShaper::End(std::string* out) { Emit(true, out); }

void ChunkShaper::Emit(bool last, std::string* out) {
  out->append("{\"data\":[").append(rows_).append("],\"isLast\":").append(last ? "true" : "false");
  out->append(",\"metadata\":");
  JsonWriter json(out);
  json.BeginObject().Field("offset", offset_).Key("totalRows");
  last ? json.Uint(offset_ + count_) : json.Null();
  json.EndObject();
  out->append("}\n");
  offset_ += count_;
  count_ = 0;
  rows_.clear();
}

}  // namespace tidemark::serve
