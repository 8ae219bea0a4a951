// The schema registry over HTTP, as its own clients, Confluent's and Iglu's speak to it. See
// targets.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::fuzz {

// Requests to an empty registry, each of two lines: `POST /subjects/a/versions`, a body.
void RunRegistry(std::string_view bytes);
std::vector<std::string> RegistrySeeds();

}  // namespace tidemark::fuzz
