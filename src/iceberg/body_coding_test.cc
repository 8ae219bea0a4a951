// Only a client that says so gets gzip, and what it unpacks is the body.
#include "iceberg/body_coding.h"

#include <gtest/gtest.h>

#include "lake/deflate.h"

namespace tidemark::iceberg {
namespace {

TEST(BodyCodingTest, TheClientSaysWhatItTakes) {
  for (const char* yes : {"gzip", "gzip, deflate", "br;q=1.0, gzip;q=0.8, *;q=0.1", "GZIP",
                          "x-gzip", "*", "identity;q=0, gzip ; q=0.001"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* no :
       {"", "identity", "br, deflate", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "gzipped", ",;,"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

TEST(BodyCodingTest, WhatIsUnpackedIsTheBody) {
  const std::string body(kGzipBytesMin, 'x');
  const std::string packed = GzipBody(body);
  EXPECT_LT(packed.size(), body.size() / 10);
  EXPECT_EQ(lake::Inflate(packed, lake::DeflateForm::kGzip, body.size()).value(), body);
}

}  // namespace
}  // namespace tidemark::iceberg
