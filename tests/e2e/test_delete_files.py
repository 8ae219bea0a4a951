"""Delete files that another engine wrote, over the whole way: SQL, the server's plans, other readers; on plain tables and, where the
table allows it, on the events that the server feeds. Who writes them: tests/support/own_commits.py."""
import pyarrow
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from services.engines import DuckDb
from support import own_commits

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "tier", StringType()), NestedField(3, "region", StringType()))
BY_REGION = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "region"))


@pytest.fixture
def catalog(server):
    return load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")


def people(*rows):
    return pyarrow.table({"id": pyarrow.array([row[0] for row in rows], pyarrow.int64()), "tier": pyarrow.array([row[1] for row in rows], pyarrow.string()),
                          "region": pyarrow.array([row[2] for row in rows], pyarrow.string())})


def commit(server, table, *files):
    answer = own_commits.commit(server, table, files)
    assert answer.status == 200, answer.body
    table.refresh()


def ids(server, more=""):
    return [row[0] for row in server.rows(f"select id from iceberg.people {more} order by id")]


def tasks(server, name="people", ns="default"):
    answer = server.post(f"/iceberg/v1/namespaces/{ns}/tables/{name}/plan", {})
    assert answer.status == 200, answer.body
    plan = answer.json()
    deletes = plan.get("delete-files", [])
    return [(task["data-file"], [deletes[place] for place in task.get("delete-file-references", [])]) for task in plan["file-scan-tasks"]]


def test_equality_deletes_take_older_rows_of_these_values(server, catalog):
    table = catalog.create_table("default.people", schema=SCHEMA)
    table.append(people((1, "gold", "north"), (2, "basic", "north"), (3, None, "south"), (4, "basic", "south")))
    commit(server, table, own_commits.equality_file(table, "basic", {"tier": ["basic"]}))
    assert ids(server) == [1, 3]
    assert server.rows("select count(*), count(tier) from iceberg.people") == [(2, 1)]
    # Rows that came later stay; older snapshots are as they were.
    table.append(people((5, "basic", "north"), (6, None, "north")))
    assert ids(server) == [1, 3, 5, 6]
    assert ids(server, f"at (version => {table.snapshots()[0].snapshot_id})") == [1, 2, 3, 4]
    # Null is equal to null; of two columns both must be equal.
    commit(server, table, own_commits.equality_file(table, "nulls", {"tier": [None], "region": ["north"]}))
    assert ids(server) == [1, 3, 5]
    [(old, twice), (young, once)] = sorted(tasks(server), key=lambda one: -len(one[1]))
    assert old["record-count"] == 4 and [sorted(one["equality-ids"]) for one in twice] == [[2], [2, 3]]
    assert young["record-count"] == 2 and [sorted(one["equality-ids"]) for one in once] == [[2, 3]]
    assert {one["content"] for one in twice} == {"equality-deletes"}
    server.kill()
    server.start()
    assert ids(server) == [1, 3, 5]
    assert server.rows("select content, record_count from system.files where table_name = 'people' order by 1, 2") == \
        [("data", 2), ("data", 4), ("equality_deletes", 1), ("equality_deletes", 1)]


def test_equality_deletes_are_of_their_partition(server, catalog):
    table = catalog.create_table("default.people", schema=SCHEMA, partition_spec=BY_REGION)
    table.append(people((1, "basic", "north"), (2, "basic", "south"), (3, "gold", "north")))
    commit(server, table, own_commits.equality_file(table, "north", {"tier": ["basic"]}, ["north"]))
    assert ids(server) == [2, 3]
    assert [(data["partition"], len(deletes)) for data, deletes in sorted(tasks(server), key=lambda one: one[0]["partition"])] == [(["north"], 1), (["south"], 0)]


def test_a_renamed_column_is_still_the_one_that_was_deleted_by(server, catalog):
    table = catalog.create_table("default.people", schema=SCHEMA)
    table.append(people((1, "gold", "north"), (2, "basic", "north")))
    commit(server, table, own_commits.equality_file(table, "basic", {"tier": ["basic"]}))
    with table.update_schema() as update:
        update.rename_column("tier", "level")
    with table.update_schema() as update:
        update.add_column("tier", StringType())
    assert server.rows("select id, level, tier from iceberg.people") == [(1, "gold", None)]


