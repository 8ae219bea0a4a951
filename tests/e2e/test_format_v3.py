"""Format v3 from files made by hand, as SQL, the server's plans, DuckDB and PyIceberg read them: row ids, deletion vectors beside the deletes of a
table from before, types and default values; and that what moves a row of the events keeps its id."""
import datetime
import json

import pytest
from pyiceberg.catalog import load_catalog

from services.engines import DuckDb
from support.raw_tables import ROW_ID, ROW_UPDATED, RawTable
from support.server import Tidemark

FIELDS = [("id", 1, "long"), ("name", 2, "string")]
MOVED = [*FIELDS, ("_row_id", ROW_ID, "long"), ("_last_updated_sequence_number", ROW_UPDATED, "long")]
LINEAGE = "id, _row_id, _last_updated_sequence_number"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("v3")
    (folder / "tables").mkdir()
    with Tidemark(folder / "data", "-X", f"catalog.locations={folder}/tables", "--flush-seconds", "86400") as server:
        server.tables = folder / "tables"
        server.uri = f"http://127.0.0.1:{server.port}/iceberg"
        yield server


def registered(world, table, name):
    answer = table.register(world, name)
    assert answer.status == 200, answer.body
    return name


def in_duckdb(world, statement):
    return DuckDb(world.uri).sql(statement)


def in_pyiceberg(world, name):
    return load_catalog("t", type="rest", uri=world.uri).load_table(f"default.{name}").scan().to_arrow()


def test_row_ids_are_inherited_or_the_files_own(world):
    """From the file's first and the place in it; a row that was moved has its own, one that came in beside it has not."""
    table = RawTable(world.tables / "ids", version=3)
    first = table.manifest(table.rows((1, "a"), (2, "b")), table.rows((3, "c")))
    table.commit(first)
    moved = table.rows((2, "B", 1, 1), (4, "new", None, None), (1, "a", 0, 1), fields=MOVED)
    kept = {"status": 0, "snapshot_id": 1, "sequence_number": 1, "file_sequence_number": 1,
            "data_file": {**table.rows((3, "c"))["data_file"], "first_row_id": 2}}
    table.commit(table.manifest(kept, added_files_count=0, existing_files_count=1, added_rows_count=0, existing_rows_count=1, first_row_id=2, sequence_number=2), table.manifest(moved),
                 operation="overwrite")
    name = registered(world, table, "ids")
    expected = [(1, 0, 1), (2, 1, 1), (3, 2, 1), (4, 4, 2)]
    assert table.metadata["next-row-id"] == 6
    assert world.rows(f"select {LINEAGE} from iceberg.{name} order by id") == expected
    assert world.rows(f"select id, _row_id from iceberg.{name} where _row_id > 1 order by 1") == [(3, 2), (4, 4)]
    assert world.rows(f"select count(*) from iceberg.{name} where _last_updated_sequence_number = 1") == [(3,)]
    assert world.rows(f"select {LINEAGE} from iceberg.{name} at (version => 1) order by id") == [(1, 0, 1), (2, 1, 1), (3, 2, 1)]
    # Nobody else sees them.
    assert world.rows(f"select * from iceberg.{name} where id = 1") == [(1, "a")]
    assert [column[0] for column in world.rows(f"describe iceberg.{name}")] == ["id", "name"]
    # Others do not look for rows without an id in a file that has the column.
    assert [row for row in in_duckdb(world, f'select id, _row_id from ice."default".{name} at (version => 1) order by id')] == [(1, 0), (2, 1), (3, 2)]


def test_row_ids_beside_deletes(world):
    table = RawTable(world.tables / "gone", version=3)
    one = table.rows(*((n, f"n{n}") for n in range(100)))
    table.commit(table.manifest(one))
    table.commit(table.manifest(one, first_row_id=0, sequence_number=1, added_snapshot_id=1),
                 table.manifest(table.deletion(one["data_file"]["file_path"], [n for n in range(100) if n % 10]), deletes=True), operation="delete")
    name = registered(world, table, "gone")
    expected = [(n, n, 1) for n in range(0, 100, 10)]
    assert world.rows(f"select {LINEAGE} from iceberg.{name} order by id") == expected
    assert in_duckdb(world, f'select id, _row_id from ice."default".{name} order by id') == [(n, n) for n, *_ in expected]
    assert in_pyiceberg(world, name)["id"].to_pylist() == [n for n, *_ in expected]


