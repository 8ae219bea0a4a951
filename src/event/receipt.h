// A receipt: where in the log the events of one acknowledged request are, and where in the log of
// the quarantine those that were not valid. A token that names log, partition and offsets itself;
// nothing is stored for it. docs/format/receipt.md.
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

  LogOffset quarantine_first;          // Offset of its first item in the quarantine.
  std::uint32_t quarantine_count = 0;  // Items; 0: it has none there, and no offset.

  LogOffset end() const { return first + static_cast<std::int64_t>(count); }
  LogOffset quarantine_end() const {
    return quarantine_first + static_cast<std::int64_t>(quarantine_count);
  }
  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// `<log id>.<partition>.<first>.<end>`, and `.q.<first>.<end>` behind it if the request has items
// in the quarantine: safe in a header, a URL and a file name.
std::string EncodeReceipt(const Receipt& receipt);
// kInvalidArgument if `token` is not one.
Result<Receipt> DecodeReceipt(std::string_view token);

}  // namespace tidemark::event
