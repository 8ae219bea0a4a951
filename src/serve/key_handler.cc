#include "serve/key_handler.h"

#include <algorithm>
#include <utility>

#include "base/json_reader.h"
#include "config/values.h"
#include "meta/key_text.h"

namespace tidemark::serve {
namespace {

constexpr Duration kOverlapDefault = std::chrono::hours(24);
constexpr double kOverlapSecondsMax = 90 * 86'400;
constexpr const char* kSpecHint =
    R"(send {"scopes":["ingest"],"project":"shop","origins":["https://shop.example"],)"
    R"("limits":{"requests":"1000 a minute"},"expires":"90d"}; only scopes must be there)";

net::Response Json(std::string body, int status = 200) {
  net::Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// An empty body is an empty object.
Result<JsonValue> ReadBody(const net::Request& request) {
  return JsonValue::Parse(request.body.empty() ? std::string_view("{}") : request.body);
}

Result<Duration> ReadOverlap(const JsonValue& body) {
  if (!body.is_object()) return Fail(Code::kInvalidArgument, "the body must be a JSON object");
  for (const auto& [name, value] : body.members()) {
    if (name != "overlap") {
      return Fail(Code::kInvalidArgument, "a rotation has no `" + name + "`; it has overlap");
    }
  }
  const JsonValue* overlap = body.Find("overlap");
  if (overlap == nullptr) return kOverlapDefault;
  const auto seconds = config::ReadSeconds(overlap->text());
  if (!seconds || *seconds < 0 || *seconds > kOverlapSecondsMax) {
    return Fail(Code::kInvalidArgument, "`overlap` is written like 24h or 0s, at most 90d");
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*seconds));
}

net::Response NoSuchKey() {
  return net::ErrorResponse(404, "there is no such key",
                            "GET /v1/keys or `tidemark key list` shows the keys");
}

}  // namespace

KeyHandler::KeyHandler(meta::Keys* keys, meta::Database* database, env::TaskPool* pool,
                       Authorize authorize, const env::Clock* clock, meta::Entropy entropy,
                       std::vector<std::string> dialects)
    : keys_(keys),
      database_(database),
      pool_(pool),
      authorize_(std::move(authorize)),
      clock_(clock),
      entropy_(std::move(entropy)),
      dialects_(std::move(dialects)) {}

void KeyHandler::AddTo(net::Router* router) {
  Add(router, net::Method::kPost, "/v1/keys", &KeyHandler::Create);
  Add(router, net::Method::kGet, "/v1/keys", &KeyHandler::List);
  Add(router, net::Method::kGet, "/v1/keys/{id}", &KeyHandler::Show);
  Add(router, net::Method::kDelete, "/v1/keys/{id}", &KeyHandler::Revoke);
  Add(router, net::Method::kPost, "/v1/keys/{id}/rotate", &KeyHandler::Rotate);
}

void KeyHandler::Add(net::Router* router, net::Method method, std::string_view path, Work work) {
  router->Add(method, path, [this, work](net::Request request, const Respond& respond) {
    auto manager = authorize_(request);
    if (!manager) return respond->Send(manager.error());
    auto shared = std::make_shared<const net::Request>(std::move(request));
    const bool posted =
        pool_->Post({}, [this, work, shared, respond, manager = *std::move(manager)] {
          respond->Send((this->*work)(*shared, manager));
        });
    if (!posted) respond->Send(net::ErrorResponse(503, "too much waits; ask again in a moment"));
  });
}

net::Response KeyHandler::Create(const net::Request& request, const KeyManager& manager) {
  const TimeMicros now = clock_->WallNow();
  const auto body = ReadBody(request);
  if (!body) return net::ErrorResponse(body.error(), kSpecHint);
  auto spec = meta::ReadKeySpec(*body, now);
  if (!spec) return net::ErrorResponse(spec.error(), kSpecHint);
  if (!spec->project.empty() && !manager.named.empty() && spec->project != manager.named) {
    return net::ErrorResponse(400,
                              "the request names the project `" + manager.named +
                                  "` and its body `" + spec->project + "`",
                              "name the key's project once");
  }
  if (spec->project.empty()) spec->project = manager.named;
  if (spec->project.empty()) spec->project = manager.project;
  if (spec->project != manager.project && !manager.every_project) {
    return net::ErrorResponse(403, "the API key manages only the keys of its own project",
                              "use an admin key of that project, or one of `default`");
  }
  Status good = spec->Check(now);
  if (good) good = spec->CheckDialect(dialects_);
  if (!good) return net::ErrorResponse(good.error(), kSpecHint);
  auto projects = meta::Projects::Open(database_);
  if (!projects) return net::ErrorResponse(projects.error());
  if (const Status there = projects->Create(spec->project, now);
      !there && there.error().code() != Code::kAlreadyExists) {
    return net::ErrorResponse(there.error());
  }
  const auto made = keys_->Create(*spec, now, entropy_);
  if (!made) return net::ErrorResponse(made.error(), kSpecHint);
  return Json(meta::MadeKeyJson(*made, now), 201);
}

net::Response KeyHandler::List(const net::Request&, const KeyManager& manager) {
  auto keys = keys_->List();
  std::erase_if(keys, [&manager](const auto& key) {
    if (!manager.named.empty()) return key->project != manager.named;
    return !manager.every_project && key->project != manager.project;
  });
  return Json(meta::KeyListJson(keys, clock_->WallNow()));
}

std::shared_ptr<const meta::ApiKey> KeyHandler::Find(const net::Request& request,
                                                     const KeyManager& manager) {
  auto key = keys_->FindById(request.PathParameter("id"));
  if (key && !manager.every_project && key->project != manager.project) return nullptr;
  return key;
}

net::Response KeyHandler::Show(const net::Request& request, const KeyManager& manager) {
  const auto key = Find(request, manager);
  if (!key) return NoSuchKey();
  return Json(meta::KeyJson(*key, clock_->WallNow()));
}

net::Response KeyHandler::Revoke(const net::Request& request, const KeyManager& manager) {
  const auto key = Find(request, manager);
  if (!key) return NoSuchKey();
  const TimeMicros now = clock_->WallNow();
  if (const Status done = keys_->Revoke(key->id, now); !done) {
    return net::ErrorResponse(done.error());
  }
  return Json(meta::KeyJson(*keys_->FindById(key->id), now));
}

net::Response KeyHandler::Rotate(const net::Request& request, const KeyManager& manager) {
  const auto key = Find(request, manager);
  if (!key) return NoSuchKey();
  const auto body = ReadBody(request);
  const auto overlap = body ? ReadOverlap(*body) : Result<Duration>(tl::unexpected(body.error()));
  if (!overlap) {
    return net::ErrorResponse(overlap.error(), R"(send {"overlap":"24h"}, or nothing for that)");
  }
  const TimeMicros now = clock_->WallNow();
  const auto made = keys_->Rotate(key->id, *overlap, now, entropy_);
  if (!made) return net::ErrorResponse(made.error(), "make a new key with POST /v1/keys");
  return Json(meta::MadeKeyJson(*made, now));
}

}  // namespace tidemark::serve