def test_a_table_without_row_ids_has_no_such_columns(world):
    table = RawTable(world.tables / "two")
    table.commit(table.manifest(table.rows((1, "a"))))
    name = registered(world, table, "two")
    answer = world.post("/v1/sql", {"query": f"select _row_id from iceberg.{name}"})
    assert answer.status == 400 and "_row_id" in answer.json()["message"]
    empty = RawTable(world.tables / "empty", version=3)
    assert world.rows(f"select _row_id, id from iceberg.{registered(world, empty, 'empty')}") == []
    own = RawTable(world.tables / "own", version=3, fields=[*FIELDS, ("_row_id", 3, "string")])
    own.commit(own.manifest(own.rows((1, "a", "mine"))))
    assert world.rows(f"select _row_id from iceberg.{registered(world, own, 'own')}") == [("mine",)]


def test_an_upgrade_keeps_the_deletes_that_are_there(world):
    """Positions and equalities of v2 count on; a vector takes the place of all positions of its file; rows get their ids with the next commit."""
    table = RawTable(world.tables / "raised")
    old, other = table.rows(*((n, f"n{n}") for n in range(10))), table.rows(*((n, f"n{n}") for n in range(10, 20)))
    data = table.manifest(old, other)
    table.commit(data)
    positions = table.manifest(table.positions(old["data_file"]["file_path"], [0, 1]), table.positions(other["data_file"]["file_path"], [0]), deletes=True)
    equalities = table.manifest(table.equalities(("name", 2, "string"), ["n5"]), deletes=True)
    table.commit(data, positions, equalities, operation="delete")
    wanted = [n for n in range(20) if n not in (0, 1, 5, 10)]
    name = registered(world, table, "raised_before")
    assert world.rows(f"select id from iceberg.{name} order by 1") == [(n,) for n in wanted]
    assert world.request("DELETE", f"/iceberg/v1/namespaces/default/tables/{name}").status == 204
    table.upgrade()
    name = registered(world, table, "raised_empty")
    assert world.rows(f"select id, _row_id from iceberg.{name} order by 1") == [(n, None) for n in wanted]
    assert world.request("DELETE", f"/iceberg/v1/namespaces/default/tables/{name}").status == 204
    vector = table.manifest(table.deletion(old["data_file"]["file_path"], [0, 1, 2]), deletes=True)
    late = table.manifest(table.rows((20, "n5")))
    for one in (data, positions, equalities):
        one.setdefault("first_row_id", None)
    table.commit(late, data, positions, equalities, vector, operation="overwrite")
    name = registered(world, table, "raised")
    wanted = [n for n in range(21) if n not in (0, 1, 2, 5, 10)]
    assert world.rows(f"select id from iceberg.{name} order by 1") == [(n,) for n in wanted]
    # In the order of manifests and files: the new one first.
    assert world.rows(f"select id, _row_id from iceberg.{name} where id in (3, 11, 20) order by 1") == [(3, 4), (11, 12), (20, 0)]
    tasks = world.post(f"/iceberg/v1/namespaces/default/tables/{name}/plan", {}).json()
    of = {task["data-file"]["file-path"]: [tasks["delete-files"][place]["content"] + tasks["delete-files"][place]["file-format"] for place in task.get("delete-file-references", [])]
          for task in tasks["file-scan-tasks"]}
    assert sorted(of[old["data_file"]["file_path"]]) == ["equality-deletesparquet", "position-deletespuffin"]
    assert sorted(of[other["data_file"]["file_path"]]) == ["equality-deletesparquet", "position-deletesparquet"]


def test_types_that_v3_brought(world):
    table = RawTable(world.tables / "types", version=3, fields=[("id", 1, "long"), ("at", 2, "timestamp_ns"), ("nothing", 3, "unknown")])
    nano = 1_700_000_000_123_456_789
    entry = table.rows((1, nano), (2, None), fields=[("id", 1, "long"), ("at", 2, "timestamp_ns")])
    table.commit(table.manifest(entry))
    name = registered(world, table, "types")
    assert world.rows(f"select id, epoch_ns(\"at\"), nothing from iceberg.{name} order by id") == [(1, nano, None), (2, None, None)]
    assert world.rows(f"select count(*) from iceberg.{name} where \"at\" > timestamp_ns '2023-11-14 22:13:20.123456788'") == [(1,)]


