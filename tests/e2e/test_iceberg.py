"""The Iceberg REST catalog over HTTP: shapes, errors, transactions, and what others may not touch."""
import base64
import json
import pathlib
import threading

import pyarrow.parquet
import pytest
from pyiceberg.catalog import load_catalog

from support.server import Tidemark

SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "x", "required": False, "type": "long"}]}
BASE = "/iceberg/v1"


def error_of(answer):
    """The error of an answer, which must have the specification's shape."""
    error = answer.json()["error"]
    assert error["code"] == answer.status and error["message"] and error["type"], answer.body
    return error


def make(server, name, ns="a", **more):
    answer = server.post(f"{BASE}/namespaces/{ns}/tables", {"name": name, "schema": SCHEMA, **more})
    assert answer.status == 200, answer.body
    return answer.json()


def set_property(key, value, *requirements):
    return {"requirements": list(requirements), "updates": [{"action": "set-properties", "updates": {key: value}}]}


@pytest.fixture
def catalog(server):
    assert server.post(f"{BASE}/namespaces", {"namespace": ["a"]}).status == 200
    return server


def test_config_names_what_there_is(server):
    for path in (f"{BASE}/config", "/v1/config", f"{BASE}/config?warehouse=tidemark"):
        answer = server.get(path)
        assert answer.status == 200
        assert "GET /v1/{prefix}/namespaces" in answer.json()["endpoints"]
    assert error_of(server.get(f"{BASE}/config?warehouse=other"))["code"] == 404
    assert error_of(server.get(f"{BASE}/coffee"))["code"] == 404
    assert error_of(server.request("PUT", f"{BASE}/namespaces"))["code"] == 405
    for method in ("PATCH", "PROPFIND"):
        assert error_of(server.request(method, f"{BASE}/namespaces"))["code"] == 405
        assert error_of(server.request(method, "/v1/namespaces"))["code"] == 405
    for path in ("/iceberg/v2/namespaces", "/iceberg/config", "/iceberg/"):
        assert error_of(server.get(path))["code"] == 404


def test_namespaces_page_and_nest(server):
    assert server.get("/v1/namespaces").json()["namespaces"] == [["default"]]
    for levels in (["a"], ["b"], ["b", "c d", "e"]):
        assert server.post(f"{BASE}/namespaces", {"namespace": levels, "properties": {"k": "v"}}).status == 200
    assert server.get(f"{BASE}/namespaces?parent=b").json()["namespaces"] == [["b", "c d"]]
    properties = server.get(f"{BASE}/namespaces/b%1Fc+d%1Fe").json()["properties"]
    assert properties.pop("location").startswith("file:///") and properties == {"k": "v"}
    seen, token = [], ""
    while token is not None:
        page = server.get(f"{BASE}/namespaces?pageToken={token}&pageSize=1").json()
        seen, token = seen + page["namespaces"], page["next-page-token"]
    assert seen == [["a"], ["b"], ["default"]]
    assert error_of(server.request("DELETE", f"{BASE}/namespaces/b"))["type"] == "NamespaceNotEmptyException"
    assert error_of(server.get(f"{BASE}/namespaces/none"))["message"] == "Namespace does not exist: none"
    changed = server.post(f"{BASE}/namespaces/a/properties", {"removals": ["k", "z"], "updates": {"n": "1"}}).json()
    assert changed == {"updated": ["n"], "removed": ["k"], "missing": ["z"]}
    both = server.post(f"{BASE}/namespaces/a/properties", {"removals": ["k"], "updates": {"k": "1"}})
    assert error_of(both)["code"] == 422


