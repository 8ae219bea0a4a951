"""Projects keep their files to themselves: whatever a table's metadata names, nobody reads, plans, registers or purges what lies
where another project's tables live, and no answer tells the server's folders."""
import json
import pathlib
import threading
import time
import uuid

import pyarrow
import pyarrow.parquet as parquet
import pytest
from pyiceberg.catalog import load_catalog

from support import own_commits
from support.raw_tables import RawTable
from support.server import Tidemark

SECRET = pyarrow.table({"user_id": ["u1", "u2"], "card": ["4111", "5500"]})


class Member:
    """A project's key, and its catalog."""

    def __init__(self, server, project, scopes=("ingest", "query", "catalog")):
        self.server, self.project = server, project
        made = server.post("/v1/keys", {"scopes": list(scopes), "project": project}, {"X-API-Key": server.admin})
        assert made.status == 201, made.body
        self.headers = {"X-API-Key": made.json()["key"]}
        self.catalog = load_catalog(project, type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg", token=made.json()["key"])

    def post(self, path, body):
        return self.server.post(path, body, self.headers)

    def sql(self, statement):
        return self.post("/v1/sql", {"query": statement})

    def plan(self, table):
        return self.post(f"/iceberg/v1/namespaces/{self.project}/tables/{table}/plan", {})

    def table(self, name, rows=SECRET):
        return self.catalog.create_table(f"{self.project}.{name}", schema=rows.schema)

    def set_property(self, table, key, value):
        updates = [{"action": "set-properties", "updates": {key: value}}]
        return self.post(f"/iceberg/v1/namespaces/{self.project}/tables/{table}", {"updates": updates})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("isolation") / "data", dev=False) as server:
        server.admin = server.banner.split("(shown once): ")[1].split()[0]
        server.shop, server.rival = Member(server, "shop"), Member(server, "rival")
        for member in (server.shop, server.rival):
            assert member.post("/v1/events", {"event_type": "bought", "user_id": member.project}).status == 202
        assert server.post("/v1/settle", "", {"X-API-Key": server.admin}).status == 200
        server.secret = server.shop.table("secret")
        server.secret.append(SECRET)
        server.secret.refresh()
        server.lake = f"file://{server.folder.resolve()}/lake"
        yield server


def paths(table):
    return [task.file.file_path for task in table.scan().plan_files()]


def refused(answer, *words):
    assert 400 <= answer.status < 500, answer.body
    for word in words or ("another project",):
        assert word in answer.body.decode(), answer.body
    return answer


def test_a_commit_that_names_a_data_file_of_another_project_is_refused(world):
    """Whatever carries it: an append, a transaction, the end of a staged table; the manifests of the parent are its own affair."""
    events = world.shop.catalog.load_table("shop.events")
    mine = world.rival.table("taker", SECRET)
    mine.append(SECRET)
    mine.refresh()
    head = mine.current_snapshot().snapshot_id
    for path in [*paths(world.secret), *paths(events)]:
        files = [own_commits.data_file(mine, path, 1)]
        assert refused(own_commits.commit(world, mine, files, world.rival.headers), path).status == 403
        body = own_commits.request(mine, files)
        change = {"identifier": {"namespace": ["rival"], "name": "taker"}, **body}
        assert refused(world.rival.post("/iceberg/v1/transactions/commit", {"table-changes": [change]}), path).status == 403
        staged = world.rival.post("/iceberg/v1/namespaces/rival/tables", {"name": "staged", "stage-create": True, "schema": {"type": "struct", "fields": [
            {"id": 1, "name": "user_id", "required": False, "type": "string"}]}}).json()["metadata"]
        updates = [{"action": "assign-uuid", "uuid": staged["table-uuid"]}, {"action": "upgrade-format-version", "format-version": 2},
                   {"action": "add-schema", "schema": staged["schemas"][0], "last-column-id": 1}, {"action": "set-current-schema", "schema-id": -1},
                   {"action": "add-spec", "spec": staged["partition-specs"][0]}, {"action": "set-default-spec", "spec-id": -1},
                   {"action": "add-sort-order", "sort-order": staged["sort-orders"][0]}, {"action": "set-default-sort-order", "sort-order-id": -1},
                   {"action": "set-location", "location": staged["location"]}, *body["updates"]]
        updates[-2]["snapshot"].pop("parent-snapshot-id", None)
        made = world.rival.post("/iceberg/v1/namespaces/rival/tables/staged", {"requirements": [{"type": "assert-create"}], "updates": updates})
        assert refused(made, path).status == 403
        assert world.get("/iceberg/v1/namespaces/rival/tables/staged", world.rival.headers).status == 404
    mine.refresh()
    assert mine.current_snapshot().snapshot_id == head
    mine.append(SECRET)  # What is one's own goes on.
    assert world.rival.sql("select count(*) n from iceberg.taker").json()["data"] == [{"n": 4}]


