#include "app/routes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "app/catalog_access.h"
#include "app/openapi.h"
#include "base/json_writer.h"
#include "collect/dialects/all.h"
#include "collect/doors.h"
#include "collect/peer.h"
#include "env/posix/posix_clock.h"
#include "net/query_names.h"
#include "ops/status.h"
#include "ops/verify.h"
#include "serve/confluent_handler.h"
#include "serve/iceberg_handler.h"
#include "serve/key_handler.h"
#include "serve/quarantine_handler.h"
#include "serve/receipt_handler.h"
#include "serve/schema_handler.h"
#include "serve/sql_handler.h"

namespace tidemark::app {
namespace {

using Respond = std::shared_ptr<net::Responder>;

net::Response Json(std::string body, int status = 200) {
  net::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// Of the paths that operate: a project that is misspelled as a parameter would be all of them.
std::optional<net::Response> RefuseQuery(const net::Request& request) {
  constexpr std::array<std::string_view, 1> kKnown = {"project"};
  return net::RefuseUnknownParameters(request, kKnown, net::Strangers::kRefused);
}

Error NotReady() {
  return {Code::kUnavailable, "the server is replaying its log; ask again in a moment"};
}

}  // namespace

void CoreSink::Submit(event::Request request, Done done) {
  if (!parts_->ready()) return done(Fail(NotReady()));
  parts_->core().Submit(std::move(request), std::move(done));
}

class Routes::Impl {
 public:
  Impl(RouteParts* parts, collect::EventSink* sink, const collect::DoorOptions& doors)
      : parts_(parts),
        doors_(sink, &parts->keyring(), &parts->admission(), &parts->enrichment(), &parts->clock(),
               &parts->registry(), WithSchemas(doors, &parts->schemas())),
        sql_([parts] { return &parts->queries(); }, &parts->pool(),
             [parts](const net::Request& request) {
               return parts->keyring().ProjectOf(request, collect::Scope::kRead);
             },
             &parts->clock(), doors.body),
        keys_(
            &parts->keys(), &parts->database(), &parts->catalog_pool(),
            [this](const net::Request& request) { return ManagerOf(request); }, &parts->clock(),
            env::EntropySeed, collect::DialectNames()),
        receipts_({.core = [parts] { return &parts->core(); },
                   .commits =
                       [parts](const Uuid& table, LogOffset begin, LogOffset end) {
                         return parts->catalog().LedgerOver(table, begin, end);
                       }},
                  &parts->catalog_pool(),
                  [this](const net::Request& request) { return ReadersOrSenders(request); }),
        iceberg_(IcebergParts(parts)),
        schemas_(SchemaParts()),
        confluent_(SchemaParts()),
        quarantine_(QuarantineParts()) {
    doors_.AddTo(&router_);
    keys_.AddTo(&router_);
    iceberg_.AddTo(&router_);
    schemas_.AddTo(&router_);
    confluent_.AddTo(&router_);
    quarantine_.AddTo(&router_);
    AddHealth();
    AddQueries();
    AddOperations();
  }

  net::Router router_;

 private:
  using Handle = void (Impl::*)(const net::Request&, const Respond&);

  static serve::IcebergHandler::Parts IcebergParts(RouteParts* parts) {
    return {
        .catalog = [parts] { return parts->ready() ? &parts->rest_catalog() : nullptr; },
        .pool = &parts->catalog_pool(),
        .authorize =
            [parts](const net::Request& request) {
              return CatalogAccess(&parts->keyring(), request, collect::KeyOf(request));
            },
        .key_of = collect::KeyOf,
        .check_key =
            [parts](const net::Request& request, const std::string& key) {
              return CatalogAccess(&parts->keyring(), request, key);
            },
    };
  }

  void Add(net::Method method, std::string_view path, Handle handle) {
    router_.Add(method, path, [this, handle](const net::Request& request, const Respond& respond) {
      if (!parts_->ready()) return respond->Send(net::ErrorResponse(NotReady()));
      (this->*handle)(request, respond);
    });
  }

  static collect::DoorOptions WithSchemas(collect::DoorOptions doors, meta::Schemas* schemas) {
    doors.schemas = schemas;
    return doors;
  }

  serve::Authorize May(collect::Scope scope) const {
    return [parts = parts_, scope](const net::Request& request) {
      return parts->keyring().ProjectOf(request, scope);
    };
  }

  serve::QuarantineHandlerParts QuarantineParts() {
    return {.pool = &parts_->pool(),
            .clock = &parts_->clock(),
            .registry = &parts_->registry(),
            .service = [parts = parts_] { return parts->ready() ? &parts->queries() : nullptr; },
            .core = [parts = parts_] { return &parts->core(); },
            .read = [this](const event::KeptEvent& kept) { return doors_.Read(kept); },
            .may_read = May(collect::Scope::kRead),
            .may_change = May(collect::Scope::kAdmin)};
  }

