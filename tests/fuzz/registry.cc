#include "fuzz/registry.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <semaphore>

#include "base/check.h"
#include "base/json_reader.h"
#include "env/task_pool.h"
#include "fuzz/folder.h"
#include "meta/database.h"
#include "meta/schemas.h"
#include "net/router.h"
#include "serve/confluent_handler.h"
#include "serve/schema_handler.h"
#include "sim/sim_clock.h"

namespace tidemark::fuzz {
namespace {

constexpr int kRequestsMax = 16;   // Of one input.
constexpr int kProjectsMax = 100;  // Before the registry begins anew: it holds all of them.

// Waits for the one answer.
class Answer final : public net::Responder {
 public:
  void Send(net::Response response) override {
    response_ = std::move(response);
    done_.release();
  }
  void Start(int /*status*/, std::string /*content_type*/, Headers /*headers*/) override {
    TM_CHECK(false);  // The registry answers in one piece.
  }
  Status Write(std::string /*chunk*/) override { return {}; }
  Result<bool> TryWrite(std::string /*chunk*/) override { return true; }
  void Finish() override {}
  bool cancelled() const override { return false; }
  void OnCancel(std::function<void()> /*callback*/) override {}

  net::Response Take() {
    done_.acquire();
    return std::move(response_);
  }

 private:
  net::Response response_;
  std::binary_semaphore done_{0};
};

// A registry with its doors; every input has a project of its own.
class Registry {
 public:
  Registry()
      : database_(*meta::Database::Open(folder_.path() + "/meta.db")),
        schemas_(*meta::Schemas::Open(database_.get())),
        handler_(Parts()),
        confluent_(Parts()) {
    handler_.AddTo(&router_);
    confluent_.AddTo(&router_);
  }

  int BeginProject() { return ++projects_; }

  net::Response Ask(std::string_view method, std::string_view target, std::string_view body) {
    net::Request request;
    request.method = MethodOf(method);
    request.SetTarget(target);
    request.body.reserve(body.size() + net::kBodyPadding);
    request.body = body;
    auto answer = std::make_shared<Answer>();
    router_.Handle(std::move(request), answer);
    return answer->Take();
  }

 private:
  static net::Method MethodOf(std::string_view name) {
    for (const net::Method method : {net::Method::kPost, net::Method::kPut, net::Method::kDelete}) {
      if (net::MethodName(method) == name) return method;
    }
    return net::Method::kGet;
  }

  serve::SchemaHandlerParts Parts() {
    const serve::Authorize anyone = [this](const net::Request& /*request*/) {
      return "p" + std::to_string(projects_);
    };
    return {schemas_.get(),         &pool_, &clock_, [] { return nullptr; },
            [] { return nullptr; }, anyone, anyone};
  }

