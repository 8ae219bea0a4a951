// The memory of the process as the kernel counts it, and the heap's free part given back to it.
#pragma once

#include <cstdint>

namespace tidemark::env {

// Blocks of 4 MiB and more come from the kernel one by one from here on and go back when they are
// freed; glibc else raises that bound to 32 MiB as such blocks are freed, and keeps them. Called
// once, before the first threads.
void ReturnLargeBlocks();

// Gives the free pages of the heap back to the kernel. Takes some milliseconds a GiB, in which
// other threads may wait for a block. Any thread.
void ReturnFreeMemory();

// Gives a part of the large blocks that nobody uses back to the kernel: called every second, it
// leaves none of them to a process that rests. Any thread.
void ReturnIdleMemory();

// Bytes of memory that the process has now (RSS). 0: the kernel does not say. Any thread.
std::uint64_t ResidentBytes();

}  // namespace tidemark::env
