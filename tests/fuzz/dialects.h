// The parsers of the dialects as fuzz targets. An input is a target, headers, an empty line and a
// body: "/v1/batch\nname: value\n\n{...}".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

void RunCloudEvents(std::string_view bytes);
void RunSegment(std::string_view bytes);
void RunPostHog(std::string_view bytes);

std::vector<std::string> CloudEventSeeds();
std::vector<std::string> SegmentSeeds();
std::vector<std::string> PostHogSeeds();

}  // namespace tidemark::fuzz
