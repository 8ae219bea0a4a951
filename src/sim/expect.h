// Expectations about Result and Status for tests: they print the error's text.
#pragma once

#include <gtest/gtest.h>

#include "base/result.h"

namespace tidemark::sim {

template <class T>
testing::AssertionResult IsOk(const Result<T>& result) {
  if (result.has_value()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().ToString();
}

template <class T>
testing::AssertionResult HasCode(const Result<T>& result, Code code) {
  if (result.has_value()) {
    return testing::AssertionFailure() << "success, not " << CodeName(code);
  }
  if (result.error().code() == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().ToString() << ", not " << CodeName(code);
}

}  // namespace tidemark::sim

#define EXPECT_OK(...) EXPECT_TRUE(::tidemark::sim::IsOk((__VA_ARGS__)))
#define ASSERT_OK(...) ASSERT_TRUE(::tidemark::sim::IsOk((__VA_ARGS__)))
// EXPECT_CODE(result, Code::kNotFound)
#define EXPECT_CODE(result, code) EXPECT_TRUE(::tidemark::sim::HasCode((result), (code)))
#define ASSERT_CODE(result, code) ASSERT_TRUE(::tidemark::sim::HasCode((result), (code)))