@pytest.mark.parametrize("kind", ["variant", "geometry", "geometry(srid:3857)", "geography", "timestamptz_ns", {"type": "list", "element-id": 9, "element": "variant", "element-required": False}])
def test_types_that_are_not_read_are_in_the_schema(world, kind):
    name = "not_" + "".join(c for c in str(kind) if c.isalnum())
    fields = [{"id": 1, "name": "id", "required": False, "type": "long"}, {"id": 2, "name": "x", "required": False, "type": kind}]
    body = {"name": name, "schema": {"type": "struct", "fields": fields}}
    old = world.post("/iceberg/v1/namespaces/default/tables", body)
    assert old.status == 400 and "not supported until v3" in old.json()["error"]["message"], old.body
    made = world.post("/iceberg/v1/namespaces/default/tables", {**body, "properties": {"format-version": "3"}})
    assert made.status == 200, made.body
    assert world.rows(f"select id from iceberg.{name}") == []
    assert world.rows(f"select data_type, iceberg_type is not null from system.columns where table_name = '{name}' order by 1") == [("BIGINT", True), (None, True)]


@pytest.mark.parametrize("kind", ["variant", "geometry", {"type": "struct", "fields": [{"id": 9, "name": "deep", "required": False, "type": "geography"}]}], ids=str)
def test_a_type_that_is_not_read_leaves_the_other_columns(world, kind):
    name = "beside_" + str(len(str(kind)))
    table = RawTable(world.tables / name, version=3, fields=[("id", 1, "long"), ("x", 2, kind), ("name", 3, "string")])
    there = [("id", 1, "long"), ("x", 2, "binary"), ("name", 3, "string")]
    table.commit(table.manifest(table.rows((1, b"x", "a"), (2, None, "b"), fields=there)), table.manifest(table.rows((3, None, "c"), fields=there)))
    registered(world, table, name)
    assert world.rows(f"select id, name from iceberg.{name} where id > 1 order by 1") == [(2, "b"), (3, "c")]
    assert world.rows(f"select * exclude (x) from iceberg.{name} order by id desc limit 1") == [(3, "c")]
    assert world.rows(f"select count(*), max(name) from iceberg.{name} a join iceberg.{name} b using (id, name)") == [(3, "c")]
    assert world.rows(f"select id, _row_id from iceberg.{name} order by 2") == [(1, 0), (2, 1), (3, 2)]
    for asked in ("*", "x", "count(x)", "id, x is null", "coalesce(x, 'q')"):
        answer = world.post("/v1/sql", {"query": f"select {asked} from iceberg.{name}"})
        told = answer.json()["message"]
        assert answer.status == 400 and 'column "x": ' in told and "SQL does not read columns of type " in told and 'SELECT * EXCLUDE ("x")' in told, answer.body
    assert world.post("/v1/sql", {"query": f"select id from iceberg.{name} where x is null"}).status == 400
    assert world.rows(f"select column_name, data_type is null from system.columns where table_name = '{name}'") == [("id", False), ("x", True), ("name", False)]


DEFAULTS = [("boolean", True, True), ("int", -7, -7), ("long", 1 << 60, 1 << 60), ("double", 1.5, 1.5), ("string", "x'\"", "x'\""), ("date", "2024-02-29", "2024-02-29"),
            ("timestamptz", "2024-02-29T12:30:00.123456+00:00", "2024-02-29T12:30:00.123456Z"), ("timestamp_ns", "2024-02-29T12:30:00.123456789", "2024-02-29T12:30:00.123456789"),
            ("decimal(10, 2)", "-14.20", -14.2), ("uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7", "f79c3e09-677c-4bbd-a479-3f349cb785e7"), ("binary", "00FF10", None), ("time", "22:31:08.123456", "22:31:08.123456")]


@pytest.mark.parametrize("kind, default, read", DEFAULTS, ids=[one[0] for one in DEFAULTS])
def test_an_initial_default_is_the_value_of_rows_from_before(world, kind, default, read):
    """Of files that lack the column, also where a filter asks; a null that was written stays one; another default for writers changes nothing."""
    name = "was_" + "".join(c for c in kind if c.isalnum())
    table = RawTable(world.tables / name, version=3)
    table.commit(table.manifest(table.rows((1, "a"))))
    added = {"id": 3, "name": "x", "required": False, "type": kind, "initial-default": default, "write-default": default}
    table.metadata["schemas"].append({"type": "struct", "schema-id": 1, "fields": [*table.schema["fields"], added]})
    table.metadata.update({"current-schema-id": 1, "last-column-id": 3})
    registered(world, table, name)
    value = "hex(x)" if kind == "binary" else "x"
    assert world.rows(f"select id, {value} from iceberg.{name}") == [(1, default if kind == "binary" else read)]
    assert world.rows(f"select count(*) from iceberg.{name} where x is null") == [(0,)]
    assert world.rows(f"select count(*), count(x) from iceberg.{name}") == [(1, 1)]
    # Of a time before the column there is none.
    assert world.rows(f"select * from iceberg.{name} at (version => 1)") == [(1, "a")]


