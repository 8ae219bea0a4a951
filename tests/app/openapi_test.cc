// The OpenAPI document describes every route of the server, and no other. What Iceberg's own
// document describes is left to it.

#include "app/openapi.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

#include "app/routes.h"
#include "base/json_reader.h"
#include "sim/expect.h"
#include "sim/sim_clock.h"

namespace tidemark::app {
namespace {

constexpr std::array<std::string_view, 9> kOfIceberg = {
    "/iceberg/v1/*",     "/iceberg/*",       "/v1/config",
    "/v1/oauth/tokens",  "/v1/namespaces",   "/v1/namespaces/*",
    "/v1/tables/rename", "/v1/views/rename", "/v1/transactions/commit"};

// No request is answered here: what a handler would ask for is not there.
template <class T>
T& NotThere() {
  std::abort();
}

class NoRequests final : public RouteParts {
 public:
  explicit NoRequests(const std::string& path)
      : database_(*meta::Database::Open(path)),
        keys_(*meta::Keys::Open(database_.get())),
        schemas_(*meta::Schemas::Open(database_.get())),
        enrichment_(*enrich::Enrichment::Open({}, &clock_, &registry_, [] {})),
        keyring_(keys_.get(), nullptr, &clock_, {}, [] {}),
        admission_({}, [] { return 0.0; }, &clock_, &registry_, [] {}) {}

  bool ready() const override { return false; }
  tide::Core& core() override { return NotThere<tide::Core>(); }
  query::Service& queries() override { return NotThere<query::Service>(); }
  catalog::SqliteCatalog& catalog() override { return NotThere<catalog::SqliteCatalog>(); }
  iceberg::RestCatalog& rest_catalog() override { return NotThere<iceberg::RestCatalog>(); }
  env::TaskPool& catalog_pool() override { return pool_; }
  engine::DataFileReader& reader() override { return NotThere<engine::DataFileReader>(); }
  engine::DeleteFiles& delete_files() override { return NotThere<engine::DeleteFiles>(); }
  MemoryBudget& budget() override { return NotThere<MemoryBudget>(); }
  telemetry::Registry& registry() override { return registry_; }
  env::TaskPool& pool() override { return pool_; }
  const env::Clock& clock() const override { return clock_; }
  Keyring& keyring() override { return keyring_; }
  meta::Keys& keys() override { return *keys_; }
  meta::Database& database() override { return *database_; }
  collect::Admission& admission() override { return admission_; }
  enrich::Enrichment& enrichment() override { return *enrichment_; }
  meta::Schemas& schemas() override { return *schemas_; }
  Duration started() const override { return clock_.Now(); }

 private:
  sim::SimClock clock_;
  telemetry::Registry registry_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<meta::Keys> keys_;
  std::unique_ptr<meta::Schemas> schemas_;
  std::unique_ptr<enrich::Enrichment> enrichment_;
  Keyring keyring_;
  collect::Admission admission_;
  env::TaskPool pool_{"test", 1, 1};
};

// "GET /livez"
std::set<std::string> Routed() {
  const std::string path = testing::TempDir() + "openapi_test_" + std::to_string(getpid()) + ".db";
  std::set<std::string> routed;
  {
    NoRequests parts(path);
    CoreSink sink(&parts);
    Routes routes(&parts, &sink, {});
    for (const auto& [method, to] : routes.router().Added()) {
      if (std::ranges::find(kOfIceberg, to) != kOfIceberg.end()) continue;
      routed.insert(std::string(net::MethodName(method)) + " " + to);
    }
  }
  for (const char* end : {"", "-wal", "-shm"}) unlink((path + end).c_str());
  return routed;
}

std::set<std::string> Described(const JsonValue& document) {
  std::set<std::string> described;
  for (const auto& [path, methods] : document.Find("paths")->members()) {
    for (const auto& [method, operation] : methods.members()) {
      std::string name = method;
      std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(c - 32); });
      described.insert(name.append(" ").append(path));
    }
  }
  return described;
}

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  const auto document = JsonValue::Parse(OpenApiJson());
  ASSERT_OK(document);
  const auto described = Described(*document);
  const auto routed = Routed();
  EXPECT_GT(routed.size(), 90U);
  for (const std::string& route : routed) {
    EXPECT_TRUE(described.contains(route)) << "not in docs/reference/openapi.json: " << route;
  }
  for (const std::string& route : described) {
    EXPECT_TRUE(routed.contains(route)) << "in docs/reference/openapi.json and nowhere: " << route;
  }
}

TEST(OpenApi, SaysOfEveryOperationWhoMayAndShowsABody) {
  const auto document = JsonValue::Parse(OpenApiJson());
  ASSERT_OK(document);
  for (const auto& [path, methods] : document->Find("paths")->members()) {
    for (const auto& [method, operation] : methods.members()) {
      SCOPED_TRACE(method + " " + path);
      const bool open = operation.Find("security") != nullptr;
      EXPECT_NE(operation.Find("responses")->Find("401") != nullptr, open);
      const JsonValue* body = operation.Find("requestBody");
      if (body == nullptr || body->Find("$ref") != nullptr) continue;
      for (const auto& [type, content] : body->Find("content")->members()) {
        EXPECT_NE(content.Find("example"), nullptr) << type;
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::app