  serve::SchemaHandlerParts SchemaParts() {
    return {.schemas = &parts_->schemas(),
            .pool = &parts_->catalog_pool(),
            .clock = &parts_->clock(),
            .service = [parts = parts_] { return parts->ready() ? &parts->queries() : nullptr; },
            .core = [parts = parts_] { return &parts->core(); },
            .may_read = May(collect::Scope::kRead),
            .may_change = May(collect::Scope::kAdmin)};
  }

  void AddHealth() {
    router_.Add(net::Method::kGet, "/livez", [](const net::Request&, const Respond& respond) {
      respond->Send(Json("{\"status\":\"alive\"}\n"));
    });
    router_.Add(net::Method::kGet, "/openapi.json",
                [](const net::Request&, const Respond& respond) {
                  respond->Send(Json(std::string(OpenApiJson())));
                });
    router_.Add(net::Method::kGet, "/readyz",
                [this](const net::Request&, const Respond& respond) { Ready(respond); });
    Add(net::Method::kGet, "/health", &Impl::Health);
    Add(net::Method::kGet, "/health/{part}", &Impl::PartHealth);
    Add(net::Method::kGet, "/metrics", &Impl::Metrics);
  }

  void AddQueries() {
    router_.Add(net::Method::kPost, "/v1/sql", [this](net::Request request, Respond respond) {
      if (!parts_->ready()) return respond->Send(net::ErrorResponse(NotReady()));
      sql_.Handle(std::move(request), std::move(respond));
    });
    Add(net::Method::kGet, "/v1/receipts/{id}", &Impl::Receipt);
  }

  // Who sent may know what became of it, also with a key that reads nothing else.
  tl::expected<std::string, net::Response> ReadersOrSenders(const net::Request& request) {
    auto project = parts_->keyring().ProjectOf(request, collect::Scope::kRead);
    if (project || project.error().status != 403) return project;
    return parts_->keyring().ProjectOf(request, collect::Scope::kWrite);
  }

  void Receipt(const net::Request& request, const Respond& respond) {
    receipts_.Handle(request, respond);
  }

  void AddOperations() {
    Add(net::Method::kPost, "/v1/settle", &Impl::Settle);
    Add(net::Method::kPost, "/v1/verify", &Impl::Verify);
    Add(net::Method::kPost, "/v1/backfill", &Impl::Backfill);
    Add(net::Method::kGet, "/v1/tables/{project}/{table}", &Impl::Table);
  }

  ops::StatusParts Status() {
    return {&parts_->core(),     &parts_->queries(), &parts_->budget(),
            &parts_->registry(), &parts_->clock(),   parts_->started()};
  }

  void Ready(const Respond& respond) {
    const bool answers = parts_->ready();
    const auto why = answers ? ops::NotTaking(Status()) : NotReady();
    net::Response response = Json(ops::ReadinessJson(!why, answers, why), why ? 503 : 200);
    if (why) response.headers.emplace_back("Retry-After", "1");
    respond->Send(std::move(response));
  }

  void Health(const net::Request&, const Respond& respond) {
    respond->Send(Json(ops::HealthJson(Status()), ops::Healthy(Status()) ? 200 : 503));
  }

  void PartHealth(const net::Request& request, const Respond& respond) {
    std::string body = ops::PartHealthJson(Status(), request.PathParameter("part"));
    if (body.empty()) {
      return respond->Send(
          net::ErrorResponse(404, "no such part", "the parts are collector, catalog and api"));
    }
    respond->Send(Json(std::move(body), ops::Healthy(Status()) ? 200 : 503));
  }

  void Metrics(const net::Request& request, const Respond& respond) {
    const std::string_view accept = request.Header("accept").value_or("");
    if (accept.find("application/json") != std::string_view::npos) {
      return respond->Send(Json(ops::MetricsJson(Status())));
    }
    net::Response response = Json(ops::MetricsPrometheus(Status()));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    respond->Send(std::move(response));
  }

  // Whose keys the request may manage: the project `default` is the operator's.
  tl::expected<serve::KeyManager, net::Response> ManagerOf(const net::Request& request) {
    if (!parts_->ready()) return tl::unexpected(net::ErrorResponse(NotReady()));
    const auto identity = parts_->keyring().IdentityOf(request);
    if (!identity) return tl::unexpected(identity.error());
    if (!identity->May(collect::Scope::kAdmin)) {
      return tl::unexpected(
          net::ErrorResponse(403, "the API key may not manage keys: it has no scope `admin`",
                             "use an admin key of the project, or one of the project `default`"));
    }
    auto named = parts_->keyring().OperatedProject(request);
    if (!named) return tl::unexpected(std::move(named).error());
    const bool is_operator = IsOperator(*identity);
    return serve::KeyManager{identity->project, is_operator, is_operator ? *named : ""};
  }

