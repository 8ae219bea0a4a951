#include "net/router.h"

#include <utility>

#include "base/check.h"

namespace tidemark::net {
namespace {

std::string_view TakeSegment(std::string_view* rest) {
  const std::size_t slash = rest->find('/');
  const std::string_view segment = rest->substr(0, slash);
  rest->remove_prefix(slash == std::string_view::npos ? rest->size() : slash + 1);
  return segment;
}

// Without their first '/'. `path` is as sent: what a segment means is seen once it is decoded.
bool Matches(std::string_view pattern, std::string_view path, Request* request) {
  std::vector<std::pair<std::string_view, std::string>> parameters;
  while (!pattern.empty()) {
    if (pattern == "*") {
      parameters.emplace_back("*", DecodePercent(path, Plus::kItself));
      path = {};
      break;
    }
    if (path.empty()) return false;
    const std::string_view want = TakeSegment(&pattern);
    std::string have = DecodePercent(TakeSegment(&path), Plus::kItself);
    if (want.size() > 2 && want.front() == '{' && want.back() == '}') {
      if (have.empty()) return false;
      parameters.emplace_back(want.substr(1, want.size() - 2), std::move(have));
    } else if (want != have) {
      return false;
    }
    if (pattern.empty() != path.empty() && pattern != "*") return false;
  }
  if (!path.empty()) return false;
  for (const auto& [name, value] : parameters) request->AddPathParameter(name, value);
  return true;
}

// Browsers ask before they send; keys are not sent with the question, so it is answered to all.
Response Preflight(const Request& request) {
  Response response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS"},
                      {"Access-Control-Max-Age", "7200"}};
  if (const auto headers = request.Header("Access-Control-Request-Headers")) {
    response.headers.emplace_back("Access-Control-Allow-Headers", *headers);
  }
  return response;
}

}  // namespace

void Router::Add(Method method, std::string_view path, Route route) {
  TM_CHECK(path.starts_with('/'));
  const bool is_pattern = path.find('{') != std::string_view::npos || path.ends_with("/*");
  if (!is_pattern) {
    TM_CHECK(exact_[std::string(path)].emplace(method, std::move(route)).second);
    return;
  }
  for (const auto& pattern : patterns_) {
    if (pattern->path == path) {
      TM_CHECK(pattern->routes.emplace(method, std::move(route)).second);
      return;
    }
  }
  auto pattern = std::make_unique<Pattern>();
  pattern->path = path;
  pattern->routes.emplace(method, std::move(route));
  patterns_.push_back(std::move(pattern));
}

std::vector<std::pair<Method, std::string>> Router::Added() const {
  std::vector<std::pair<Method, std::string>> added;
  for (const auto& [path, routes] : exact_) {
    for (const auto& [method, unused] : routes) added.emplace_back(method, path);
  }
  for (const auto& pattern : patterns_) {
    for (const auto& [method, unused] : pattern->routes) added.emplace_back(method, pattern->path);
  }
  return added;
}

const Router::ByMethod* Router::Find(Request* request) const {
  const std::string_view path = request->path();
  if (const auto found = exact_.find(path); found != exact_.end()) return &found->second;
  // `/v1/events/` is meant as `/v1/events`.
  if (path.size() > 1 && path.ends_with('/')) {
    const auto found = exact_.find(path.substr(0, path.size() - 1));
    if (found != exact_.end()) return &found->second;
  }
  const std::string_view sent = request->sent_path();
  if (!sent.starts_with('/')) return nullptr;
  for (const auto& pattern : patterns_) {
    if (Matches(std::string_view(pattern->path).substr(1), sent.substr(1), request)) {
      return &pattern->routes;
    }
  }
  return nullptr;
}

void Router::Handle(Request request, std::shared_ptr<Responder> responder) {
  const ByMethod* routes = Find(&request);
  if (routes == nullptr) {
    responder->Send(ErrorResponse(404, "there is nothing at " + std::string(request.path())));
    return;
  }
  auto route = routes->find(request.method);
  if (route == routes->end() && request.method == Method::kHead) {
    route = routes->find(Method::kGet);
  }
  if (route != routes->end()) return route->second(std::move(request), std::move(responder));
  if (request.method == Method::kOptions) {
    responder->Send(Preflight(request));
    return;
  }
  std::string allowed;
  for (const auto& [method, unused] : *routes) {
    allowed.append(allowed.empty() ? "" : ", ").append(MethodName(method));
  }
  const bool is_named = request.method != Method::kOther;
  const std::string method(is_named ? MethodName(request.method) : "this method");
  Response response = ErrorResponse(405, method + " is not understood here", "use " + allowed);
  response.headers.emplace_back("Allow", allowed);
  responder->Send(std::move(response));
}

}  // namespace tidemark::net
