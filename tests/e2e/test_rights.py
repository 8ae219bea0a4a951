"""Who may do what, at every path there is: each operation of the OpenAPI document and each endpoint of the Iceberg catalog, asked without a key, with a
key of each single scope, and with those of another project. A path that is new needs a scope here, too."""
import json
import urllib.parse

import pytest

from support.server import ROOT, Tidemark

DOCUMENT = json.loads((ROOT / "docs/reference/openapi.json").read_text())
SCOPES = ("ingest", "query", "live", "catalog", "privacy", "admin")
BASE = "/iceberg/v1/namespaces"
SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "id", "type": "long", "required": False}]}
# The last of them are what browser SDKs ask for before they send: answers that are the same for all.
OPEN = ("/livez", "/readyz", "/health", "/metrics", "/openapi.json",
        "/v1/projects/{writeKey}/settings", "/sourceConfig", "/v1/m", "/array/{key}/config", "/flags", "/decide")
INGEST = ("/v1/events", "/events", "/ingest", "/v1/cloudevents", "/v1/track", "/v1/t", "/v1/page", "/v1/p", "/v1/screen", "/v1/s", "/v1/identify", "/v1/i",
          "/v1/group", "/v1/g", "/v1/alias", "/v1/a", "/v1/merge", "/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch", "/pixel/v1", "/v1/pixel", "/batch",
          "/capture", "/e", "/i/v0/e", "/track")
QUERY = {"get": ("/v1/quarantine", "/v1/tables", "/v1/schemas", "/api/schemas", "/subjects", "/schemas", "/config", "/mode",
                 "/contexts"),
         "post": ("/v1/sql", "/v1/schemas/{subject}/compatibility", "/v1/schemas/{subject}/validate", "/v1/schemas/{subject}/infer", "/compatibility")}
ADMIN = ("/v1/settle", "/v1/verify", "/v1/backfill", "/v1/keys", "/v1/quarantine", "/v1/schemas", "/subjects", "/config", "/mode")


def is_below(path, roots):
    return any(path == root or path.startswith((root + "/", root + ".")) for root in roots)


def needed(method, path):
    """The scopes of which one is enough; none: it is open."""
    if is_below(path, OPEN):
        return set()
    if path == "/v1/receipts/{id}":
        return {"ingest", "query"}
    if is_below(path, QUERY.get(method, ())) or (method, path) == ("post", "/subjects/{subject}"):
        return {"query"}
    if is_below(path, ADMIN):
        return {"admin"}
    assert is_below(path, INGEST), f"who may {method} {path}?"
    return {"ingest"}


def resolved(part):
    return DOCUMENT["components"][part["$ref"].split("/")[-2]][part["$ref"].split("/")[-1]] if "$ref" in part else part


OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]


class World:
    """Two projects with a key of each scope; `shop` has an event, one that is kept, a schema, a spare key and a plain table."""

    def __init__(self, server):
        self.server = server
        self.operator = {"X-API-Key": server.banner.split("(shown once): ")[1].split()[0]}
        self.keys = {(project, scope): self.made(project, scope) for project in ("shop", "rival") for scope in SCOPES}
        own = self.keys["shop", "admin"]
        sent = server.post("/v1/events", {"event_type": "order", "properties": {"amount": 5}}, own)
        kept = server.post("/v1/events", {"event_type": "order", "timestamp": "never"}, own).json()["quarantineId"]
        assert server.post("/v1/settle", "", own).status == 200
        assert server.post(f"{BASE}/shop/tables", {"name": "t", "schema": SCHEMA}, own).status == 200
        self.made("shop", "query")
        self.ids = {"/v1/keys/": self.newest, "/v1/quarantine/": kept, "/v1/receipts/": sent.headers["X-Tidemark-Receipt"]}

    def made(self, project, scope):
        answer = self.server.post("/v1/keys", {"scopes": [scope], "project": project}, self.operator)
        assert answer.status == 201, answer.body
        self.newest = answer.json()["id"]
        return {"X-API-Key": answer.json()["key"]}

    def ask(self, method, path, key, **query):
        """As the document shows it."""
        operation = DOCUMENT["paths"][path][method]
        known = next((one for start, one in self.ids.items() if path.startswith(start)), None)
        for parameter in map(resolved, operation.get("parameters", [])):
            if parameter["in"] == "path":
                path = path.replace("{%s}" % parameter["name"], "shop" if parameter["name"] == "project" else str(known or parameter["example"]))
            elif "example" in parameter and parameter["in"] == "query":
                query.setdefault(parameter["name"], parameter["example"])
        query.pop("api_key", None)
        [kind, shown], *_ = resolved(operation.get("requestBody", {})).get("content", {"": {}}).items()
        body = shown.get("example")
        headers = {**key, **({"Content-Type": kind} if kind else {})}
        path += "?" + urllib.parse.urlencode(query) if query else ""
        return self.server.request(method.upper(), path, body if body is None or isinstance(body, str) else json.dumps(body), headers)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("rights") / "data", dev=False) as server:
        yield World(server)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_scope_is_needed(world, method, path):
    scopes = needed(method, path)
    assert (world.ask(method, path, {}).status == 401) == bool(scopes)
    for scope in SCOPES:
        may = not scopes or scope in scopes | {"admin"}
        if path == "/track":  # Of two dialects: only a key that is pinned to one may.
            may = False
        answer = world.ask(method, path, world.keys["shop", scope])
        assert (answer.status not in (401, 403)) == may, (scope, answer.status, answer.body)


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if needed(*one)])
def test_another_project_is_not_there(world, method, path):
    rival = world.keys["rival", "admin"]
    if "/keys" not in path:  # Which have the project in the body.
        assert world.ask(method, path, rival, project="shop").status == 403
        assert world.ask(method, path, {**rival, "X-Tidemark-Project": "shop"}).status == 403
    if path.startswith(("/v1/keys/", "/v1/quarantine/", "/v1/tables/")):  # Of the other one, by its id or name.
        answer = world.ask(method, path, rival)
        assert answer.status in (403, 404) and b"lake/" not in answer.body, answer.body


