// What the writer writes the reader reads, by any schema that has the fields; bytes that are not
// Avro are refused, never read past.
#include "lake/avro.h"

#include <gtest/gtest.h>

#include "sim/expect.h"

namespace tidemark::lake::avro {
namespace {

constexpr std::string_view kSchema =
    R"({"type":"record","name":"r","fields":[
      {"name":"a","type":"int","field-id":1},
      {"name":"b","type":["null","string"],"default":null,"field-id":2},
      {"name":"c","type":{"type":"array","items":"long"},"field-id":3},
      {"name":"d","type":{"type":"map","values":"double"},"field-id":4},
      {"name":"e","type":{"type":"fixed","name":"f4","size":4},"field-id":5},
      {"name":"f","type":["null","f4"],"field-id":6},
      {"name":"g","type":"boolean","field-id":7}]})";

std::string MakeFile(Codec codec, int records) {
  Writer writer(kSchema, {{"extra", "header"}}, codec, MakeUuidV4(1, 2));
  for (int i = 0; i < records; ++i) {
    Encoder* out = writer.Record();
    out->Long(-i);
    if (i % 2 == 0) {
      out->Null();
    } else {
      out->Some();
      out->Bytes("text " + std::to_string(i));
    }
    out->BeginArray(2);
    out->Long(i);
    out->Long(INT64_MIN);
    out->EndArray();
    out->BeginArray(1);  // A map's blocks look the same.
    out->Bytes("key");
    out->Fixed("12345678");
    out->EndArray();
    out->Fixed("abcd");
    out->Null();
    out->Bool(true);
  }
  return std::move(writer).Finish();
}

// A file of `count` records, which its writer says are in `block`.
std::string Claims(std::string_view schema, std::int64_t count, std::string_view block) {
  const Uuid sync = MakeUuidV4(1, 2);
  const std::string end(reinterpret_cast<const char*>(sync.bytes.data()), sync.bytes.size());
  Encoder out;
  out.Fixed(std::string_view("Obj\x01", 4));
  out.BeginArray(1);
  out.Bytes("avro.schema");
  out.Bytes(schema);
  out.EndArray();
  out.Fixed(end);
  out.Long(count);
  out.Long(static_cast<std::int64_t>(block.size()));
  out.Fixed(block);
  out.Fixed(end);
  return *out.bytes();
}

// A type of 2^depth fields without a byte of their own: each twice the one before.
std::string Nothing(int depth) {
  std::string type = R"({"type":"record","name":"r","fields":[{"name":"f","type":)"
                     R"({"type":"record","name":"r0","fields":[{"name":"a","type":"null"}]}})";
  for (int level = 1; level < depth; ++level) {
    const std::string before = "\"r" + std::to_string(level - 1) + "\"";
    type += R"(,{"name":"f","type":{"type":"record","name":"r)" + std::to_string(level) +
            R"(","fields":[{"name":"a","type":)" + before + R"(},{"name":"b","type":)" + before +
            "}]}}";
  }
  return type + "]}";
}

struct Seen {
  std::vector<std::int64_t> a;
  std::vector<std::optional<std::string>> b;
  std::vector<std::int64_t> c;
  std::int64_t trues = 0;
};

Status Read(std::string_view bytes, Seen* seen) {
  TM_ASSIGN(const Reader reader, Reader::Open(bytes));
  return reader.ForEach([&](Decoder* in) {
    in->Record(reader.schema(), [&](const Schema::Field& field) {
      switch (field.field_id) {
        case 1:
          seen->a.push_back(in->Long(*field.type).value_or(99));
          return;
        case 2:
          if (const auto text = in->Bytes(*field.type)) {
            seen->b.emplace_back(*text);
          } else {
            seen->b.emplace_back();
          }
          return;
        case 3:
          in->Array(*field.type,
                    [&](const Schema& item) { seen->c.push_back(in->Long(item).value_or(99)); });
          return;
        case 7:
          seen->trues += in->Long(*field.type).value_or(0);
          return;
        default:
          in->Skip(*field.type);
      }
    });
  });
}

