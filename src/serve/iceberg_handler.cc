#include "serve/iceberg_handler.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "iceberg/body_coding.h"
#include "net/decompress.h"
#include "serve/iceberg_bodies.h"

namespace tidemark::serve {
namespace {

using catalog::EntryKind;
using iceberg::Access;
using iceberg::BadRequest;
using iceberg::Name;
using iceberg::Outcome;
using iceberg::Problem;
using iceberg::Right;
using net::Method;

constexpr std::string_view kPrefix = "/v1/{prefix}/";
constexpr std::string_view kWarehouse = "tidemark";
constexpr std::size_t kPageDefault = 1'000;
constexpr std::size_t kPageMax = 10'000;
constexpr int kTokenSeconds = 3'600;  // A client asks anew after so long; the key stays good.

// One request, taken apart.
struct Call {
  net::Request request;
  Access access;
  std::string ns;    // {namespace}
  std::string name;  // {table} or {view}
  std::string plan;  // {plan-id}
  JsonValue body;

  Name full() const { return {ns, name}; }
  bool Flag(const char* parameter) const {
    std::string text = request.QueryParameter(parameter).value_or("");
    std::ranges::transform(text, text.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text == "true" || text == "1";
  }
};

net::Response Json(std::string body, int status = 200) {
  net::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

net::Response NoContent() { return Json("", 204); }

net::Response ProblemResponse(const Problem& problem) {
  net::Response response = Json(iceberg::ProblemJson(problem), problem.status);
  if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  response.headers.insert(response.headers.end(), problem.headers.begin(), problem.headers.end());
  if (problem.headers.empty() && (problem.status == 503 || problem.status == 429)) {
    response.headers.emplace_back("Retry-After", "1");
  }
  return response;
}

using Answer = Outcome<net::Response>;

struct Paging {
  catalog::Page page;
  std::size_t size = SIZE_MAX;  // Names of the page; one more is asked for, to see if there is one.
};

Outcome<Paging> PagingOf(const Call& call) {
  Paging paging;
  const auto token = call.request.QueryParameter("pageToken");
  const auto size = call.request.QueryParameter("pageSize");
  if (!token && !size) return paging;  // A client without paging gets everything.
  paging.size = kPageDefault;
  if (size) {
    const auto number = JsonValue::Parse(*size);
    const auto count = number ? number->Int() : std::nullopt;
    if (!count || *count < 1) return BadRequest("pageSize must be a number above 0");
    paging.size = std::min(static_cast<std::size_t>(*count), kPageMax);
  }
  paging.page.after = token.value_or("");
  paging.page.count_max = paging.size + 1;
  return paging;
}

// Cuts the list to the page; returns the token of the next one, if there is more.
std::string CutPage(const Paging& paging, std::vector<std::string>* names) {
  if (names->size() <= paging.size) return "";
  names->resize(paging.size);
  return names->back();
}

// The tags of a list as If-None-Match has it, without quotes and W/: a load is compared weakly (RFC
// 9110, 8.8.3.2). Tags without quotes are taken, too; a `*` without them is any.
void AddTags(std::string_view list, std::vector<std::string>* tags) {
  for (std::size_t at = list.find_first_not_of(" \t,"); at < list.size();
       at = list.find_first_not_of(" \t,", at)) {
    if (list.substr(at).starts_with("W/")) at += 2;
    const bool quoted = list.substr(at).starts_with('"');
    if (quoted) ++at;
    const std::size_t end = std::min(list.find_first_of(quoted ? "\"" : " \t,", at), list.size());
    const std::string_view tag = list.substr(at, end - at);
    if (!quoted || tag != "*") tags->emplace_back(tag);
    at = quoted ? end + 1 : end;
  }
}

std::vector<std::string> KnownTags(const net::Request& request) {
  std::vector<std::string> tags;
  request.ForEachHeader([&tags](std::string_view name, std::string_view value) {
    if (LowerCase(name) == "if-none-match") AddTags(value, &tags);
  });
  return tags;
}

net::Response Tagged(net::Response response, std::string_view etag) {
  if (!etag.empty()) response.headers.emplace_back("ETag", "\"" + std::string(etag) + "\"");
  return response;
}

net::Response LoadedResponse(const iceberg::LoadedTable& loaded) {
  return Tagged(Json(LoadedBody(loaded)), loaded.etag);
}

// "GET /v1/{prefix}/namespaces" and what answers it.
struct Endpoint {
  Method method;
  std::string_view path;
  Right right;  // To the table or view that the path names, else to the namespace.
  Answer (*answer)(iceberg::RestCatalog& catalog, const Call& call);
};

Answer ListNamespaces(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const Paging paging, PagingOf(call));
  std::string parent = call.request.QueryParameter("parent").value_or("");
  ICE_ASSIGN(auto paths, catalog.ListNamespaces(parent, paging.page));
  const std::string next = CutPage(paging, &paths);
  std::erase_if(paths, [&](const std::string& path) {
    return !catalog.Allow(call.access, Right::kSee, {path, ""}).has_value();
  });
  return Json(NamespacesBody(paths, next));
}

Answer CreateNamespace(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const std::string ns, ReadLevels(call.body.Find("namespace")));
  ICE_TRY(catalog.Allow(call.access, Right::kCreate, {ns, ""}));
  const JsonValue* properties = call.body.Find("properties");
  ICE_ASSIGN(
      const auto made,
      catalog.CreateNamespace(call.access, ns, properties == nullptr ? JsonValue() : *properties));
  return Json(NamespaceBody(ns, made));
}

Answer LoadNamespace(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const catalog::Namespace ns, catalog.LoadNamespace(call.ns));
  return Json(NamespaceBody(ns.path, ns.properties));
}

Answer CheckNamespace(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.FindNamespace(call.ns));
  return NoContent();
}

