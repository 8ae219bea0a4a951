// Rows of NDJSON regrouped into lines of `{"data":[...],"isLast":..,"metadata":{"offset":..,
// "totalRows":..}}` with kChunkRows rows each: `?chunks=1`. One thread.
//
// A result is streamed, so that how many rows there are is known with the last chunk only: before,
// `totalRows` is null. A result without rows is one empty last chunk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::serve {

inline constexpr std::uint64_t kChunkRows = 10'000;

class ChunkShaper {
 public:
  // Whole lines of NDJSON; appends the chunks that are known not to be the last.
  void Add(std::string_view lines, std::string* out);
  // Appends the last chunk.
  void End(std::string* out);

 private:
  void Emit(bool last, std::string* out);

  std::string rows_;  // Of the chunk being gathered, separated by commas.
  std::uint64_t count_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace tidemark::serve
