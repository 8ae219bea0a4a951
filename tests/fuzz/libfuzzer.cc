// One target as a libFuzzer program; TM_FUZZ_TARGET names it. With no input yet it begins at the
// seeds.

#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "fuzz/targets.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  static const std::vector<std::string> seeds = tidemark::fuzz::FindTarget(TM_FUZZ_TARGET)->seeds();
  if (size <= 1 || seed % 64 == 0) {
    const std::string& from = seeds[seed / 64 % seeds.size()];
    size = std::min(from.size(), size_max);
    std::memcpy(data, from.data(), size);
  }
  return LLVMFuzzerMutate(data, size, size_max);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const tidemark::fuzz::Target* const target = tidemark::fuzz::FindTarget(TM_FUZZ_TARGET);
  TM_CHECK(target != nullptr);
  target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