def test_registration_looks_into_all_manifests(world):
    """Also into those beyond the first thousand."""
    mine = RawTable(world.folder.resolve() / "lake/plain.tables/rival/many")
    loose = mine.rows((1, "a"))
    theirs = paths(world.secret)[0]
    manifests = [mine.manifest(loose)] * 1 + [mine.manifest({**loose, "status": 2}) for _ in range(1_199)]
    mine.commit(*manifests)
    assert mine.register(world, "many", world.rival.headers, "rival").status == 200
    answer = world.rival.sql("select count(*) n from iceberg.many")
    assert answer.status == 200 and answer.json()["data"] == [{"n": 1}], answer.body
    other = RawTable(world.folder.resolve() / "lake/plain.tables/rival/most")
    other.commit(*manifests, other.manifest(other.file(theirs, 2, 100)))
    assert refused(other.register(world, "most", world.rival.headers, "rival"), "another project").status == 403


def test_a_data_file_of_another_project_is_neither_read_nor_planned(world):
    """That somebody has committed who may read it."""
    events = world.shop.catalog.load_table("shop.events")
    for number, path in enumerate([*paths(world.secret), *paths(events)]):
        mine = world.rival.table(f"mine{number}")
        committed = own_commits.commit(world, mine, [own_commits.data_file(mine, path, 1)], {"X-API-Key": world.admin})
        assert committed.status == 200, committed.body
        assert refused(world.rival.sql(f"select * from iceberg.mine{number}")).status == 403
        assert refused(world.rival.plan(f"mine{number}")).status == 403
        # Whoever may read the file anyway may plan it.
        admin = world.post(f"/iceberg/v1/namespaces/rival/tables/mine{number}/plan", {}, {"X-API-Key": world.admin})
        assert admin.status == 200 and path in admin.body.decode()


def test_manifests_and_lists_of_another_project_are_not_read(world):
    mine = world.rival.table("manifests")
    loose = pathlib.Path(mine.location().removeprefix("file://")) / "data/loose.parquet"
    loose.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(SECRET, loose)
    theirs = world.secret.current_snapshot().manifests(world.secret.io)
    files = [own_commits.data_file(mine, f"file://{loose}", 2)]
    assert refused(own_commits.commit(world, mine, files, world.rival.headers, more=theirs)).status == 403
    committed = own_commits.commit(world, mine, files, {"X-API-Key": world.admin}, more=theirs)
    assert committed.status == 200, committed.body
    # Also when it is in memory because the owner has asked.
    assert world.shop.plan("secret").status == 200
    for answer in (world.rival.sql("select * from iceberg.manifests"), world.rival.plan("manifests")):
        assert refused(answer).status == 403 and "4111" not in answer.body.decode()
    mine.refresh()
    body = own_commits.request(mine, [own_commits.data_file(mine, f"file://{loose}", 2)])
    body["updates"][0]["snapshot"]["manifest-list"] = world.secret.current_snapshot().manifest_list
    assert refused(world.rival.post("/iceberg/v1/namespaces/rival/tables/manifests", body)).status == 403