Answer DropNamespace(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.DropNamespace(call.ns));
  return NoContent();
}

Answer ChangeNamespace(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto changes, catalog.ChangeNamespace(call.ns, call.body));
  return Json(PropertyChangesBody(changes));
}

Answer ListNames(iceberg::RestCatalog& catalog, const Call& call, EntryKind kind) {
  ICE_ASSIGN(const Paging paging, PagingOf(call));
  ICE_ASSIGN(auto names, catalog.List(call.ns, kind, paging.page));
  const std::string next = CutPage(paging, &names);
  std::erase_if(names, [&](const std::string& name) {
    return !call.access.Granted(Right::kRead, call.ns, name);
  });
  return Json(IdentifiersBody(call.ns, names, next));
}

Answer ListTables(iceberg::RestCatalog& catalog, const Call& call) {
  return ListNames(catalog, call, EntryKind::kTable);
}

Answer CreateTable(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto loaded, catalog.CreateTable(call.access, call.ns, call.body));
  return LoadedResponse(loaded);
}

Answer RegisterTable(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto loaded, catalog.RegisterTable(call.access, call.ns, call.body));
  return LoadedResponse(loaded);
}

Answer LoadTable(iceberg::RestCatalog& catalog, const Call& call) {
  const std::string snapshots = call.request.QueryParameter("snapshots").value_or("all");
  if (snapshots != "all" && snapshots != "refs") {
    return BadRequest("snapshots must be all or refs");
  }
  const std::vector<std::string> known = KnownTags(call.request);
  ICE_ASSIGN(const auto loaded, catalog.LoadTable(call.full(), snapshots == "refs", known));
  if (!loaded.metadata.empty()) return LoadedResponse(loaded);
  return Tagged(Json("", 304), loaded.etag);
}

Answer CheckTable(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.CheckExists(call.full(), EntryKind::kTable));
  return NoContent();
}

