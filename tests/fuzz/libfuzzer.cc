// The targets as one libFuzzer program: `tm_fuzz --target=NAME ...`. `--list` writes their names,
// `--target=NAME --seeds=FOLDER` good inputs of one, where a corpus begins: a fuzzer that has none
// tries short inputs for a long time, and no file of metadata is short.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "fuzz/targets.h"

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

const tidemark::fuzz::Target* g_target = nullptr;

[[noreturn]] void WriteSeeds(const std::string& folder) {
  int number = 0;
  bool good = true;
  for (const std::string& seed : g_target->seeds()) {
    std::ofstream file(folder + "/seed-" + std::to_string(number++), std::ios::binary);
    file.write(seed.data(), static_cast<std::streamsize>(seed.size()));
    good = good && file.flush().good();
  }
  std::exit(good ? 0 : 1);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  constexpr std::string_view kTarget = "--target=";
  constexpr std::string_view kSeeds = "--seeds=";
  std::string_view seeds;
  for (int i = 1; i < *count; ++i) {
    const std::string_view argument((*arguments)[i]);
    if (argument == "--list") {
      for (const auto& target : tidemark::fuzz::Targets()) std::puts(target.name.data());
      std::exit(0);
    }
    if (argument.starts_with(kSeeds)) seeds = argument.substr(kSeeds.size());
    if (!argument.starts_with(kTarget)) continue;
    g_target = tidemark::fuzz::FindTarget(argument.substr(kTarget.size()));
  }
  if (g_target != nullptr && !seeds.empty()) WriteSeeds(std::string(seeds));
  if (g_target != nullptr) return 0;
  std::fputs("name a target: --target=NAME, one of those of --list\n", stderr);
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  g_target->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
