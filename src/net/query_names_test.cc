// A parameter that a path does not know is refused where it may be one that is misspelled.

#include "net/query_names.h"

#include <array>

#include <gtest/gtest.h>

namespace tidemark::net {
namespace {

constexpr std::array<std::string_view, 3> kKnown = {"debug", "ack", "timeout_ms"};

// The body of the refusal; empty if there is none.
std::string RefusalOf(const std::string& query, Strangers strangers) {
  Request request;
  request.SetTarget("/x?" + query);
  const auto refusal = RefuseUnknownParameters(request, kKnown, strangers);
  if (!refusal) return {};
  EXPECT_EQ(refusal->status, 400);
  return refusal->body;
}

TEST(QueryNames, WhatIsKnownPasses) {
  for (const char* query : {"", "debug=1", "ack=memory&debug", "&&", "=1", "timeout%5Fms=1"}) {
    EXPECT_EQ(RefusalOf(query, Strangers::kRefused), "") << query;
  }
}

TEST(QueryNames, TwoValuesAreNotChosenBetween) {
  EXPECT_EQ(RefusalOf("ack=%61&ack=a&debug&debug=", Strangers::kPassed), "");
  for (const char* query : {"ack=a&ack=b", "debug&ack=a&debug=1", "debug=1&debug=0&debug=1"}) {
    EXPECT_NE(RefusalOf(query, Strangers::kPassed).find("twice, and not the same"),
              std::string::npos)
        << query;
  }
}

TEST(QueryNames, OneSlipIsRefusedEverywhere) {
  using Slip = std::pair<const char*, const char*>;
  for (const auto& [query, meant] :
       {Slip{"debgu=1", "debug"}, Slip{"debu", "debug"}, Slip{"debugg", "debug"},
        Slip{"Debug=1", "debug"}, Slip{"acl=memory", "ack"}, Slip{"acks=1", "ack"},
        Slip{"ack=memory&timeoutms=1", "timeout_ms"}, Slip{"timeout-ms=1", "timeout_ms"}}) {
    for (const Strangers strangers : {Strangers::kPassed, Strangers::kRefused}) {
      const std::string body = RefusalOf(query, strangers);
      EXPECT_NE(body.find("did you mean " + std::string(meant) + "?"), std::string::npos)
          << query << " " << body;
    }
  }
}

TEST(QueryNames, OthersPassWhereEverybodyAddsThem) {
  EXPECT_EQ(RefusalOf("utm_source=x&_=17&timeout=1&source&back=1&a", Strangers::kPassed), "");
  EXPECT_NE(RefusalOf("utm_source=x&debgu=1", Strangers::kPassed), "");
  EXPECT_NE(RefusalOf("timeout=1", Strangers::kRefused).find("did you mean timeout_ms?"),
            std::string::npos);
  EXPECT_NE(RefusalOf("utm_source=x", Strangers::kRefused).find("known are debug, ack, timeout_ms"),
            std::string::npos);
}

}  // namespace
}  // namespace tidemark::net