Answer CommitTable(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.AllowCommit(call.access, call.full(), call.body));
  ICE_ASSIGN(const auto loaded, catalog.CommitTable(call.access, call.full(), call.body));
  return Tagged(Json(CommittedBody(loaded)), loaded.etag);
}

Answer DropTable(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.DropTable(call.full(), call.Flag("purgeRequested")));
  return NoContent();
}

Answer TakeMetrics(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.ReportMetrics(call.full(), call.body));
  return NoContent();
}

Answer PlanScan(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(std::string plan, catalog.PlanScan(call.access, call.full(), call.body));
  return Json(std::move(plan));
}

Answer FetchPlan(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(std::string plan, catalog.FetchPlan(call.access, call.full(), call.plan));
  return Json(std::move(plan));
}

Answer CancelPlan(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.CancelPlan(call.access, call.full(), call.plan));
  return NoContent();
}

Answer FetchScanTasks(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(std::string tasks, catalog.FetchScanTasks(call.access, call.full(), call.body));
  return Json(std::move(tasks));
}

Answer Rename(iceberg::RestCatalog& catalog, const Call& call, EntryKind kind) {
  ICE_ASSIGN(const Name from, ReadIdentifier(call.body.Find("source")));
  ICE_ASSIGN(const Name to, ReadIdentifier(call.body.Find("destination")));
  ICE_TRY(catalog.Allow(call.access, Right::kMaintain, from));
  ICE_TRY(catalog.Allow(call.access, Right::kCreate, {to.ns, ""}));
  ICE_TRY(catalog.Rename(from, to, kind));
  return NoContent();
}

Answer RenameTable(iceberg::RestCatalog& catalog, const Call& call) {
  return Rename(catalog, call, EntryKind::kTable);
}

Answer CommitTransaction(iceberg::RestCatalog& catalog, const Call& call) {
  const JsonValue* changes = call.body.Find("table-changes");
  if (changes == nullptr || !changes->is_array() || changes->items().empty()) {
    return BadRequest("Cannot parse transaction: table-changes must be an array of commits");
  }
  std::vector<iceberg::RestCatalog::TableCommit> commits;
  for (const JsonValue& change : changes->items()) {
    ICE_ASSIGN(Name name, ReadIdentifier(change.Find("identifier")));
    ICE_TRY(catalog.AllowCommit(call.access, name, change));
    commits.push_back({std::move(name), &change});
  }
  ICE_TRY(catalog.CommitTransaction(call.access, commits));
  return NoContent();
}

Answer ListViews(iceberg::RestCatalog& catalog, const Call& call) {
  return ListNames(catalog, call, EntryKind::kView);
}

Answer CreateView(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto loaded, catalog.CreateView(call.access, call.ns, call.body));
  return LoadedResponse(loaded);
}

Answer RegisterView(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto loaded, catalog.RegisterView(call.access, call.ns, call.body));
  return LoadedResponse(loaded);
}

Answer LoadView(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto loaded, catalog.LoadView(call.full()));
  return LoadedResponse(loaded);
}

Answer CheckView(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.CheckExists(call.full(), EntryKind::kView));
  return NoContent();
}

Answer CommitView(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_ASSIGN(const auto loaded, catalog.CommitView(call.access, call.full(), call.body));
  return LoadedResponse(loaded);
}

Answer DropView(iceberg::RestCatalog& catalog, const Call& call) {
  ICE_TRY(catalog.DropView(call.full()));
  return NoContent();
}

Answer RenameView(iceberg::RestCatalog& catalog, const Call& call) {
  return Rename(catalog, call, EntryKind::kView);
}