  // The project that the request operates on; empty: it may operate the server, and names none.
  tl::expected<std::string, net::Response> OperatedProject(const net::Request& request) {
    if (auto refusal = RefuseQuery(request)) return tl::unexpected(*std::move(refusal));
    const auto project = parts_->keyring().OperatedProject(request);
    if (!project || project->empty()) return project;
    const auto projects = parts_->core().AllProjects();
    const bool known = std::ranges::any_of(
        *projects, [&](const auto& stream) { return stream.second->project() == *project; });
    if (known || *project == kOperator) return project;
    return tl::unexpected(
        net::ErrorResponse(404, "nothing was ever sent to project " + *project,
                           "name a project that has events, or none for all that the key may"));
  }

  void Settle(const net::Request& request, const Respond& respond) {
    const auto project = OperatedProject(request);
    if (!project) return respond->Send(project.error());
    parts_->core().Settle(
        [this, respond, only = *project](tidemark::Status settled) {
          if (!settled) return respond->Send(net::ErrorResponse(settled.error()));
          respond->Send(Json(CutsJson(only)));
        },
        *project);
  }

  // `{"cuts":{"default":{"snapshot_id":..,"offsets":{"0":..},"settled":{"0":..}}}}`
  std::string CutsJson(std::string_view only) {
    std::string body;
    JsonWriter json(&body);
    json.BeginObject().Key("cuts").BeginObject();
    const auto projects = parts_->core().AllProjects();
    for (const auto& [name, project] : *projects) {
      if (!only.empty() && project->project() != only) continue;
      const auto cut = project->cut();
      json.Key(name).BeginObject().Key("snapshot_id");
      cut->lake ? json.Int(cut->lake->snapshot().value) : json.Null();
      json.Key("offsets").BeginObject().Field("0", cut->end().value).EndObject();
      json.Key("settled").BeginObject().Field("0", cut->settled().value).EndObject().EndObject();
    }
    json.EndObject().EndObject();
    return body + "\n";
  }

  // `{"files":3,"rows":1200,"files_left":0}`
  void Backfill(const net::Request& request, const Respond& respond) {
    if (auto refusal = RefuseQuery(request)) return respond->Send(*std::move(refusal));
    const auto project = parts_->keyring().ProjectOf(request, collect::Scope::kAdmin);
    if (!project) return respond->Send(project.error());
    parts_->core().Backfill(*project, [respond](const Result<tide::BackfillReport>& report) {
      if (!report) return respond->Send(net::ErrorResponse(report.error()));
      std::string body;
      JsonWriter json(&body);
      json.BeginObject().Field("files", report->files).Field("rows", report->rows);
      json.Field("files_left", report->files_left).EndObject();
      respond->Send(Json(body + "\n"));
    });
  }

  void Verify(const net::Request& request, const Respond& respond) {
    const auto project = OperatedProject(request);
    if (!project) return respond->Send(project.error());
    const bool posted = parts_->pool().Post({}, [this, respond, only = *project] {
      const auto proofs = ops::Verify(parts_->core(), &parts_->catalog(), &parts_->reader(),
                                      &parts_->delete_files(), &parts_->budget(), only);
      respond->Send(proofs ? Json(ops::ProofJson(*proofs)) : net::ErrorResponse(proofs.error()));
    });
    if (!posted) respond->Send(net::ErrorResponse(503, "too much waits; ask again in a moment"));
  }

  // Where other engines open the table: its newest metadata file.
  void Table(const net::Request& request, const Respond& respond) {
    const std::string_view name = request.PathParameter("project");
    if (auto refusal = parts_->keyring().RefuseReader(request, name)) {
      return respond->Send(*std::move(refusal));
    }
    const auto stream = tide::FindStream(request.PathParameter("table"));
    const auto project =
        stream ? parts_->core().FindProject(tide::LogName(name, *stream)) : nullptr;
    const auto cut = project ? project->cut() : nullptr;
    if (!cut || !cut->lake) {
      return respond->Send(net::ErrorResponse(
          404, "no such table",
          "a project has the tables events and quarantine, each made by its first settled row"));
    }
    std::string body;
    JsonWriter json(&body);
    json.BeginObject();
    json.Field("metadata-location", "file://" + parts_->core().NativePath(cut->lake->metadata_key));
    json.Field("snapshot-id", cut->lake->snapshot().value);
    json.Field("rows", cut->lake->files->rows()).Field("files", cut->lake->files->count());
    json.Field("settled", cut->settled().value).EndObject();
    respond->Send(Json(body + "\n"));
  }

  RouteParts* const parts_;
  collect::Doors doors_;
  serve::SqlHandler sql_;
  serve::KeyHandler keys_;
  serve::ReceiptHandler receipts_;
  serve::IcebergHandler iceberg_;
  serve::SchemaHandler schemas_;
  serve::ConfluentHandler confluent_;
  serve::QuarantineHandler quarantine_;
};

Routes::Routes(RouteParts* parts, collect::EventSink* sink, const collect::DoorOptions& doors)
    : impl_(std::make_unique<Impl>(parts, sink, doors)) {}
Routes::~Routes() = default;
net::Router& Routes::router() { return impl_->router_; }

}  // namespace tidemark::app