  Folder folder_;
  int projects_ = 0;
  sim::SimClock clock_;
  std::unique_ptr<meta::Database> database_;
  std::unique_ptr<meta::Schemas> schemas_;
  env::TaskPool pool_{"registry", 1, 4};
  net::Router router_;
  serve::SchemaHandler handler_;
  serve::ConfluentHandler confluent_;
};

// An answer is JSON, and a refusal says why; the registry never blames itself.
std::optional<JsonValue> CheckAnswer(const net::Response& response) {
  TM_CHECK(response.status == 200 || response.status == 201 ||
           (response.status >= 400 && response.status < 500) || response.status == 503);
  auto json = JsonValue::Parse(response.body);
  if (!json) {
    TM_CHECK(json.error().message().find("too deeply") != std::string::npos);
    return std::nullopt;
  }
  if (response.status >= 400) {
    const auto message = json->StringAt("message");
    TM_CHECK(message.has_value() && !message->empty());
  }
  return *std::move(json);
}

// What was registered is there, by its id and at its place.
void CheckRegistered(Registry* registry, const JsonValue& answer) {
  const auto id = answer.IntAt("id");
  const auto text = answer.StringAt("schema");
  TM_CHECK(id.has_value() && text.has_value());
  const net::Response found = registry->Ask("GET", "/schemas/ids/" + std::to_string(*id), "");
  TM_CHECK_EQ(found.status, 200);
  TM_CHECK(JsonValue::Parse(found.body)->StringAt("schema") == *text);
}

std::string_view TakeUntil(char end, std::string_view* bytes) {
  const std::string_view part = bytes->substr(0, bytes->find(end));
  bytes->remove_prefix(std::min(bytes->size(), part.size() + 1));
  return part;
}

}  // namespace

void RunRegistry(std::string_view bytes) {
  static auto registry = std::make_unique<Registry>();
  if (registry->BeginProject() > kProjectsMax) {
    registry.reset();
    registry = std::make_unique<Registry>();
    registry->BeginProject();
  }
  for (int i = 0; i < kRequestsMax && !bytes.empty(); ++i) {
    std::string_view line = TakeUntil('\n', &bytes);
    const std::string_view body = TakeUntil('\n', &bytes);
    const std::string_view method = TakeUntil(' ', &line);
    const net::Response response = registry->Ask(method, line, body);
    const auto answer = CheckAnswer(response);
    const std::string_view path = line.substr(0, line.find('?'));
    const bool registers =
        method == "POST" && path.starts_with("/subjects/") && path.ends_with("/versions");
    if (registers && response.status == 200) CheckRegistered(registry.get(), answer.value());
  }
}

std::vector<std::string> RegistrySeeds() {
  const std::string schema = R"({"type":"object","properties":{"n":{"type":"integer"}}})";
  const std::string more =
      R"({\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"b.json\"}},\"required\":[\"n\"]})";
  const std::string quoted =
      R"({\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}})";
  const std::string confluent = R"({"schemaType":"JSON","schema":")" + quoted + "\"}";
  const std::string referring = R"({"schemaType":"JSON","schema":")" + more +
                                R"(","references":[{"name":"b.json","subject":"b","version":1}]})";
  return {
      "POST /subjects/b/versions\n" + confluent + "\nPOST /subjects/a%2Fvalue/versions\n" +
          referring + "\nGET /subjects?subjectPrefix=a\n\nGET /subjects/b/versions/latest\n\n" +
          "POST /subjects/b\n" + confluent + "\nGET /subjects/b/versions/1/schema\n\n" +
          "GET /schemas/ids/1/versions\n\nDELETE /subjects/b\n",
      "PUT /config\n{\"compatibility\":\"FULL_TRANSITIVE\"}\nPOST /subjects/b/versions\n" +
          confluent + "\nPUT /config/b\n{\"compatibility\":\"NONE\"}\nGET /config/b\n\n" +
          "POST /compatibility/subjects/b/versions/latest\n" + referring +
          "\nDELETE /config/b\n\nGET /mode/b\n\nGET /schemas/types\n\nGET "
          "/schemas/ids/1/schema\n\n" +
          "DELETE /subjects/b/versions/1\n",
      "POST /v1/schemas/shop.buy?mode=enforce\n" + schema +
          "\nGET /api/schemas/shop/buy/jsonschema/1-0-0\n\nPOST /v1/schemas/shop.buy/validate\n" +
          R"({"event_type":"shop.buy","properties":{"n":"x"}})" +
          "\nPOST /v1/schemas/shop.buy/validate?as=document\n[1]\n" +
          "POST /v1/schemas/shop.buy/compatibility?version=1\n" + schema +
          "\nGET /v1/schemas/shop.buy/versions/latest\n\nDELETE /v1/schemas/shop.buy\n",
      "POST /v1/schemas/a\n{\"schema\":" + schema +
          R"(,"mode":"observe","event_types":["x","y"],"compatibility":"FORWARD"})" +
          "\nPUT /v1/schemas/a\n{\"mode\":\"off\",\"compatibility\":null}\n" +
          "PUT /v1/schemas\n{\"compatibility\":\"NONE\"}\nGET /v1/schemas/a\n\n" +
          "POST /v1/schemas/a\n{\"schema\":" + schema + ",\"promote\":[\"n\"]}\n" +
          "POST /v1/schemas/x/infer?limit=7\n\nGET /v1/schemas\n",
      "GET /api/schemas/com.tidemark/page_view/jsonschema/1-0-0\n\nGET /v1/schemas/page_view\n",
      "GET /subjects/%ff/versions\n\nGET /v1/schemas/a%80b\n\nGET /%c0%af\n\n"
      "POST /v1/schemas/a?mode=%fe\n{}\n"};
}

}  // namespace tidemark::fuzz
