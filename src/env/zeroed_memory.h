// Zeroed memory for tables that are read and written in no order. Much of it is put in place at
// once: in a table that is spread over pages that are not there yet nearly every new entry costs
// two faults, one as its place is looked at and one as it is written.
#pragma once

#include <cstddef>
#include <memory>

namespace tidemark::env {

class ZeroedMemory {
 public:
  // So much is mapped for itself; less is the heap's.
  static constexpr std::size_t kMappedBytes = std::size_t{1} << 20;

  ZeroedMemory() = default;  // Of no bytes.
  // As operator new: std::bad_alloc if there is none.
  explicit ZeroedMemory(std::size_t bytes);

  // Aligned to 64 bytes.
  char* data() const { return memory_.get(); }
  std::size_t bytes() const { return memory_ == nullptr ? 0 : memory_.get_deleter().bytes; }

 private:
  struct Free {
    std::size_t bytes;
    void operator()(char* memory) const;
  };
  std::unique_ptr<char, Free> memory_;
};

}  // namespace tidemark::env