def test_nulls_that_were_written_are_not_defaults(world):
    table = RawTable(world.tables / "nulls", version=3, fields=[*FIELDS, ("x", 3, "long", {"initial-default": 5, "write-default": 7})])
    table.commit(table.manifest(table.rows((1, "a"), fields=FIELDS), table.rows((2, "b", None), (3, "c", 9))))
    name = registered(world, table, "nulls")
    assert world.rows(f"select id, x from iceberg.{name} order by 1") == [(1, 5), (2, None), (3, 9)]
    assert in_duckdb(world, f'select id, x from ice."default".{name} order by 1') == [(1, 5), (2, None), (3, 9)]
    assert in_pyiceberg(world, name).sort_by("id")["x"].to_pylist() == [5, None, 9]


@pytest.mark.parametrize("kind, default", [("int", "7"), ("int", 1 << 40), ("boolean", 1), ("string", 5), ("date", "now"), ("timestamptz", "2024-02-29T12:30:00"), ("timestamp_ns", "12:30"),
                                           ("uuid", "x"), ("binary", "0"), ("fixed[2]", "00"), ("decimal(10, 2)", "1.5"), ("variant", 1), ("unknown", 1)])
def test_defaults_that_are_no_values_are_refused(world, kind, default):
    field = {"id": 1, "name": "x", "required": False, "type": kind, "write-default": default}
    inner = {"id": 2, "name": "deep", "required": False, "type": {"type": "struct", "fields": [{**field, "id": 3}]}}
    for one in (field, inner):
        body = {"name": "wrong", "properties": {"format-version": "3"}, "schema": {"type": "struct", "fields": [{"id": 9, "name": "id", "required": False, "type": "long"}, one]}}
        answer = world.post("/iceberg/v1/namespaces/default/tables", body)
        assert answer.status == 400 and "write-default" in answer.json()["error"]["message"], answer.body


def test_the_numbers_of_a_commit_follow_the_tables(world):
    """v3: a snapshot says which row ids it takes, and takes none that were taken or that are beyond all."""
    schema = {"type": "struct", "fields": [{"id": 1, "name": "id", "required": False, "type": "long"}]}
    made = world.post("/iceberg/v1/namespaces/default/tables", {"name": "numbers", "schema": schema, "properties": {"format-version": "3"}})
    assert made.status == 200
    listed = made.json()["metadata"]["location"] + "/metadata/list.avro"

    def add(number, **members):
        snapshot = {"snapshot-id": number, "sequence-number": number, "timestamp-ms": 1_700_000_000_000 + number, "manifest-list": listed, "summary": {"operation": "append"}, **members}
        answer = world.post("/iceberg/v1/namespaces/default/tables/numbers", {"updates": [{"action": "add-snapshot", "snapshot": snapshot}]})
        return answer.status, answer.json().get("error", {}).get("message", "")

    assert add(1)[0] == 400 and "first-row-id" in add(1)[1]
    assert add(1, **{"first-row-id": 0}) == (400, "Cannot add a snapshot: added-rows is missing")
    assert add(1, **{"first-row-id": 0, "added-rows": -1})[0] == 400
    assert add(1, **{"first-row-id": (1 << 63) - 2, "added-rows": 10})[0] == 400
    assert add(1, **{"first-row-id": 0, "added-rows": 10})[0] == 200
    status, message = add(2, **{"first-row-id": 9, "added-rows": 1})
    assert status == 409 and "behind table next-row-id" in message
    assert add(2, **{"first-row-id": 10, "added-rows": 0, "parent-snapshot-id": 2})[0] == 400
    assert add(2, **{"first-row-id": 10, "added-rows": 0, "timestamp-ms": 1 << 62})[0] == 400
    metadata = world.get("/iceberg/v1/namespaces/default/tables/numbers").json()["metadata"]
    assert metadata["next-row-id"] == 10 and len(metadata["snapshots"]) == 1


def promote(server, subject, name, kind):
    body = {"type": "object", "properties": {name: {"type": kind, "x-tidemark-column": True}}}
    answer = server.post(f"/v1/schemas/{subject}?compatibility=NONE", json.dumps(body))
    assert answer.status == 201, answer.body


