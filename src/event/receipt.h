// A receipt: where in the log the events of one acknowledged request are. A token that names log,
// partition and offsets itself; nothing is stored for it. docs/format/receipt.md.
//
// A query that takes a receipt as `min_offset` sees at least its events. Value type; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace tidemark::event {

inline constexpr std::size_t kReceiptBytesMax = 256;

struct Receipt {
  std::string log_id;  // Letters, digits, '-' and '_' only.
  std::int32_t partition = 0;
  LogOffset first;          // Offset of the request's first event.
  std::uint32_t count = 0;  // Events; in a log without gaps they end before first + count.

  LogOffset end() const { return first + static_cast<std::int64_t>(count); }
  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// `<log id>.<partition>.<first>.<end>`: safe in a header, a URL and a file name.
std::string EncodeReceipt(const Receipt& receipt);
// kInvalidArgument if `token` is not one.
Result<Receipt> DecodeReceipt(std::string_view token);

}  // namespace tidemark::event