// What is here is advertised: clients change their ways by it.
constexpr Endpoint kEndpoints[] = {
    {Method::kGet, "/v1/{prefix}/namespaces", Right::kSee, ListNamespaces},
    {Method::kPost, "/v1/{prefix}/namespaces", Right::kCreate, CreateNamespace},
    {Method::kGet, "/v1/{prefix}/namespaces/{namespace}", Right::kSee, LoadNamespace},
    {Method::kHead, "/v1/{prefix}/namespaces/{namespace}", Right::kSee, CheckNamespace},
    {Method::kDelete, "/v1/{prefix}/namespaces/{namespace}", Right::kMaintain, DropNamespace},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/properties", Right::kMaintain,
     ChangeNamespace},
    {Method::kGet, "/v1/{prefix}/namespaces/{namespace}/tables", Right::kSee, ListTables},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/tables", Right::kCreate, CreateTable},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/register", Right::kCreate, RegisterTable},
    {Method::kGet, "/v1/{prefix}/namespaces/{namespace}/tables/{table}", Right::kRead, LoadTable},
    {Method::kHead, "/v1/{prefix}/namespaces/{namespace}/tables/{table}", Right::kRead, CheckTable},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/tables/{table}", Right::kSee, CommitTable},
    {Method::kDelete, "/v1/{prefix}/namespaces/{namespace}/tables/{table}", Right::kMaintain,
     DropTable},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics", Right::kRead,
     TakeMetrics},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/tables/{table}/plan", Right::kRead,
     PlanScan},
    {Method::kGet, "/v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}",
     Right::kRead, FetchPlan},
    {Method::kDelete, "/v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}",
     Right::kRead, CancelPlan},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/tables/{table}/tasks", Right::kRead,
     FetchScanTasks},
    {Method::kPost, "/v1/{prefix}/tables/rename", Right::kMaintain, RenameTable},
    {Method::kPost, "/v1/{prefix}/transactions/commit", Right::kSee, CommitTransaction},
    {Method::kGet, "/v1/{prefix}/namespaces/{namespace}/views", Right::kSee, ListViews},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/views", Right::kCreate, CreateView},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/register-view", Right::kCreate,
     RegisterView},
    {Method::kGet, "/v1/{prefix}/namespaces/{namespace}/views/{view}", Right::kRead, LoadView},
    {Method::kHead, "/v1/{prefix}/namespaces/{namespace}/views/{view}", Right::kRead, CheckView},
    {Method::kPost, "/v1/{prefix}/namespaces/{namespace}/views/{view}", Right::kWrite, CommitView},
    {Method::kDelete, "/v1/{prefix}/namespaces/{namespace}/views/{view}", Right::kMaintain,
     DropView},
    {Method::kPost, "/v1/{prefix}/views/rename", Right::kMaintain, RenameView},
};

std::string_view TakeStep(std::string_view* path) {
  const std::string_view step = path->substr(0, path->find('/'));
  path->remove_prefix(std::min(path->size(), step.size() + 1));
  return step;
}

// True if the path (without the version, as sent) is the endpoint's; fills in namespace and name,
// which may have a '/' when it is encoded. Clients that encode forms write a blank as '+'.
bool Matches(const Endpoint& endpoint, std::string_view path, Call* call) {
  std::string_view pattern = endpoint.path.substr(kPrefix.size());
  std::string ns;
  std::string name;
  std::string plan;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view want = TakeStep(&pattern);
    const std::string_view have = TakeStep(&path);
    if (want == "{namespace}") {
      ns = net::DecodePercent(have, net::Plus::kBlank);
    } else if (want == "{plan-id}") {
      plan = net::DecodePercent(have, net::Plus::kItself);
    } else if (want.starts_with('{')) {
      name = net::DecodePercent(have, net::Plus::kBlank);
    } else if (want != have) {
      return false;
    }
  }
  if (!pattern.empty() || !path.empty()) return false;
  call->ns = std::move(ns);
  call->name = std::move(name);
  call->plan = std::move(plan);
  return true;
}

std::string ConfigBody() {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject().Key("defaults").BeginObject().EndObject();
  json.Key("overrides").BeginObject().EndObject().Key("endpoints").BeginArray();
  for (const Endpoint& endpoint : kEndpoints) {
    json.String(std::string(net::MethodName(endpoint.method)) + " " + std::string(endpoint.path));
  }
  json.EndArray().EndObject();
  return body;
}

}  // namespace