def test_what_is_ones_own_is_read_wherever_it_lies(world):
    """A file outside the table's location but inside the warehouse, of the same project or of nobody's namespace."""
    assert world.post("/iceberg/v1/namespaces", {"namespace": ["common"]}, {"X-API-Key": world.admin}).status == 200
    table = world.shop.table("collected")
    own = paths(world.secret)
    loose = world.folder.resolve() / "lake/plain.tables/common/loose.parquet"
    loose.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(SECRET, loose)
    files = [own_commits.data_file(table, path, 2) for path in [*own, f"file://{loose}"]]
    assert own_commits.commit(world, table, files, world.shop.headers).status == 200
    answer = world.shop.sql("select count(*) n from iceberg.collected")
    assert answer.status == 200 and answer.json()["data"] == [{"n": 4}], answer.body
    assert len(world.shop.plan("collected").json()["file-scan-tasks"]) == 2


def registered(world, change):
    """Answer to registering the secret's metadata with changes, from a file in a table of one's own."""
    metadata = json.loads(world.secret.metadata.model_dump_json())
    metadata["table-uuid"] = str(uuid.uuid4())
    change(metadata)
    home = world.rival.table(f"home{uuid.uuid4().hex}")
    path = pathlib.Path(home.location().removeprefix("file://")) / f"metadata/00007-{uuid.uuid4()}.metadata.json"
    path.write_text(json.dumps(metadata))
    return world.rival.post("/iceberg/v1/namespaces/rival/register", {"name": f"stolen{uuid.uuid4().hex}", "metadata-location": f"file://{path}"})


def test_registration_takes_nothing_of_another_project(world):
    answer = world.rival.post("/iceberg/v1/namespaces/rival/register", {"name": "stolen", "metadata-location": world.secret.metadata_location})
    assert refused(answer).status == 403
    free = f"{world.lake}/plain.tables/rival/free"
    assert refused(registered(world, lambda metadata: metadata.update(location=free))).status == 403
    # A purge of it would take all that is below.
    assert refused(registered(world, lambda metadata: metadata.update(location=f"{world.lake}/plain.tables/shop")), "overlaps").status == 400
    assert refused(registered(world, lambda metadata: metadata.update(location=world.secret.location() + "/data")), "overlaps").status == 400
    assert refused(registered(world, lambda metadata: metadata.update(location=f"{world.lake}/shop")), "the server's own").status == 400
    assert refused(registered(world, lambda metadata: metadata.update(location=f"{world.lake}/plain.tables/shop/gone"))).status == 403


def test_locations_and_metadata_stay_out_of_other_projects(world):
    fields = [{"id": 1, "name": "x", "required": False, "type": "long"}]
    body = {"name": "there", "schema": {"type": "struct", "fields": fields}, "location": f"{world.lake}/plain.tables/shop/there"}
    assert refused(world.rival.post("/iceberg/v1/namespaces/rival/tables", body)).status == 403
    world.rival.table("moving")
    moved = {"updates": [{"action": "set-location", "location": f"{world.lake}/plain.tables/shop/there"}]}
    assert refused(world.rival.post("/iceberg/v1/namespaces/rival/tables/moving", moved)).status == 403
    events = world.shop.catalog.load_table("shop.events")
    before = sorted(world.folder.rglob("*.metadata.json"))
    for folder, words in ((events.location() + "/metadata", "the server's own"), (world.secret.location() + "/metadata", "overlaps"),
                          (f"{world.lake}/plain.tables/shop/there", "another project")):
        assert refused(world.rival.set_property("moving", "write.metadata.path", folder), words)
        refused(world.rival.post("/iceberg/v1/namespaces/rival/tables", {**body, "location": None, "properties": {"write.metadata.path": folder}}), words)
    assert sorted(world.folder.rglob("*.metadata.json")) == before
    assert world.rival.set_property("moving", "write.metadata.path", f"{world.lake}/plain.tables/rival/elsewhere").status == 200
    assert list(world.folder.glob("lake/plain.tables/rival/elsewhere/*.metadata.json"))