def send(server, first, count):
    events = [{"event_id": f"e{n}", "event_type": "order", "properties": {"amount": n, "plan": f"p{n % 3}"}} for n in range(first, first + count)]
    assert server.post("/v1/events", events).status == 202
    server.settle()


def commit(server, *updates):
    answer = server.post("/iceberg/v1/namespaces/default/tables/events", {"requirements": [], "updates": list(updates)})
    assert answer.status == 200, answer.body


def ids_in_duckdb(server):
    return DuckDb(f"http://127.0.0.1:{server.port}/iceberg").sql('select event_id, _row_id from ice."default".events order by _row_id')


def test_a_backfill_keeps_the_ids_of_rows(tmp_path):
    """Of a table that was raised to v3, so that some of its manifests are of v2; twice, so that files are read that have the ids themselves."""
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        send(server, 0, 10)
        send(server, 10, 10)
        commit(server, {"action": "set-properties", "updates": {"tidemark.format-upgrade": "allow"}})
        commit(server, {"action": "upgrade-format-version", "format-version": 3})
        send(server, 20, 10)
        before = ids_in_duckdb(server)
        assert sorted(row[1] for row in before) == list(range(30)), before
        for number, (name, kind) in enumerate((("amount", "integer"), ("plan", "string"))):
            promote(server, f"orders{number}", name, kind)
            send(server, 30 + 10 * number, 10)
            added = ids_in_duckdb(server)
            report = server.post("/v1/backfill", "").json()
            assert report["files"] >= 3 and report["files_left"] == 0, report
            assert ids_in_duckdb(server) == added
            assert added[:len(before)] == before
            assert server.verify()["ok"]
        assert server.scalar("select sum(amount) from events") == sum(range(50))
        # The number of the commit that the rows came with stays, whatever was written since.
        updated = DuckDb(f"http://127.0.0.1:{server.port}/iceberg").sql('select event_id, _last_updated_sequence_number from ice."default".events')
        assert {name: number for name, number in updated}["e0"] == 1 and {name: number for name, number in updated}["e25"] == 3, updated
        proof = server.get("/iceberg/v1/namespaces/default/tables/events").json()["metadata"]
        assert proof["next-row-id"] >= 50
        server.kill()
        server.start()
        assert ids_in_duckdb(server) == added
        assert len(in_all(server)) == 50


def in_all(server):
    table = load_catalog("t", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg").load_table("default.events").scan().to_arrow()
    return table["event_id"].to_pylist()


def test_columns_of_others_on_the_events_have_no_defaults(world):
    """Rows that the server writes have null in them, hot ones too: a default would be another value on each side of the line."""
    send(world, 0, 1)
    commit(world, {"action": "set-properties", "updates": {"tidemark.format-upgrade": "allow"}})
    commit(world, {"action": "upgrade-format-version", "format-version": 3})
    metadata = world.get("/iceberg/v1/namespaces/default/tables/events").json()["metadata"]
    [schema] = [one for one in metadata["schemas"] if one["schema-id"] == metadata["current-schema-id"]]
    last = metadata["last-column-id"]
    for key in ("initial-default", "write-default"):
        schema = {**schema, "fields": [*schema["fields"][:31], {"id": last + 1, "name": "note", "required": False, "type": "string", key: "x"}]}
        answer = world.post("/iceberg/v1/namespaces/default/tables/events", {"requirements": [], "updates": [
            {"action": "add-schema", "schema": schema, "last-column-id": last + 1}, {"action": "set-current-schema", "schema-id": -1}]})
        assert answer.status == 400 and "G10" in answer.json()["error"]["message"] and key in answer.json()["error"]["message"], answer.body
    for number, members, words in ((99, {"sequence-number": 1 << 60}, "G2: the next sequence number"), (98, {"first-row-id": 1 << 60, "added-rows": 1}, "G2: the next row id")):
        snapshot = {"snapshot-id": number, "parent-snapshot-id": metadata["current-snapshot-id"], "sequence-number": metadata["last-sequence-number"] + 1,
                    "timestamp-ms": int(datetime.datetime.now().timestamp() * 1000), "manifest-list": metadata["snapshots"][-1]["manifest-list"],
                    "summary": {"operation": "append"}, "first-row-id": metadata["next-row-id"], "added-rows": 0, **members}
        answer = world.post("/iceberg/v1/namespaces/default/tables/events", {"updates": [{"action": "add-snapshot", "snapshot": snapshot}]})
        assert answer.status == 400 and words in answer.json()["error"]["message"], answer.body
    send(world, 1, 1)
    assert world.scalar("select count(*) from events") == 2