def test_both_kinds_meet(server, catalog):
    table = catalog.create_table("default.people", schema=SCHEMA)
    table.append(people(*((n, "basic" if n % 2 else "gold", "north") for n in range(1, 9))))
    [path] = [task.file.file_path for task in table.scan().plan_files()]
    commit(server, table, own_commits.position_file(table, "places", path, [0, 1]))
    commit(server, table, own_commits.equality_file(table, "basic", {"tier": ["basic"]}))
    assert ids(server) == [4, 6, 8]
    assert sorted(one["content"] for one in tasks(server)[0][1]) == ["equality-deletes", "position-deletes"]


def test_what_other_readers_make_of_them(server, catalog):
    """PyIceberg refuses; DuckDB has the rows that SQL has, of a table without partitions."""
    table = catalog.create_table("default.people", schema=SCHEMA)
    table.append(people((1, "gold", "north"), (2, "basic", "north")))
    commit(server, table, own_commits.equality_file(table, "basic", {"tier": ["basic"]}))
    with pytest.raises(ValueError, match="(?i)equality"):
        table.scan().to_arrow()
    duck = DuckDb(f"http://127.0.0.1:{server.port}/iceberg")
    assert duck.sql('select id from ice."default".people order by 1') == [(one,) for one in ids(server)] == [(1,)]


def test_events_are_deleted_by_equality_where_the_table_allows_it(server, catalog):
    for user in ("u1", "u2", "u1"):
        server.post("/v1/events", {"event_type": "click", "user_id": user})
    server.settle()
    table = catalog.load_table("default.events")
    [task] = table.scan().plan_files()

    def deletes(name):
        return own_commits.equality_file(table, name, {"user_id": ["u1"]}, [task.file.partition[0]])

    refused = own_commits.commit(server, table, [deletes("too-early")])
    assert refused.status == 400 and "G11" in refused.json()["error"]["message"], refused.body
    assert server.scalar("select count(*) from events") == 3
    with table.transaction() as transaction:
        transaction.set_properties({"tidemark.equality-deletes": "allow"})
    table.refresh()
    server.post("/v1/events", {"event_type": "late", "user_id": "u1"})  # Hot: later than the statement.
    commit(server, table, deletes("now"))
    assert server.rows("select event_type, user_id from events order by log_offset") == [("click", "u2"), ("late", "u1")]
    server.settle()
    wanted = [("click", "u2"), ("late", "u1")]
    assert server.rows("select event_type, user_id from events order by log_offset") == wanted
    proof = server.verify()
    assert proof["ok"], proof
    server.kill()
    server.start()
    assert server.rows("select event_type, user_id from events order by log_offset") == wanted
    assert sorted(len(deletes) for _, deletes in tasks(server, "events")) == [0, 1]


def test_what_was_deleted_and_expired_is_in_no_answer(server, catalog):
    """Of the events: neither now nor at any snapshot, name, time or receipt that can still be asked for."""
    receipt = server.post("/v1/events", [{"event_type": "click", "user_id": user} for user in ("erased", "stays")]).headers["X-Tidemark-Receipt"]
    server.settle()
    table = catalog.load_table("default.events")
    before = table.current_snapshot()
    table.delete("user_id = 'erased'")
    assert server.scalar(f"select count(*) from events at (version => {before.snapshot_id}) where user_id = 'erased'") == 1
    table = catalog.load_table("default.events")
    head = table.current_snapshot().snapshot_id
    old = [one.snapshot_id for one in table.snapshots() if one.snapshot_id != head]
    removed = server.post("/iceberg/v1/namespaces/default/tables/events", {"updates": [{"action": "remove-snapshots", "snapshot-ids": old}]})
    assert removed.status == 200, removed.body
    server.post("/v1/events", {"event_type": "click", "user_id": "later"})
    for restart in (False, True):
        if restart:
            server.kill()
            server.start()
            server.settle()
        assert server.rows("select user_id from events order by log_offset") == [("stays",), ("later",)]
        for [snapshot] in server.rows("select snapshot_id from system.snapshots where table_name = 'events'"):
            assert server.scalar(f"select count(*) from events at (version => {snapshot}) where user_id = 'erased'") == 0
        for gone in old:
            assert server.post("/v1/sql", {"query": f"select * from events at (version => {gone})"}).status == 404
        answer = server.query("select user_id from events", as_of=receipt)
        assert answer["data"] == [{"user_id": "stays"}] and answer["metadata"]["as_of"]["removed_since"]
    assert server.verify()["ok"]