class IcebergHandler::Impl {
 public:
  explicit Impl(Parts parts) : parts_(std::move(parts)) {}

  void Handle(std::string_view path, net::Request request,
              const std::shared_ptr<net::Responder>& responder) {
    iceberg::RestCatalog* catalog = parts_.catalog();
    if (catalog == nullptr) {
      return Send(Problem(503, "ServiceUnavailableException",
                          "the server is replaying its log; ask again in a moment"),
                  responder);
    }
    if (path == "oauth/tokens") return responder->Send(Token(request));
    auto call = std::make_shared<Call>();
    auto access = parts_.authorize(request);
    if (!access) return Send(access.error(), responder);
    call->access = *std::move(access);
    if (path == "config") return responder->Send(Config(request));
    bool known = false;
    const Endpoint* endpoint = Find(request.method, path, call.get(), &known);
    if (endpoint == nullptr) return Send(NoEndpoint(known, request), responder);
    call->request = std::move(request);
    const bool posted =
        parts_.pool->Post(call->access.project, [catalog, endpoint, call, responder] {
          Answer answer = Run(*catalog, *endpoint, call.get());
          if (!answer) return Send(answer.error(), responder);
          Pack(call->request, &*answer);
          responder->Send(*std::move(answer));
        });
    if (!posted) {
      Send(Problem(503, "ServiceUnavailableException", "too much waits; ask again in a moment"),
           responder);
    }
  }

 private:
  static void Send(const Problem& problem, const std::shared_ptr<net::Responder>& responder) {
    responder->Send(ProblemResponse(problem));
  }

  static Problem NoEndpoint(bool known, const net::Request& request) {
    const std::string where =
        std::string(net::MethodName(request.method)) + " " + std::string(request.path());
    if (known) return {405, "UnsupportedOperationException", where + " is not understood here"};
    return {404, "NoSuchEndpointException", "There is no endpoint " + where};
  }

  // `known`: another method has that path.
  static const Endpoint* Find(Method method, std::string_view path, Call* call, bool* known) {
    for (const Endpoint& endpoint : kEndpoints) {
      if (!Matches(endpoint, path, call)) continue;
      *known = true;
      if (endpoint.method == method) return &endpoint;
    }
    return nullptr;
  }

  static Answer Run(iceberg::RestCatalog& catalog, const Endpoint& endpoint, Call* call) {
    if (!call->ns.empty()) ICE_TRY(catalog.Allow(call->access, endpoint.right, call->full()));
    if (endpoint.method == Method::kPost) {
      bool too_large = false;
      auto plain = net::Decompress(std::move(call->request.body), {}, &too_large);
      if (!plain) {
        return iceberg::Refuse(too_large ? 413 : 400, "BadRequestException",
                               plain.error().message());
      }
      call->request.body = *std::move(plain);
      auto body = JsonValue::Parse(call->request.body);
      if (!body) return BadRequest("Cannot parse the body: " + body.error().message());
      if (!body->is_object()) return BadRequest("Cannot parse the body: it must be an object");
      call->body = *std::move(body);
    }
    return endpoint.answer(catalog, *call);
  }

  static void Pack(const net::Request& request, net::Response* response) {
    const std::size_t bytes = response->body.size();
    if (bytes < iceberg::kGzipBytesMin || bytes > iceberg::kGzipBytesMax) return;
    response->headers.emplace_back("Vary", "Accept-Encoding");
    if (!iceberg::AcceptsGzip(request.Header("Accept-Encoding").value_or(""))) return;
    response->body = iceberg::GzipBody(response->body);
    response->headers.emplace_back("Content-Encoding", "gzip");
  }

