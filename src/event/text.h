// Whether bytes may stand in a text column. A data file with others in it no engine reads, so
// whatever did not come as JSON is asked first. Pure; any thread.
#pragma once

#include <string_view>

namespace tidemark::event {

// UTF-8 (RFC 3629) without the zero byte, which readers of other languages end a text at.
bool IsText(std::string_view bytes);

}  // namespace tidemark::event
