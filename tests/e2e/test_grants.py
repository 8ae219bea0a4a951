"""Keys whose right to the catalog is less than a project: by namespace and table, to read, write, maintain and create."""
import json
import subprocess

import pyarrow
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import ForbiddenError
from pyiceberg.types import LongType

from support.server import BINARY, Tidemark

ROWS = pyarrow.table({"id": [1, 2], "name": ["a", "b"]})


def make(server, grants, **more):
    """The answer to making a key of the project shop."""
    return server.post("/v1/keys", {"scopes": ["catalog"], "project": "shop", "grants": grants, **more}, server.operator)


def catalog(server, key):
    return load_catalog("granted", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg", token=key)


@pytest.fixture
def world(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        server.operator = {"X-API-Key": server.banner.split("(shown once): ")[1].split()[0]}
        server.owner = catalog(server, make(server, []).json()["key"])
        rival = make(server, [], project="rival", scopes=["ingest"]).json()["key"]
        assert server.post("/v1/events", {"event_type": "theirs"}, {"X-API-Key": rival}).status == 202
        assert server.post("/v1/settle", "", server.operator).status == 200
        server.owner.create_namespace_if_not_exists("shop.lab")
        for name in ("shop.orders", "shop.people", "shop.lab.tests"):
            server.owner.create_table(name, schema=ROWS.schema).append(ROWS)

        def granted(*grants):
            made = make(server, list(grants))
            assert made.status == 201, made.body
            return catalog(server, made.json()["key"])

        server.granted = granted
        yield server


def on(table, *rights):
    return {"namespace": ["shop"], "table": table, "rights": list(rights)}


def refused(do, *words):
    with pytest.raises(ForbiddenError) as refusal:
        do()
    for word in words:
        assert word in str(refusal.value), refusal.value


def test_reading_one_table(world):
    mine = world.granted(on("orders", "read"))
    orders = mine.load_table("shop.orders")
    assert len(orders.scan().to_arrow()) == 2
    assert mine.list_namespaces() == [("shop",)] and mine.list_namespaces("shop") == []
    assert mine.list_tables("shop") == [("shop", "orders")]
    refused(lambda: mine.load_table("shop.people"), "read shop.people", "no grant")
    refused(lambda: mine.table_exists("shop.people"))
    refused(lambda: orders.append(ROWS), "write shop.orders")
    refused(lambda: mine.create_table("shop.more", schema=ROWS.schema), "create in shop")
    refused(lambda: mine.drop_table("shop.orders"), "maintain shop.orders")
    refused(lambda: mine.update_namespace_properties("shop", updates={"a": "b"}), "maintain shop")
    assert len(world.owner.load_table("shop.orders").scan().to_arrow()) == 2


def test_writing_is_rows_and_maintaining_is_the_rest(world):
    writer, keeper = world.granted(on("orders", "write")), world.granted(on("orders", "maintain"))
    orders = writer.load_table("shop.orders")
    orders.append(ROWS)
    orders.delete("id = 1")
    refused(lambda: orders.update_schema().add_column("more", LongType()).commit(), "maintain shop.orders")
    refused(lambda: orders.manage_snapshots().create_tag(orders.current_snapshot().snapshot_id, "t").commit(), "maintain")
    refused(lambda: orders.transaction().set_properties(a="b").commit_transaction(), "maintain")
    with pytest.raises(ForbiddenError), orders.transaction() as both:  # Nothing of it is done.
        both.append(ROWS)
        both.set_properties(a="b")
    kept = keeper.load_table("shop.orders")
    kept.update_schema().add_column("more", LongType()).commit()
    kept.manage_snapshots().create_tag(kept.current_snapshot().snapshot_id, "t").commit()
    refused(lambda: kept.append(ROWS), "write shop.orders")
    refused(lambda: keeper.rename_table("shop.orders", "shop.other"), "create in shop")
    assert sorted(world.owner.load_table("shop.orders").scan().to_arrow()["id"].to_pylist()) == [2, 2]
    keeper.drop_table("shop.orders")
    assert world.owner.list_tables("shop") == [("shop", "people")]


def test_creating_in_a_namespace_and_below(world):
    mine = world.granted({"namespace": ["shop", "lab"], "rights": ["create", "read", "write", "maintain"]})
    assert mine.list_namespaces() == [("shop",)] and mine.list_namespaces("shop") == [("shop", "lab")]
    assert mine.list_tables("shop") == [] and len(mine.list_tables("shop.lab")) == 1
    mine.create_namespace("shop.lab.deep")
    with mine.create_table_transaction("shop.lab.deep.t", schema=ROWS.schema) as staged:
        staged.append(ROWS)
    table = mine.load_table("shop.lab.deep.t")
    table.append(ROWS)
    assert len(table.scan().to_arrow()) == 4
    mine.rename_table("shop.lab.deep.t", "shop.lab.u")
    refused(lambda: mine.create_namespace("shop.other"), "create in shop.other")
    refused(lambda: mine.create_table("shop.t", schema=ROWS.schema), "create in shop")
    refused(lambda: mine.rename_table("shop.lab.u", "shop.u"), "create in shop")
    # What it may not read it may not take over either.
    theirs = world.owner.load_table("shop.people").metadata_location
    refused(lambda: mine.register_table("shop.lab.taken", theirs))
    only = world.granted({"namespace": ["shop", "lab"], "rights": ["create"]})
    only.create_table("shop.lab.fresh", schema=ROWS.schema)
    refused(lambda: only.load_table("shop.lab.fresh"), "read shop.lab.fresh")
    refused(lambda: world.granted({"namespace": "rival", "rights": ["create", "read"]}).create_table("rival.t", schema=ROWS.schema), "another project")


def test_a_transaction_needs_the_rights_to_all_its_tables(world):
    made = make(world, [on("orders", "write", "maintain"), on("people", "write")]).json()["key"]

    def commit(**updates):
        changes = [{"identifier": {"namespace": ["shop"], "name": name}, "requirements": [], "updates": [update]} for name, update in updates.items()]
        return world.post("/iceberg/v1/transactions/commit", {"table-changes": changes}, {"X-API-Key": made}).status

    said = {"action": "set-properties", "updates": {"by": "transaction"}}
    assert commit(orders=said, people=said) == 403
    assert "by" not in world.owner.load_table("shop.orders").properties
    assert commit(orders=said) == 204
    assert world.owner.load_table("shop.orders").properties["by"] == "transaction"


def test_the_events_of_a_project(world):
    key = world.post("/v1/keys", {"scopes": ["ingest", "catalog"], "project": "shop", "grants": [on("events", "read")]}, world.operator).json()["key"]
    assert world.post("/v1/events", {"event_type": "seen"}, {"X-API-Key": key}).status == 202
    assert world.post("/v1/settle", "", world.operator).status == 200
    mine = catalog(world, key)
    events = mine.load_table("shop.events")
    assert len(events.scan(selected_fields=("event_id",)).to_arrow()) == 1
    assert mine.list_tables("shop") == [("shop", "events")]
    refused(lambda: events.delete("event_type = 'seen'"), "write shop.events")
    assert world.post("/v1/sql", {"query": "select 1"}, {"X-API-Key": key}).status == 403


@pytest.mark.parametrize("spec, word", [
    ({"grants": [on("orders", "read")], "scopes": ["catalog", "query"]}, "neither"), ({"grants": [on("orders", "read")], "scopes": ["ingest"]}, "needs that scope"),
    ({"grants": [on("orders", "rule")]}, "no right `rule`"), ({"grants": [on("orders")]}, "rights"), ({"grants": [on("orders", "create")]}, "leave `table` out"),
    ({"grants": [{"rights": ["read"]}]}, "namespace"), ({"grants": [{"namespace": [], "rights": ["read"]}]}, "namespace"), ({"grants": "all"}, "list"),
    ({"grants": [{**on("orders", "read"), "until": 1}]}, "no `until`"), ({"grants": [{"namespace": ["a", 5], "rights": ["read"]}]}, "namespace"),
    ({"grants": [on("orders", "read")] * 257}, "256")])
def test_what_is_no_grant_is_refused(world, spec, word):
    answer = world.post("/v1/keys", {"scopes": ["catalog"], "project": "shop", **spec}, world.operator)
    assert answer.status == 400 and word in answer.json()["message"], answer.body


def test_grants_on_the_command_line_last(world):
    environment = ["--url", f"http://127.0.0.1:{world.port}", "--key", world.operator["X-API-Key"]]

    def tidemark(*words):
        done = subprocess.run([BINARY, "key", *words, *environment], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    made = json.loads(tidemark("create", "--scope", "catalog", "--project", "shop", "--grant", "read,write:shop.orders", "--grant", 'create:shop."a.b".*', "-o", "json"))
    assert made["grants"] == [{"namespace": ["shop"], "table": "orders", "rights": ["read", "write"]}, {"namespace": ["shop", "a.b"], "rights": ["create"]}]
    world.terminate()
    world.start()
    environment[1] = f"http://127.0.0.1:{world.port}"
    assert json.loads(tidemark("show", made["id"], "-o", "json"))["grants"] == made["grants"]
    shown = tidemark("show", made["id"], "-o", "table")
    assert "read,write:shop.orders" in shown and "create:shop.a.b.*" in shown
    mine = catalog(world, made["key"])
    mine.load_table("shop.orders").append(ROWS)
    refused(lambda: mine.load_table("shop.people"))
