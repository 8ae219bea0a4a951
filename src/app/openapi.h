// The OpenAPI document of this very build, as `GET /openapi.json` answers it. Its source is
// docs/reference/openapi.json.
#pragma once

#include <string_view>

namespace tidemark::app {

std::string_view OpenApiJson();

}  // namespace tidemark::app
