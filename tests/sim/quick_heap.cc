// The heap of the programs that live whole lives: each allocation of a life is small, short and of
// the one thread there is, so a list of free places a size does for all of them; a fifth of a
// life's time went into the general heap. What is freed is used again and never given back. Not
// with a sanitizer, which has a heap of its own.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

constexpr std::size_t kStep = 16;
constexpr std::size_t kSizes = 65;  // In steps; larger ones are the general heap's.
constexpr std::size_t kSlabBytes = 1U << 20;

// Before each place: its size in steps; 0: the general heap's.
struct alignas(kStep) Head {
  std::size_t steps;
};
struct Place {
  Place* next;
};

std::array<Place*, kSizes> free_places{};
std::byte* slab = nullptr;
std::size_t slab_left = 0;

void* Take(std::size_t steps, std::byte* from) {
  if (from == nullptr) throw std::bad_alloc();
  return ::new (from) Head{steps} + 1;
}

void* Carve(std::size_t steps) {
  const std::size_t bytes = sizeof(Head) + steps * kStep;
  if (slab_left < bytes) {
    slab = static_cast<std::byte*>(std::malloc(kSlabBytes));
    slab_left = slab == nullptr ? 0 : kSlabBytes;
  }
  std::byte* const from = slab;
  if (from != nullptr) {
    slab += bytes;
    slab_left -= bytes;
  }
  return Take(steps, from);
}

}  // namespace

void* operator new(std::size_t bytes) {
  const std::size_t steps = bytes == 0 ? 1 : (bytes + kStep - 1) / kStep;
  if (steps >= kSizes) {
    return Take(0, static_cast<std::byte*>(std::malloc(sizeof(Head) + bytes)));
  }
  Place* const place = free_places[steps];
  if (place == nullptr) return Carve(steps);
  free_places[steps] = place->next;
  return place;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  Head* const head = static_cast<Head*>(memory) - 1;
  if (head->steps == 0) return std::free(head);
  free_places[head->steps] = ::new (memory) Place{free_places[head->steps]};
}

void operator delete(void* memory, std::size_t /*bytes*/) noexcept { ::operator delete(memory); }
#endif
