#include "event/text.h"

#include <simdjson.h>

namespace tidemark::event {

bool IsText(std::string_view bytes) {
  return bytes.find('\0') == std::string_view::npos &&
         simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace tidemark::event