TEST(AvroTest, ReadsBackWhatItWroteOverManyBlocks) {
  for (const Codec codec : {Codec::kNull, Codec::kDeflate}) {
    const std::string bytes = MakeFile(codec, 5000);
    Seen seen;
    ASSERT_OK(Read(bytes, &seen));
    ASSERT_EQ(seen.a.size(), 5000U);
    EXPECT_EQ(seen.a[4999], -4999);
    EXPECT_EQ(seen.b[4998], std::nullopt);
    EXPECT_EQ(seen.b[4999], "text 4999");
    EXPECT_EQ(seen.c.size(), 10000U);
    EXPECT_EQ(seen.c[9999], INT64_MIN);
    EXPECT_EQ(seen.trues, 5000);
    EXPECT_EQ(Reader::Open(bytes)->header().at("extra"), "header");
  }
}

TEST(AvroTest, TheSameRecordsMakeTheSameBytes) {
  EXPECT_EQ(MakeFile(Codec::kDeflate, 100), MakeFile(Codec::kDeflate, 100));
}

TEST(AvroTest, AnEmptyFileHasNoRecords) {
  Seen seen;
  EXPECT_OK(Read(MakeFile(Codec::kDeflate, 0), &seen));
  EXPECT_TRUE(seen.a.empty());
}

TEST(AvroTest, EveryCutOfAFileIsRefusedOrReadsFewerBlocks) {
  const std::string bytes = MakeFile(Codec::kNull, 40);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Seen seen;
    const Status status = Read(std::string_view(bytes).substr(0, size), &seen);
    // Only the header alone is a whole file.
    EXPECT_TRUE(!status.has_value() || seen.a.empty());
  }
}

TEST(AvroTest, FlippedBitsNeverReadPastTheEnd) {
  const std::string good = MakeFile(Codec::kNull, 10);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      Seen seen;
      static_cast<void>(Read(bad, &seen));
    }
  }
}

TEST(AvroTest, RefusesAnUnknownCodecAndOtherBytes) {
  std::string bytes = MakeFile(Codec::kDeflate, 1);
  EXPECT_CODE(Reader::Open("PAR1 and so on"), Code::kCorruption);
  bytes.replace(bytes.find("deflate"), 7, "snappy2");
  EXPECT_CODE(Reader::Open(bytes), Code::kUnimplemented);
}

TEST(AvroTest, WhatHasNoBytesIsNotThereWithoutEnd) {
  const std::string empty = R"({"type":"record","name":"r","fields":[]})";
  for (const std::string& file :
       {Claims(empty, INT64_MAX, ""), Claims(Nothing(50), 1, ""),
        Claims(R"({"type":"record","name":"r","fields":[{"name":"x","field-id":9,"type":)" +
                   Nothing(50) + "}]}",
               1, "")}) {
    Seen seen;
    EXPECT_CODE(Read(file, &seen), Code::kCorruption);
  }
  Seen seen;
  EXPECT_OK(Read(Claims(empty, 1'000, ""), &seen));
  EXPECT_OK(Read(Claims(Nothing(10), 100, ""), &seen));
}

TEST(AvroTest, ArraysHaveABound) {
  const std::string schema =
      R"({"type":"record","name":"r","fields":[
        {"name":"c","type":{"type":"array","items":"long"},"field-id":3}]})";
  const auto array = [](std::size_t items) {
    Encoder out;
    out.BeginArray(items);
    for (std::size_t i = 0; i < items; ++i) out.Long(1);
    out.EndArray();
    return *out.bytes();
  };
  Seen seen;
  EXPECT_OK(Read(Claims(schema, 1, array(kArrayItemsMax)), &seen));
  EXPECT_EQ(seen.c.size(), kArrayItemsMax);
  EXPECT_CODE(Read(Claims(schema, 1, array(kArrayItemsMax + 1)), &seen), Code::kCorruption);
}

}  // namespace
}  // namespace tidemark::lake::avro
