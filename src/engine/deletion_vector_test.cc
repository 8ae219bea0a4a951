// A deletion vector deletes exactly the rows that it names, whichever of the format's containers
// they are in; one that is damaged anywhere is an error.
#include "engine/deletion_vector.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/bytes.h"

namespace tidemark::engine {
namespace {

std::string BigEndian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift));
  return bytes;
}

// The frame of the Puffin spec around a 64-bit bitmap.
std::string Framed(const std::string& bitmap) {
  const std::string body = "\xD1\xD3\x39\x64" + bitmap;
  const auto sum =
      ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return BigEndian(static_cast<std::uint32_t>(body.size())) + body +
         BigEndian(static_cast<std::uint32_t>(sum));
}

void PutU16(std::string* out, std::size_t value) {
  PutFixed(out, static_cast<std::uint16_t>(value));
}

// One 32-bit bitmap without runs: containers of the values' upper 16 bits.
std::string Bitmap(const std::set<std::uint32_t>& values) {
  std::vector<std::vector<std::uint16_t>> containers;
  std::vector<std::uint32_t> keys;
  for (const std::uint32_t value : values) {
    if (keys.empty() || keys.back() != value >> 16) {
      keys.push_back(value >> 16);
      containers.emplace_back();
    }
    containers.back().push_back(static_cast<std::uint16_t>(value));
  }
  std::string out;
  PutU32(&out, 12346);
  PutU32(&out, static_cast<std::uint32_t>(keys.size()));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    PutU16(&out, keys[i]);
    PutU16(&out, containers[i].size() - 1);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) PutU32(&out, 0);  // Offsets: nobody looks.
  for (const auto& container : containers) {
    if (container.size() <= 4096) {
      for (const std::uint16_t value : container) PutU16(&out, value);
      continue;
    }
    std::vector<std::uint64_t> words(1024);
    for (const std::uint16_t value : container) words[value / 64] |= 1ULL << (value % 64);
    for (const std::uint64_t word : words) PutU64(&out, word);
  }
  return out;
}

std::string Vector(const std::set<std::uint32_t>& values) {
  std::string out;
  PutU64(&out, 1);
  PutU32(&out, 0);
  return Framed(out + Bitmap(values));
}

// One container of runs: (first, how many more).
std::string Runs(const std::vector<std::pair<std::uint16_t, std::uint16_t>>& runs,
                 std::size_t count) {
  std::string out;
  PutU64(&out, 1);
  PutU32(&out, 0);
  PutU32(&out, 12347);  // One container.
  out.push_back('\1');
  PutU16(&out, 0);
  PutU16(&out, count - 1);
  PutU16(&out, runs.size());
  for (const auto& [first, more] : runs) {
    PutU16(&out, first);
    PutU16(&out, more);
  }
  return Framed(out);
}

// Of a file of 200,000 rows; "" and the places, or what is wrong.
std::pair<std::string, std::set<std::uint32_t>> Read(const std::string& blob, std::uint64_t count) {
  constexpr std::uint64_t kManyRows = 200'000;
  DeletedRows rows(kManyRows);
  const Status added = AddVector(blob, count, &rows);
  if (!added) {
    EXPECT_EQ(added.error().code(), Code::kCorruption);
    return {added.error().message(), {}};
  }
  std::set<std::uint32_t> places;
  for (std::uint32_t i = 0; i < kManyRows; ++i) {
    if (rows.Has(i)) places.insert(i);
  }
  return {"", places};
}

TEST(DeletionVector, NamesItsRowsAndNoOthers) {
  std::set<std::uint32_t> few = {0, 1, 63, 64, 65'535, 65'536, 131'072, 199'999};
  EXPECT_EQ(Read(Vector(few), few.size()).second, few);
  std::set<std::uint32_t> many = {3};  // A bitset, between arrays.
  for (std::uint32_t i = 65'536; i < 131'072; i += 2) many.insert(i);
  many.insert(140'000);
  EXPECT_EQ(Read(Vector(many), many.size()).second, many);
  EXPECT_EQ(Read(Runs({{5, 0}, {7, 2}, {65'535, 0}}, 5), 5).second,
            (std::set<std::uint32_t>{5, 7, 8, 9, 65'535}));
}

// As the reference implementation wrote it: 1, 3, 5, 7, 9.
TEST(DeletionVector, ReadsWhatOthersWrite) {
  const auto blob = FromHex(
      "0000002ad1d33964010000000000000000000000"
      "3a30000001000000000004001000000001000300050007000900b3fb20be");
  EXPECT_EQ(Read(*blob, 5).second, (std::set<std::uint32_t>{1, 3, 5, 7, 9}));
  EXPECT_EQ(Read(*FromHex("0000000cd1d339640000000000000000bf18480c"), 0).first, "");
}

TEST(DeletionVector, AnyDamageIsAnError) {
  const std::string whole = Vector({1, 70'000, 150'000});
  ASSERT_EQ(Read(whole, 3).first, "");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_NE(Read(damaged, 3).first, "") << i;
    EXPECT_NE(Read(whole.substr(0, i), 3).first, "") << i;
  }
  EXPECT_NE(Read(whole + "x", 3).first, "");
}

// The checksum holds, so that the bitmap itself must be looked at.
TEST(DeletionVector, WhatBreaksTheFormatIsAnError) {
  EXPECT_NE(Read(Vector({1, 2}), 3).first.find("manifest says 3"), std::string::npos);
  EXPECT_NE(Read(Vector({1, 200'000}), 2).first.find("beyond"), std::string::npos);
  EXPECT_NE(Read(Runs({{5, 2}, {6, 0}}, 4), 4).first.find("runs out of order"), std::string::npos);
  EXPECT_NE(Read(Runs({{65'535, 1}}, 2), 2).first.find("runs out of order"), std::string::npos);
  EXPECT_NE(Read(Runs({{5, 2}}, 4), 4).first.find("count"), std::string::npos);
  std::string twice;
  PutU64(&twice, 2);
  for (int i = 0; i < 2; ++i) {
    PutU32(&twice, 0);
    twice += Bitmap({1});
  }
  EXPECT_NE(Read(Framed(twice), 2).first.find("do not grow"), std::string::npos);
  std::string long_list;
  PutU64(&long_list, 1);
  PutU32(&long_list, 0);
  PutU32(&long_list, 12346);
  PutU32(&long_list, 65'536);
  EXPECT_NE(Read(Framed(long_list), 2).first.find("short"), std::string::npos);
}

}  // namespace
}  // namespace tidemark::engine
