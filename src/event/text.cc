#include "event/text.h"

#include <simdjson.h>

namespace tidemark::event {

bool IsUtf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

bool IsText(std::string_view bytes) {
  return bytes.find('\0') == std::string_view::npos && IsUtf8(bytes);
}

}  // namespace tidemark::event