def test_a_table_lives(catalog):
    made = make(catalog, "t", properties={"p": "1"})
    assert made["metadata"]["format-version"] == 2
    again = catalog.post(f"{BASE}/namespaces/a/tables", {"name": "t", "schema": SCHEMA})
    assert error_of(again)["message"] == "Table already exists: a.t"
    loaded = catalog.get(f"{BASE}/namespaces/a/tables/t")
    etag = loaded.headers["ETag"]
    same = catalog.get(f"{BASE}/namespaces/a/tables/t", {"If-None-Match": etag})
    assert same.status == 304 and same.body == b"" and same.headers["ETag"] == etag
    # RFC 9110: a list, any, weak ones; a tag may have commas.
    for known in (f"W/{etag}", f'"other", {etag}', f'"a,b" ,, W/"c",W/{etag}', "*", etag.strip('"')):
        assert catalog.get(f"{BASE}/namespaces/a/tables/t", {"If-None-Match": known}).status == 304, known
    for known in ('"other"', f'"x{etag[1:]}', f'"a,{etag[1:-1]},b"', "", ",", '"', "W/", '"*"', etag.replace('"', "") + "-refs"):
        assert catalog.get(f"{BASE}/namespaces/a/tables/t", {"If-None-Match": known}).status == 200, known
    assert catalog.get(f"{BASE}/namespaces/a/tables/t?snapshots=refs", {"If-None-Match": etag}).status == 200
    uuid = {"type": "assert-table-uuid", "uuid": made["metadata"]["table-uuid"]}
    committed = catalog.post(f"{BASE}/namespaces/a/tables/t", set_property("p", "2", uuid)).json()
    assert committed["metadata"]["properties"] == {"p": "2"}
    assert committed["metadata"]["metadata-log"][0]["metadata-file"] == made["metadata-location"]
    assert catalog.get(f"{BASE}/namespaces/a/tables/t", {"If-None-Match": etag}).status == 200
    wrong = {"type": "assert-current-schema-id", "current-schema-id": 4}
    refused = error_of(catalog.post(f"{BASE}/namespaces/a/tables/t", set_property("p", "3", wrong)))
    assert (refused["code"], refused["type"]) == (409, "CommitFailedException")
    renamed = {"source": {"namespace": ["a"], "name": "t"}, "destination": {"namespace": ["a"], "name": "u"}}
    assert catalog.post(f"{BASE}/tables/rename", renamed).status == 204
    assert error_of(catalog.get(f"{BASE}/namespaces/a/tables/t"))["type"] == "NoSuchTableException"
    assert catalog.request("HEAD", f"{BASE}/namespaces/a/tables/u").status == 204
    assert catalog.request("DELETE", f"{BASE}/namespaces/a/tables/u?purgeRequested=False").status == 204
    assert catalog.get(f"{BASE}/namespaces/a/tables").json()["identifiers"] == []


def test_what_is_purged_does_not_come_back(catalog):
    """Its files go a while later: a table that was registered from one would lose all that it names. What was only dropped comes back."""
    made = make(catalog, "t")
    back = {"name": "back", "metadata-location": made["metadata-location"]}
    assert catalog.request("DELETE", f"{BASE}/namespaces/a/tables/t").status == 204
    assert catalog.post(f"{BASE}/namespaces/a/register", back).status == 200
    assert catalog.request("DELETE", f"{BASE}/namespaces/a/tables/back?purgeRequested=true").status == 204
    assert error_of(catalog.post(f"{BASE}/namespaces/a/register", back))["code"] == 404


def test_a_namespace_says_the_format_of_its_tables(server):
    assert server.post(f"{BASE}/namespaces", {"namespace": ["three"], "properties": {"format-version": "3"}}).status == 200

    def version(name, **properties):
        answer = server.post(f"{BASE}/namespaces/three/tables", {"name": name, "schema": SCHEMA, "properties": properties})
        return answer.json()["metadata"]["format-version"] if answer.status == 200 else answer.status

    assert version("a") == 3
    assert version("b", **{"format-version": "2"}) == 2
    assert server.post(f"{BASE}/namespaces/three/properties", {"updates": {"format-version": "9"}}).status == 200
    assert version("c") == 400


def test_staged_creation_is_not_there_until_committed(catalog):
    staged = make(catalog, "s", **{"stage-create": True})
    assert "metadata-location" not in staged
    assert catalog.get(f"{BASE}/namespaces/a/tables/s").status == 404
    metadata = staged["metadata"]
    # Engines write manifests before they commit, and some make no folder for them.
    assert (pathlib.Path(metadata["location"].removeprefix("file://")) / "metadata").is_dir()
    updates = [{"action": "assign-uuid", "uuid": metadata["table-uuid"]}, {"action": "add-schema", "schema": metadata["schemas"][0]},
               {"action": "set-current-schema", "schema-id": -1}, {"action": "set-location", "location": metadata["location"]}]
    commit = {"requirements": [{"type": "assert-create"}], "updates": updates}
    made = catalog.post(f"{BASE}/namespaces/a/tables/s", commit)
    assert made.status == 200, made.body
    assert made.json()["metadata"]["table-uuid"] == metadata["table-uuid"]
    assert error_of(catalog.post(f"{BASE}/namespaces/a/tables/s", commit))["code"] == 409


