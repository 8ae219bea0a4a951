// Answers as gzip where the client takes it: the metadata of a table of many snapshots is large and
// shrinks to a tenth. RFC 9110, 12.5.3 (Accept-Encoding). Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark::iceberg {

inline constexpr std::size_t kGzipBytesMin = 16U << 10;  // Smaller bodies are sent as they are,
inline constexpr std::size_t kGzipBytesMax = 64U << 20;  // and larger ones: they would keep the
                                                         // thread for seconds.

// Whether the header's value lets an answer be gzip: it names it, or `*`, and not with `q=0`.
bool AcceptsGzip(std::string_view accept_encoding);
std::string GzipBody(std::string_view body);

}  // namespace tidemark::iceberg
