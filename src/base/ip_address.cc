#include "base/ip_address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/check.h"

namespace tidemark {
namespace {

constexpr int kBits = 128;
constexpr int kMappedBits = 96;
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> zero_ended{};
  if (text.size() >= zero_ended.size()) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::copy(text.begin(), text.end(), zero_ended.begin());
  std::array<std::uint8_t, 16> bytes{};
  if (text.find(':') != std::string_view::npos) {
    if (::inet_pton(AF_INET6, zero_ended.data(), bytes.data()) != 1) return std::nullopt;
    return IpAddress(bytes);
  }
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  if (::inet_pton(AF_INET, zero_ended.data(), bytes.data() + kMapped.size()) != 1) {
    return std::nullopt;
  }
  return IpAddress(bytes);
}

bool IpAddress::is_v4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes_.begin()); }

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[kMapped.size()] == 127;
  return bytes_.back() == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

IpAddress IpAddress::Truncated(int v4_bits, int v6_bits) const {
  const int bits = is_v4() ? kMappedBits + v4_bits : v6_bits;
  IpAddress cut = *this;
  for (int i = 0; i < static_cast<int>(cut.bytes_.size()); ++i) {
    const int kept = std::clamp(bits - i * 8, 0, 8);
    cut.bytes_[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xFF00U >> kept);
  }
  return cut;
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* end =
      is_v4() ? ::inet_ntop(AF_INET, bytes_.data() + kMapped.size(), text.data(), text.size())
              : ::inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  TM_CHECK(end != nullptr);
  return text.data();
}

std::optional<IpRange> IpRange::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = IpAddress::Parse(text.substr(0, slash));
  if (!base) return std::nullopt;
  int bits = kBits;
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const char* end = length.data() + length.size();
    const auto read = std::from_chars(length.data(), end, bits);
    const bool is_v4 = text.find(':') == std::string_view::npos;
    if (length.empty() || length.front() == '-' || read.ec != std::errc() || read.ptr != end ||
        bits > (is_v4 ? kBits - kMappedBits : kBits)) {
      return std::nullopt;
    }
    if (is_v4) bits += kMappedBits;
  }
  const IpRange range(*base, bits);
  if (!(base->Truncated(bits - kMappedBits, bits) == *base)) return std::nullopt;
  return range;
}

bool IpRange::Contains(const IpAddress& address) const {
  const auto& a = base_.bytes();
  const auto& b = address.bytes();
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) {
    return false;
  }
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF00U >> (bits_ % 8));
  return (a[whole] & mask) == (b[whole] & mask);
}

std::string IpRange::ToString() const {
  const bool as_v4 = base_.is_v4() && bits_ >= kMappedBits;
  return base_.ToString() + "/" + std::to_string(as_v4 ? bits_ - kMappedBits : bits_);
}

}  // namespace tidemark