  static net::Response Config(const net::Request& request) {
    if (request.method != Method::kGet && request.method != Method::kHead) {
      return ProblemResponse(NoEndpoint(true, request));
    }
    const std::string warehouse = request.QueryParameter("warehouse").value_or("");
    if (!warehouse.empty() && warehouse != kWarehouse) {
      return ProblemResponse(
          {404, "NotFoundException",
           "There is no warehouse " + warehouse + ": leave it out, or say tidemark"});
    }
    static const std::string body = ConfigBody();
    return Json(body);
  }

  // RFC 6749, 4.4: the client's secret is an API key, and so is the token.
  net::Response Token(const net::Request& request) const {
    const auto refuse = [](int status, const char* error, std::string_view description) {
      std::string body;
      JsonWriter json(&body);
      json.BeginObject().Field("error", error).Field("error_description", description).EndObject();
      return Json(std::move(body), status);
    };
    if (request.method != Method::kPost) return refuse(405, "invalid_request", "POST it");
    net::Request form;
    form.SetTarget("/?" + request.body);
    const std::string grant = form.QueryParameter("grant_type").value_or("");
    const bool exchange = grant == "urn:ietf:params:oauth:grant-type:token-exchange";
    if (grant != "client_credentials" && !exchange) {
      return refuse(400, "unsupported_grant_type", "use client_credentials");
    }
    std::string secret =
        form.QueryParameter(exchange ? "subject_token" : "client_secret").value_or("");
    // RFC 6749, 2.3.1: a client may say who it is in the header instead.
    if (secret.empty() && !exchange) secret = parts_.key_of(request);
    const auto access = parts_.check_key(request, secret);
    if (!access && access.error().status == 429) return ProblemResponse(access.error());
    if (!access || secret.empty()) {
      net::Response refused =
          refuse(401, "invalid_client", "the client secret must be an API key of the server");
      refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"tidemark\"");
      return refused;
    }
    std::string body;
    JsonWriter json(&body);
    json.BeginObject().Field("access_token", secret).Field("token_type", "bearer");
    json.Field("issued_token_type", "urn:ietf:params:oauth:token-type:access_token");
    json.Field("expires_in", kTokenSeconds);
    const std::string scope = form.QueryParameter("scope").value_or("");
    if (!scope.empty()) json.Field("scope", scope);
    json.EndObject();
    net::Response response = Json(std::move(body));
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
  }

  const Parts parts_;
};

IcebergHandler::IcebergHandler(Parts parts) : impl_(std::make_unique<Impl>(std::move(parts))) {}
IcebergHandler::~IcebergHandler() = default;

void IcebergHandler::AddTo(net::Router* router) {
  // All but OPTIONS, which browsers are answered by the router: what is not understood is said in
  // the specification's shape, too.
  constexpr std::array kMethods = {Method::kGet,    Method::kHead,  Method::kPost, Method::kPut,
                                   Method::kDelete, Method::kPatch, Method::kOther};
  const auto add = [&](std::string_view path, std::string_view before) {
    for (const Method method : kMethods) {
      router->Add(method, path,
                  [this, before](net::Request request, std::shared_ptr<net::Responder> responder) {
                    std::string_view rest = request.sent_path();
                    rest.remove_prefix(rest.starts_with(before) ? before.size() : rest.size());
                    while (rest.ends_with('/')) rest.remove_suffix(1);
                    const std::string sent(rest);
                    impl_->Handle(sent, std::move(request), responder);
                  });
    }
  };
  add("/iceberg/v1/*", "/iceberg/v1/");
  add("/iceberg/*", "/iceberg/v1/");  // Of no version that there is: no endpoint.
  for (const std::string_view path :
       {"/v1/config", "/v1/oauth/tokens", "/v1/namespaces", "/v1/namespaces/*", "/v1/tables/rename",
        "/v1/views/rename", "/v1/transactions/commit"}) {
    add(path, "/v1/");
  }
}

}  // namespace tidemark::serve
