// Finds the handler of a request by method and path; answers 404 and 405, HEAD through GET, and
// CORS preflights.
//
// Routes are added before the server starts; from then on any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.h"

namespace tidemark::net {

class Router final : public Handler {
 public:
  using Route = std::function<void(Request, std::shared_ptr<Responder>)>;

  // `path` is exact, or has `{name}` for one whole segment ("/v1/metrics/{name}"), or ends with
  // "/*" for everything below it (also as PathParameter("*")). Exact paths win over patterns,
  // patterns in the order they were added. A method and path is added once (checked). What stands
  // for `{name}` may hold an encoded slash ("orders%2Fvalue").
  void Add(Method method, std::string_view path, Route route);
  // Every method and path that was added, exact ones first.
  std::vector<std::pair<Method, std::string>> Added() const;

  void Handle(Request request, std::shared_ptr<Responder> responder) override;

 private:
  using ByMethod = std::map<Method, Route>;
  struct Pattern {
    std::string path;
    ByMethod routes;
  };
  const ByMethod* Find(Request* request) const;

  std::map<std::string, ByMethod, std::less<>> exact_;
  std::vector<std::unique_ptr<Pattern>> patterns_;
};

}  // namespace tidemark::net