def test_transactions_are_all_or_nothing(catalog):
    for name in ("t", "u"):
        make(catalog, name)

    def change(name, *requirements):
        return {"identifier": {"namespace": ["a"], "name": name}, **set_property("k", name, *requirements)}

    bad = {"type": "assert-default-spec-id", "default-spec-id": 9}
    refused = error_of(catalog.post(f"{BASE}/transactions/commit", {"table-changes": [change("t"), change("u", bad)]}))
    assert refused["code"] == 409 and refused["message"].endswith("expected id 9 != 0 (table a.u)"), refused
    assert error_of(catalog.post(f"{BASE}/transactions/commit", {"table-changes": [change("t"), change("t")]}))["code"] == 400
    properties = [catalog.get(f"{BASE}/namespaces/a/tables/{name}").json()["metadata"]["properties"] for name in ("t", "u")]
    assert properties == [{}, {}]
    assert catalog.post(f"{BASE}/transactions/commit", {"table-changes": [change("t"), change("u")]}).status == 204
    properties = [catalog.get(f"{BASE}/namespaces/a/tables/{name}").json()["metadata"]["properties"] for name in ("t", "u")]
    assert properties == [{"k": "t"}, {"k": "u"}]


def test_racing_commits_lose_nothing(catalog):
    make(catalog, "t")
    answers = []

    def commit(worker):
        for n in range(10):
            answers.append(catalog.post(f"{BASE}/namespaces/a/tables/t", set_property(f"{worker}-{n}", "x")).status)

    workers = [threading.Thread(target=commit, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    loaded = catalog.get(f"{BASE}/namespaces/a/tables/t").json()["metadata"]
    assert set(answers) <= {200, 409}
    assert len(loaded["properties"]) == answers.count(200) == len(loaded["metadata-log"])


def test_views(catalog):
    version = {"version-id": 1, "schema-id": 0, "timestamp-ms": 1, "summary": {}, "default-namespace": ["a"],
               "representations": [{"type": "sql", "sql": "select 1", "dialect": "spark"}]}
    made = catalog.post(f"{BASE}/namespaces/a/views", {"name": "v", "schema": SCHEMA, "view-version": version, "properties": {}})
    assert made.status == 200, made.body
    clash = catalog.post(f"{BASE}/namespaces/a/tables", {"name": "v", "schema": SCHEMA})
    assert error_of(clash)["message"] == "View with same name already exists: a.v"
    uuid = {"type": "assert-view-uuid", "uuid": made.json()["metadata"]["view-uuid"]}
    other = dict(version, representations=[{"type": "sql", "sql": "select 2", "dialect": "spark"}])
    updates = [{"action": "add-view-version", "view-version": other}, {"action": "set-current-view-version", "view-version-id": -1}]
    replaced = catalog.post(f"{BASE}/namespaces/a/views/v", {"requirements": [uuid], "updates": updates}).json()["metadata"]
    assert (replaced["current-version-id"], len(replaced["versions"]), len(replaced["version-log"])) == (2, 2, 2)
    lost = dict(version, representations=[{"type": "sql", "sql": "select 3", "dialect": "trino"}])
    updates[0] = {"action": "add-view-version", "view-version": lost}
    assert "loss of view dialects" in error_of(catalog.post(f"{BASE}/namespaces/a/views/v", {"updates": updates}))["message"]
    assert catalog.request("DELETE", f"{BASE}/namespaces/a/views/v").status == 204


def test_managed_tables_are_neither_dropped_nor_renamed(server):
    server.post("/v1/events", [{"event_type": "click", "properties": {"n": n}} for n in range(5)])
    server.settle()
    loaded = server.get("/v1/namespaces/default/tables/events").json()
    assert loaded["metadata-location"] == server.events_metadata()
    assert loaded["metadata"]["properties"]["tidemark.managed"] == "true"
    assert {"namespace": ["default"], "name": "events"} in server.get("/v1/namespaces/default/tables").json()["identifiers"]
    path = f"{BASE}/namespaces/default/tables/events"
    rename = {"source": {"namespace": ["default"], "name": "events"}, "destination": {"namespace": ["default"], "name": "mine"}}
    for answer in (server.request("DELETE", path + "?purgeRequested=true"), server.post(f"{BASE}/tables/rename", rename)):
        assert error_of(answer)["type"] == "ForbiddenException" and "server feeds" in answer.json()["error"]["message"]
    taken = server.post(f"{BASE}/namespaces/default/tables", {"name": "quarantine", "schema": SCHEMA})
    assert error_of(taken)["code"] in (403, 409)
    assert error_of(server.request("DELETE", f"{BASE}/namespaces/default"))["code"] in (403, 409)
    server.post("/v1/events", {"event_type": "click"})
    server.settle()
    assert server.scalar("select count(*) from events") == 6


def test_commits_to_managed_tables(catalog):
    """Files of others: tests/services/test_managed_tables.py; here what plain HTTP can commit."""
    catalog.post("/v1/events", [{"event_type": "click"} for _ in range(5)])
    catalog.settle()
    path = f"{BASE}/namespaces/default/tables/events"
    committed = catalog.post(path, set_property("owner", "data team"))
    assert committed.status == 200, committed.body
    assert committed.json()["metadata-location"] == catalog.events_metadata()
    # One transaction for a plain table and the server's own: both or none.
    make(catalog, "t")
    stale = {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 1}

    def change(ns, name, *requirements):
        return {"identifier": {"namespace": [ns], "name": name}, **set_property("k", name, *requirements)}

    refused = catalog.post(f"{BASE}/transactions/commit", {"table-changes": [change("a", "t"), change("default", "events", stale)]})
    assert error_of(refused)["code"] == 409
    assert catalog.get(f"{BASE}/namespaces/a/tables/t").json()["metadata"]["properties"] == {}
    assert catalog.post(f"{BASE}/transactions/commit", {"table-changes": [change("a", "t"), change("default", "events")]}).status == 204
    catalog.post("/v1/events", {"event_type": "click"})
    catalog.settle()
    loaded = catalog.get(path).json()["metadata"]
    assert (loaded["properties"]["owner"], loaded["properties"]["k"]) == ("data team", "events")
    assert catalog.scalar("select count(*) from events") == 6
    assert catalog.verify()["ok"]
    # What another table has in the warehouse is not this one's.
    head = loaded["current-snapshot-id"]
    [snapshot] = [one for one in loaded["snapshots"] if one["snapshot-id"] == head]
    for elsewhere in (f"file://{catalog.folder.resolve()}/lake/plain.tables/a/x.avro", "file:///etc/passwd"):
        fake = {"snapshot-id": 5, "parent-snapshot-id": head, "sequence-number": loaded["last-sequence-number"] + 1, "timestamp-ms": loaded["last-updated-ms"],
                "manifest-list": elsewhere, "summary": {"operation": "append"}}
        answer = catalog.post(path, {"updates": [{"action": "add-snapshot", "snapshot": fake}]})
        assert error_of(answer)["code"] == 400 and "G5" in answer.json()["error"]["message"]
    moved = dict(snapshot, **{"snapshot-id": 6, "parent-snapshot-id": head, "sequence-number": loaded["last-sequence-number"] + 1, "summary": {"operation": "append",
                              "tidemark.offsets": '{"v":1,"p":{"0":0}}'}})
    answer = catalog.post(path, {"updates": [{"action": "add-snapshot", "snapshot": moved}]})
    assert error_of(answer)["code"] == 403 and "G7" in answer.json()["error"]["message"]
    for update, rule in (({"action": "set-location", "location": "file:///elsewhere"}, "G9"), ({"action": "upgrade-format-version", "format-version": 3}, "G11"),
                         ({"action": "remove-snapshot-ref", "ref-name": "main"}, "G8")):
        answer = catalog.post(path, {"updates": [update]})
        assert error_of(answer)["code"] in (400, 403) and rule in answer.json()["error"]["message"]
    assert catalog.get(path).json()["metadata"]["current-snapshot-id"] == head


def test_manifests_have_the_sizes_of_columns(server):
    for n in range(2):  # The second file has copies of paths, which the first one made known.
        server.post("/v1/events", [{"event_type": "click", "user_id": f"u{i % 9}", "value": i, "properties": {"n": i, "city": "Ulm"}} for i in range(3000)])
        server.settle()
    table = load_catalog("sizes", type="rest", uri=f"http://{server.address}/iceberg").load_table("default.events")
    assert table.inspect.entries().num_rows == 2  # PyIceberg fails where a manifest has none.
    names = {field_id: table.schema().find_column_name(field_id) for field_id in table.schema().field_ids}
    for task in table.scan().plan_files():
        sizes = {names[field_id]: size for field_id, size in task.file.column_sizes.items()}
        group = pyarrow.parquet.ParquetFile(task.file.file_path.removeprefix("file://")).metadata.row_group(0)
        assert sizes == {group.column(i).path_in_schema: group.column(i).total_compressed_size for i in range(group.num_columns)}


def test_commits_survive_a_kill(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        server.post(f"{BASE}/namespaces", {"namespace": ["a"]})
        make(server, "t")
        answer = server.post(f"{BASE}/namespaces/a/tables/t", set_property("k", "v"))
        assert answer.status == 200
        server.kill()
        server.start()
        assert server.get(f"{BASE}/namespaces/a/tables/t").json() == {**answer.json(), "config": {}}


def test_keys_and_tokens(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        key = server.banner.split("(shown once): ")[1].split()[0]
        assert error_of(server.get("/v1/namespaces"))["type"] == "NotAuthorizedException"
        assert error_of(server.get("/v1/namespaces", {"Authorization": "Bearer wrong"}))["code"] == 401
        form = f"grant_type=client_credentials&client_id=any&client_secret={key}&scope=catalog"
        token = server.post("/v1/oauth/tokens", form, {"Content-Type": "application/x-www-form-urlencoded"})
        assert token.status == 200 and token.json()["token_type"] == "bearer", token.body
        bearer = {"Authorization": "Bearer " + token.json()["access_token"]}
        assert server.get("/v1/namespaces", bearer).json()["namespaces"] == [["default"]]
        wrong = server.post("/v1/oauth/tokens", "grant_type=client_credentials&client_id=a&client_secret=b")
        assert wrong.status == 401 and wrong.json()["error"] == "invalid_client"
        # RFC 6749, 2.3.1: the client's name and secret in the header instead.
        for pair, status in ((f"any:{key}", 200), (f"{key}:", 200), ("any:b", 401), ("any:", 401), ("", 401)):
            basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
            answer = server.post("/v1/oauth/tokens", "grant_type=client_credentials", basic)
            assert answer.status == status and answer.json().get("access_token") == (key if status == 200 else None), (pair, answer.body)
            assert status == 200 or answer.headers["WWW-Authenticate"].startswith("Basic")
            assert server.get("/v1/namespaces", basic).status == status
        one = load_catalog("one", type="rest", uri=f"http://{server.address}/iceberg", auth={"type": "oauth2", "oauth2": {
            "client_id": "any", "client_secret": key, "token_url": f"http://{server.address}/iceberg/v1/oauth/tokens"}})
        assert one.list_namespaces() == [("default",)]


@pytest.mark.parametrize("body", ["", "[]", "{", '{"name":5}', '{"name":"t"}', '{"name":"t","schema":{"type":"struct"}}',
                                  '{"name":"","schema":{"type":"struct","fields":[]}}', "\x00\xff"])
def test_bad_bodies_are_refused(catalog, body):
    assert error_of(catalog.post(f"{BASE}/namespaces/a/tables", body.encode("latin-1")))["code"] == 400


@pytest.mark.parametrize("location", ["/etc", "file:///etc/t", "s3://bucket/t", "LAKE/default/events-1", "LAKE/plain.tables/../../../x",
                                      "LAKE/plain.tables"])
def test_locations_outside_are_refused(catalog, location):
    location = location.replace("LAKE", f"file://{catalog.folder.resolve()}/lake")
    answer = catalog.post(f"{BASE}/namespaces/a/tables", {"name": "t", "schema": SCHEMA, "location": location})
    assert error_of(answer)["code"] == 400
    registered = catalog.post(f"{BASE}/namespaces/a/register", {"name": "t", "metadata-location": location + "/1.metadata.json"})
    assert error_of(registered)["code"] in (400, 404)


def test_bad_commits_are_refused(catalog):
    make(catalog, "t")
    for body in ({"updates": 5}, {"updates": [{}]}, {"updates": [{"action": "explode"}]}, {"requirements": [{"type": "assert-luck"}]},
                 {"updates": [{"action": "set-location", "location": "/etc"}]},
                 {"updates": [{"action": "add-snapshot", "snapshot": {"snapshot-id": "1"}}]},
                 {"updates": [{"action": "set-current-schema", "schema-id": 77}]}):
        answer = catalog.post(f"{BASE}/namespaces/a/tables/t", json.dumps(body))
        assert error_of(answer)["code"] == 400, body
    assert catalog.get(f"{BASE}/namespaces/a/tables/t").json()["metadata"]["metadata-log"] == []
