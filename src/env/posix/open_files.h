// How many files the process may have open, connections among them.
#pragma once

#include <cstdint>

namespace tidemark::env {

// Raises the limit to `wanted` or, where the system allows less, as far as it may; never lowers it.
// What may be open then. Before other threads start.
std::uint64_t RaiseOpenFiles(std::uint64_t wanted);

}  // namespace tidemark::env