def test_a_metadata_log_deletes_nothing_of_others(world):
    def change(metadata):
        metadata.update(location=f"{world.lake}/plain.tables/rival/log", snapshots=[], refs={}, **{"current-snapshot-id": None, "snapshot-log": []})
        metadata["metadata-log"] = [{"timestamp-ms": 1, "metadata-file": world.secret.metadata_location}] * 3
        metadata["properties"] = {"write.metadata.delete-after-commit.enabled": "true", "write.metadata.previous-versions-max": "1"}

    answer = registered(world, change)
    assert answer.status == 200, answer.body
    [name] = [one for _, one in world.rival.catalog.list_tables("rival") if one.startswith("stolen")]
    for number in range(3):
        assert world.rival.set_property(name, "n", str(number)).status == 200
    assert pathlib.Path(world.secret.metadata_location.removeprefix("file://")).exists()
    # Its own old files go.
    assert len(list(world.folder.glob("lake/plain.tables/rival/log/metadata/*.metadata.json"))) == 2


def test_a_purge_takes_the_table_alone(world):
    table = world.shop.table("purged")
    table.append(SECRET)
    folder, pause, end = pathlib.Path(table.location().removeprefix("file://")), threading.Event(), time.monotonic() + 60
    assert any(path.is_file() for path in folder.rglob("*"))
    world.shop.catalog.purge_table("shop.purged")
    while any(path.is_file() for path in folder.rglob("*")):
        assert time.monotonic() < end, "the files of a purged table stay"
        pause.wait(0.05)
    assert refused(world.shop.sql("select * from iceberg.purged"), "purged").status == 404
    assert world.shop.sql("select count(*) n from iceberg.secret").json()["data"] == [{"n": 2}]


def test_an_admin_key_is_of_its_project(world):
    admin = Member(world, "rival", ["admin"])
    assert ("shop",) not in admin.catalog.list_namespaces()
    assert refused(world.get("/iceberg/v1/namespaces/shop/tables/secret", admin.headers)).status == 403
    assert admin.catalog.table_exists("rival.events")
    assert admin.set_property("moving2", "a", "b").status == 404
    operator = world.get("/iceberg/v1/namespaces/shop/tables/secret", {"X-API-Key": world.admin})
    assert operator.status == 200


@pytest.mark.parametrize("explain", ["explain", "explain analyze", "explain (analyze, format json)"])
@pytest.mark.parametrize("statement", ["select count(*) from events where event_type = 'bought'", "select * from iceberg.secret where card > '5'"])
def test_plans_show_no_folder_of_the_server(world, explain, statement):
    answer = world.shop.sql(f"{explain} {statement}")
    assert answer.status == 200, answer.body
    text = answer.body.decode()
    assert str(world.folder) not in text and ".parquet" not in text, text


def test_a_damaged_file_is_told_without_its_folder(world):
    table = world.shop.table("damaged")
    table.append(SECRET)
    table.refresh()
    [path] = paths(table)
    pathlib.Path(path.removeprefix("file://")).write_bytes(b"PAR1 no table PAR1")
    answer = world.shop.sql("select * from iceberg.damaged")
    assert answer.status >= 400 and path.rsplit("/", 1)[1] in answer.body.decode(), answer.body
    assert str(world.folder) not in answer.body.decode()


@pytest.mark.parametrize("table", ["events", "iceberg.secret"])
def test_a_rows_file_cannot_be_selected(world, table):
    refused(world.shop.sql(f"select filename from {table}"), "filename")