def test_where_a_table_is_is_told_to_its_project_and_to_the_operator(world):
    path = "/v1/tables/shop/events"
    for key in (world.keys["shop", "query"], world.operator):
        assert world.server.get(path, key).json()["metadata-location"].startswith("file:///")
    refused = world.server.get(path, world.keys["rival", "query"])
    assert refused.status == 403 and "another project" in refused.json()["message"]


def endpoints(world):
    for line in world.server.get("/iceberg/v1/config", world.operator).json()["endpoints"]:
        method, path = line.split()
        names = {"/{prefix}": "", "{namespace}": "shop", "{table}": "t", "{view}": "v", "{plan-id}": "p"}
        for name, one in names.items():
            path = path.replace(name, one)
        identifier = {"namespace": ["shop"], "name": "t"}
        body = {"source": identifier, "destination": {**identifier, "name": "u"}, "namespace": ["shop", "sub"],
                "table-changes": [{"identifier": identifier, "requirements": [], "updates": []}]}
        yield method, "/iceberg" + path, body


def test_the_catalog_is_its_projects(world):
    """Reading wants `query` or `catalog`, all else `catalog`; of another project nothing is even listed."""
    reads = ("GET", "HEAD")
    for method, path, body in endpoints(world):
        if method == "DELETE":
            continue  # Below.
        body = None if method in reads else {**body, "destination": {"namespace": ["shop"], "name": "t"}}
        known = method in reads or path.endswith(("/plan", "/tasks", "/metrics"))
        assert world.server.request(method, path, body).status == 401, path
        for scope in SCOPES:
            status = world.server.request(method, path, body, world.keys["shop", scope]).status
            assert (status != 403) == (scope in ("catalog", "admin") or (known and scope == "query")), (method, path, scope, status)
        if "shop" in path or body:
            for scope in SCOPES:
                assert world.server.request(method, path, body, world.keys["rival", scope]).status == 403, (method, path, scope)
    for method, path, _ in endpoints(world):
        if method == "DELETE":
            for who in [("shop", "query"), ("rival", "catalog"), ("rival", "admin")]:
                if "/plan/" not in path or who[0] == "rival":
                    assert world.server.request(method, path, None, world.keys[who]).status == 403, (path, who)
    assert world.server.get(BASE, world.keys["rival", "catalog"]).json()["namespaces"] == []


def test_a_project_has_its_namespace_from_its_first_key_on(world):
    """Before anything of it is settled, and before the namespace is made."""
    server, rival = world.server, world.keys["rival", "catalog"]
    young = world.made("young", "catalog")
    assert server.post(BASE, {"namespace": ["young"]}, rival).status == 403
    assert server.post(BASE, {"namespace": ["young"]}, young).status == 200
    made = server.post(f"{BASE}/young/tables", {"name": "t", "schema": SCHEMA}, young)
    assert made.status == 200, made.body
    assert server.post(BASE, {"namespace": ["rival"]}, rival).status == 200
    for method, path, body in [("GET", "young/tables/t", None), ("POST", "young/tables", {"name": "u", "schema": SCHEMA}),
                               ("DELETE", "young/tables/t", None), ("DELETE", "young", None), ("POST", "rival/register", {
                                   "name": "mine", "metadata-location": made.json()["metadata-location"]})]:
        answer = server.request(method, f"{BASE}/{path}", body, rival)
        assert answer.status == 403, (path, answer.body)
    for project, key in (("young", young), ("rival", rival)):
        assert server.get(BASE, key).json()["namespaces"] == [[project]]
    assert server.request("DELETE", f"{BASE}/young/tables/t", None, young).status == 204
    assert server.request("DELETE", f"{BASE}/young", None, young).status == 204  # Until something is settled there.
