// The heap of the programs that live whole lives: each allocation of a life is short and of
// the one thread there is, so a list of free places a size does for all of them; a fifth of a
// life's time went into the general heap, a twentieth of it into that of a KiB and more. What is
// freed is used again and never given back. Not with a sanitizer, which has a heap of its own.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <new>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {

constexpr std::size_t kStep = 16;
constexpr std::size_t kSmallBytes = 1'024;   // Sizes up to here in steps,
constexpr std::size_t kPartsLog = 3;         // then eight between each power of two and the next
constexpr std::size_t kQuickBytes = 65'536;  // up to here; larger ones are the general heap's.
constexpr std::size_t kSmallSizes = kSmallBytes / kStep;
constexpr std::size_t kSizes =
    1 + kSmallSizes + (std::bit_width(kQuickBytes / kSmallBytes) - 1) * (1U << kPartsLog);
constexpr std::size_t kSlabBytes = 1U << 20;

// Before each place: the number of its size; 0: the general heap's.
struct alignas(kStep) Head {
  std::size_t size;
};
struct Place {
  Place* next;
};
struct Size {
  std::size_t number;
  std::size_t bytes;
};

std::array<Place*, kSizes> free_places{};
std::byte* slab = nullptr;
std::size_t slab_left = 0;

// The least size of a place that has room for `bytes`, which are at most kQuickBytes.
Size SizeOf(std::size_t bytes) {
  if (bytes <= kSmallBytes) {
    const std::size_t steps = bytes == 0 ? 1 : (bytes + kStep - 1) / kStep;
    return {steps, steps * kStep};
  }
  const auto power = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
  const std::size_t shift = power - kPartsLog;
  const std::size_t parts = ((bytes - 1) >> shift) + 1;  // From 9 to 16.
  const std::size_t doublings = power + 1 - std::bit_width(kSmallBytes);
  return {kSmallSizes + (doublings << kPartsLog) + parts - (1U << kPartsLog), parts << shift};
}

void* Take(std::size_t size, std::byte* from) {
  if (from == nullptr) throw std::bad_alloc();
  return ::new (from) Head{size} + 1;
}

void* Carve(const Size& size) {
  const std::size_t bytes = sizeof(Head) + size.bytes;
  if (slab_left < bytes) {
    slab = static_cast<std::byte*>(std::malloc(kSlabBytes));
    slab_left = slab == nullptr ? 0 : kSlabBytes;
  }
  std::byte* const from = slab;
  if (from != nullptr) {
    slab += bytes;
    slab_left -= bytes;
  }
  return Take(size.number, from);
}

}  // namespace

void* operator new(std::size_t bytes) {
  if (bytes > kQuickBytes) {
    return Take(0, static_cast<std::byte*>(std::malloc(sizeof(Head) + bytes)));
  }
  const Size size = SizeOf(bytes);
  Place* const place = free_places[size.number];
  if (place == nullptr) return Carve(size);
  free_places[size.number] = place->next;
  return place;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  Head* const head = static_cast<Head*>(memory) - 1;
  if (head->size == 0) return std::free(head);
  free_places[head->size] = ::new (memory) Place{free_places[head->size]};
}

void operator delete(void* memory, std::size_t /*bytes*/) noexcept { ::operator delete(memory); }
#endif
