// Addresses of the Internet protocol and ranges of them (CIDR, RFC 4632 and RFC 4291). IPv4 is kept
// as IPv6 keeps it, ::ffff:a.b.c.d, so that one comparison serves both. Value types; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

class IpAddress {
 public:
  // "::": nobody's address.
  IpAddress() = default;
  // 16 bytes in network order; IPv4 as ::ffff:a.b.c.d.
  static IpAddress OfBytes(const std::array<std::uint8_t, 16>& bytes) { return IpAddress(bytes); }
  // "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1". No port, no zone, no brackets, no blanks.
  static std::optional<IpAddress> Parse(std::string_view text);

  bool is_v4() const;
  bool is_none() const { return bytes_ == std::array<std::uint8_t, 16>{}; }
  // 127.0.0.0/8 or ::1.
  bool is_loopback() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  // The first `v4_bits` (of 32) or `v6_bits` (of 128) of it, the rest zero.
  IpAddress Truncated(int v4_bits, int v6_bits) const;
  // "192.0.2.1", "2001:db8::1" (RFC 5952).
  std::string ToString() const;

  bool operator==(const IpAddress&) const = default;

 private:
  explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
  std::array<std::uint8_t, 16> bytes_{};
};

class IpRange {
 public:
  // "10.0.0.0/8", "2001:db8::/32", or one address. Bits behind the prefix must be zero: a range
  // with some is a slip that would allow more, or less, than was meant.
  static std::optional<IpRange> Parse(std::string_view text);

  bool Contains(const IpAddress& address) const;
  std::string ToString() const;

 private:
  IpRange(const IpAddress& base, int bits) : base_(base), bits_(bits) {}
  IpAddress base_;
  int bits_;  // Of 128; of an IPv4 range 96 and more.
};

}  // namespace tidemark
