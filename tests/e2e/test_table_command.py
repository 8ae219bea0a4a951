"""`tidemark table`: what the catalog holds, in every shape, and the changes that are commits."""
import csv
import io
import json
import os
import pty
import subprocess
import tty
from urllib.parse import quote

import pyarrow
import pytest

from pyiceberg.catalog import load_catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortDirection, SortField, SortOrder
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.types import ListType, LongType, MapType, NestedField, StringType, StructType

from support.server import BINARY

NAMESPACE = "/iceberg/v1/namespaces/default/tables"
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "a", "required": False, "type": "int"}, {"id": 2, "name": "b", "required": False, "type": "string"}]}


def table(server, *arguments, code=0):
    run = subprocess.run([BINARY, "table", *arguments[:1], "--url", f"http://127.0.0.1:{server.port}", *arguments[1:]], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == code, run.stderr + run.stdout
    return run.stdout if code == 0 else run.stderr


def rows(server, *arguments):
    return json.loads(table(server, *arguments, "--json"))


@pytest.fixture
def settled(server):
    for name in "ab":
        assert server.post("/v1/events", {"event_id": name, "event_type": "t"}).status == 202
        server.settle()
    return server


@pytest.fixture
def plain(server):
    answer = server.post(NAMESPACE, {"name": "p", "schema": SCHEMA})
    assert answer.status == 200, answer.body
    return server


def metadata(server, name="p"):
    return server.get(f"{NAMESPACE}/{name}").json()["metadata"]


def test_everything_is_listed_in_every_shape(settled):
    assert {"namespace": "default", "name": "events", "type": "table"} in rows(settled, "list")
    lines = table(settled, "list", "-o", "ndjson").splitlines()
    assert json.loads(lines[0])["name"] == "events"
    read = list(csv.DictReader(io.StringIO(table(settled, "list"))))
    assert read[0] == {"namespace": "default", "name": "events", "type": "table"}
    assert table(settled, "list", "-o", "table").splitlines()[1].split() == ["|", "namespace", "|", "name", "|", "type", "|"]


def test_snapshots_history_refs_files_and_partitions(settled):
    snapshots = rows(settled, "snapshots", "default.events")
    assert [row["total_records"] for row in snapshots] == ["1", "2"]
    assert [row["snapshot_id"] for row in rows(settled, "history", "events")] == [row["snapshot_id"] for row in snapshots]
    assert rows(settled, "refs", "events") == [{"name": "main", "type": "branch", "snapshot_id": snapshots[1]["snapshot_id"]}]
    files = list(csv.DictReader(io.StringIO(table(settled, "files", "events", "-o", "csv"))))
    assert [file["record_count"] for file in files] == ["1", "1"] and all(file["file_path"].endswith(".parquet") for file in files)
    [partition] = list(csv.DictReader(io.StringIO(table(settled, "partitions", "events", "-o", "csv"))))
    assert (partition["record_count"], partition["file_count"]) == ("2", "2")
    assert [file["record_count"] for file in rows(settled, "files", "events")] == [1, 1]
    assert table(settled, "partitions", "events", "-o", "table").splitlines()[-1].startswith("+--")
    kinds = {row["kind"] for row in rows(settled, "describe", "events")}
    assert {"table", "column", "partition", "property", "branch"} <= kinds


def test_what_is_not_there_is_3(server):
    assert "nothing" in table(server, "describe", "default.nothing", code=3)
    table(server, "files", code=2)
    for action in ["files", "partitions"]:
        assert "Table does not exist: default.nothing" in table(server, action, "nothing", code=3)


@pytest.mark.parametrize("name", ["", ".", "a..b", "a.", '"a', '"a\x1fb".t', b"\xff.t", "a\nb"])
def test_what_no_table_can_be_called_is_told(server, name):
    for action in ["describe", "files"]:
        said = table(server, action, name, code=2)
        assert "no table can be called `" in said and "\x1f" not in said
    run = subprocess.run([BINARY, "iceberg", "fsck", name, "--url", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert run.returncode == 2 and "no table can be called `" in run.stderr, run.stderr


@pytest.mark.parametrize("ns", ["ünï", "we ird", "Upper"])
def test_files_of_what_can_be_no_project_are_not_listed(server, ns):
    assert server.post("/iceberg/v1/namespaces", {"namespace": [ns]}).status == 200
    assert server.post(f"/iceberg/v1/namespaces/{quote(ns)}/tables", {"name": "ünï", "schema": SCHEMA}).status == 200
    assert table(server, "describe", f"{ns}.ünï")
    said = table(server, "files", f"{ns}.ünï", code=4)
    assert f'no project can be called "{ns}"' in said and "iceberg verify" in said
    assert f"Table does not exist: {ns}.t" in table(server, "files", f"{ns}.t", code=3)


def on_a_terminal(*command):
    """What the command writes to a terminal."""
    ours, its = pty.openpty()
    tty.setraw(its)
    with subprocess.Popen([BINARY, *command], stdout=its, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as run:
        os.close(its)
        written = b""
        try:
            while piece := os.read(ours, 1 << 16):
                written += piece
        except OSError:  # The other end is closed.
            pass
    os.close(ours)
    assert run.returncode == 0, written
    return written


@pytest.mark.parametrize("output", ["csv", "json", "ndjson", "table"])
def test_a_terminal_gets_no_controls_and_a_file_every_byte(server, output):
    """As a text of many pieces, which may end anywhere."""
    url = ("--url", f"http://127.0.0.1:{server.port}", "-o", output)
    statement = "select chr(27) || ']0;title' || chr(7) || 'é' || chr(155) || chr(8238) || repeat('ö', (range % 7)::int) || chr(127) as text from range(3000)"
    shown = on_a_terminal("sql", statement, *url).decode()
    assert shown.count("\\u001b]0;title\\u0007é\\u009b\\u202e") == 3000 and shown.count("\\u007f") == 3000
    assert not set(shown) & {"\x1b", "\x07", "\x7f", "\x9b", "\u202e"} and "\ufffd" not in shown
    piped = subprocess.run([BINARY, "sql", statement, *url], capture_output=True, check=True).stdout.decode()
    if output in ("json", "ndjson"):
        read = [json.loads(text) for text in (shown.split("\n")[:-1] if output == "ndjson" else [shown])]
        whole = [json.loads(text) for text in (piped.split("\n")[:-1] if output == "ndjson" else [piped])]
        assert read[0].get("data", read) == whole[0].get("data", whole)
    if output == "csv":
        assert piped.count("\x1b]0;title\x07é\x9b\u202e") == 3000


def test_a_schema_evolves(plain):
    table(plain, "alter", "p", "--add", "c decimal(10,2)", "--rename", "b=text", "--widen", "a=long")
    found = metadata(plain)
    fields = {field["name"]: field for field in found["schemas"][-1]["fields"]}
    assert found["current-schema-id"] == found["schemas"][-1]["schema-id"] == 1
    assert {name: (field["id"], field["type"]) for name, field in fields.items()} == {"a": (1, "long"), "text": (2, "string"), "c": (3, "decimal(10, 2)")}
    assert found["last-column-id"] == 3
    assert "say --yes" in table(plain, "alter", "p", "--drop", "c", code=2)
    table(plain, "alter", "p", "--drop", "c", "--yes")
    table(plain, "alter", "p", "--add", "c string")
    assert [field["id"] for field in metadata(plain)["schemas"][-1]["fields"]] == [1, 2, 4]
    table(plain, "alter", "p", "--widen", "a=string", code=4)
    assert "no column" in table(plain, "alter", "p", "--rename", "x=y", code=2)
    table(plain, "alter", "p", code=2)


def test_a_dry_run_changes_nothing(plain):
    before = metadata(plain)
    commit = json.loads(table(plain, "alter", "p", "--add", "c long", "--dry-run"))
    assert {update["action"] for update in commit["updates"]} == {"add-schema", "set-current-schema"}
    assert {need["type"] for need in commit["requirements"]} == {"assert-table-uuid", "assert-current-schema-id", "assert-last-assigned-field-id"}
    assert metadata(plain) == before


@pytest.fixture
def history(plain):
    """Three snapshots of a plain table, made by PyIceberg."""
    made = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{plain.port}/iceberg").load_table("default.p")
    for n in range(3):
        made.append(pyarrow.table({"a": pyarrow.array([n], pyarrow.int32()), "b": ["x"]}))
    plain.ids = [snapshot.snapshot_id for snapshot in made.snapshots()]
    return plain


def test_tags_and_branches(history):
    first, second, third = history.ids
    table(history, "tag", "p", "v1", "--at", str(first))
    table(history, "branch", "p", "b1")
    assert {row["name"]: (row["type"], row["snapshot_id"]) for row in rows(history, "refs", "p")} == {"main": ("branch", third), "v1": ("tag", first), "b1": ("branch", third)}
    assert history.scalar("select count(*) from iceberg.p at (version => 'v1')") == 1
    table(history, "tag", "p", "v1", "--at", str(second))
    assert history.scalar("select count(*) from iceberg.p at (version => 'v1')") == 2
    table(history, "branch", "p", "v1", "--delete", code=3)
    assert "is a tag already" in table(history, "branch", "p", "v1", code=6)
    assert "is a branch already" in table(history, "tag", "p", "b1", code=6)
    table(history, "tag", "p", "v1", "--delete")
    table(history, "tag", "p", "v1", "--delete", code=3)
    assert "snapshots" in table(history, "tag", "p", "v2", "--at", "12345", code=3)


def test_main_is_moved_by_a_rollback_alone(history):
    """Without it the table would be empty, and nobody was asked."""
    before = metadata(history)
    for more in (["--delete"], ["--at", str(history.ids[0])], []):
        assert "rollback" in table(history, "branch", "p", "main", *more, code=2)
    assert "--delete" not in table(history, "tag", "p", "main", code=6)
    assert metadata(history) == before


def test_a_ref_that_is_moved_is_kept_as_long_as_before(history):
    first, second, third = history.ids
    made = history.post(f"{NAMESPACE}/p", {"requirements": [], "updates": [
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": third, "min-snapshots-to-keep": 7, "max-snapshot-age-ms": 5000},
        {"action": "set-snapshot-ref", "ref-name": "v1", "type": "tag", "snapshot-id": first, "max-ref-age-ms": 9000}]})
    assert made.status == 200, made.body
    table(history, "tag", "p", "v1", "--at", str(second))
    table(history, "rollback", "p", "--to", "v1", "--yes")
    assert metadata(history)["refs"] == {"main": {"snapshot-id": second, "type": "branch", "min-snapshots-to-keep": 7, "max-snapshot-age-ms": 5000},
                                         "v1": {"snapshot-id": second, "type": "tag", "max-ref-age-ms": 9000}}


def test_columns_are_added_as_people_write_them(plain):
    table(plain, "alter", "p", "--add", "c   decimal(10, 2)", "--add", '"na ""me" timestamptz ')
    assert [(field["name"], field["type"]) for field in metadata(plain)["schemas"][-1]["fields"]][2:] == [("c", "decimal(10, 2)"), ('na "me', "timestamptz")]
    for column in ("d varchar", "d list<int>", "d", '"d" ', '"d', "d  "):
        said = table(plain, "alter", "p", "--add", column, code=2)
        assert "timestamptz" in said or "name type" in said, said


def test_what_a_table_is_partitioned_or_sorted_by_is_not_dropped(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    schema = Schema(*(NestedField(n, name, LongType()) for n, name in enumerate("abc", 1)))
    catalog.create_table("default.p", schema, partition_spec=PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "x")), sort_order=SortOrder(SortField(2, IdentityTransform())))
    assert "partitioned by a" in table(server, "alter", "p", "--drop", "a", "--yes", code=2)
    assert "sorted by b" in table(server, "alter", "p", "--drop", "b", "--yes", code=2)
    table(server, "alter", "p", "--drop", "c", "--yes")


def test_rollback_makes_an_earlier_snapshot_current(history):
    first, second, _ = history.ids
    table(history, "tag", "p", "good", "--at", str(second))
    assert "say --yes" in table(history, "rollback", "p", "--to", "good", code=2)
    table(history, "rollback", "p", "--to", "good", "--yes")
    assert history.scalar("select count(*) from iceberg.p") == 2
    table(history, "rollback", "p", "--to", str(first), "-y")
    assert history.scalar("select count(*) from iceberg.p") == 1
    assert rows(history, "history", "p")[-1]["snapshot_id"] == first


def test_managed_tables_are_changed_too(settled):
    """The newest snapshot goes out of sight; what is hot stays, and the log goes on where it was."""
    [(first,), (second,)] = settled.rows("select snapshot_id from system.snapshots order by sequence_number")
    receipt = settled.post("/v1/events", {"event_id": "c", "event_type": "t"}).headers["X-Tidemark-Receipt"]
    table(settled, "tag", "events", "v1", "--at", str(first))
    assert settled.rows("select event_id from events at (version => 'v1')") == [("a",)]
    table(settled, "rollback", "events", "--to", "v1", "--yes")
    assert settled.rows("select event_id from events order by 1") == [("a",), ("c",)]
    before = settled.query("select event_id from events order by 1", as_of=receipt)
    assert [row["event_id"] for row in before["data"]] == ["a", "c"] and len(before["metadata"]["as_of"]["removed_since"]) == 1
    assert settled.rows(f"select event_id from events at (version => {second}) order by 1") == [("a",), ("b",)]
    settled.settle()
    after = settled.query("select event_id from events order by 1", as_of=receipt)
    assert after["data"] == before["data"] and len(after["metadata"]["as_of"]["removed_since"]) == 1
    assert settled.verify()["ok"]


def test_describe_tells_nested_types_and_the_sort_order(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "tags", ListType(3, StringType())), NestedField(4, "counts", MapType(5, StringType(), 6, LongType())),
                    NestedField(7, "place", StructType(NestedField(8, "x", LongType()), NestedField(9, "y", ListType(10, LongType())))))
    catalog.create_table("default.nested", schema=schema, partition_spec=PartitionSpec(PartitionField(8, 1000, BucketTransform(2), "b")),
                         sort_order=SortOrder(SortField(1, BucketTransform(4), SortDirection.DESC), SortField(1, IdentityTransform()), SortField(8, IdentityTransform())))
    told = [(row["kind"], row["name"], row["value"]) for row in rows(server, "describe", "nested") if row["kind"] in ("column", "partition", "sort")]
    assert told == [("column", "id", "long"), ("column", "tags", "list<string>"), ("column", "counts", "map<string, long>"),
                    ("column", "place", "struct<x: long, y: list<long>>"), ("partition", "b", "bucket[2](place.x)"), ("sort", "bucket[4](id)", "desc nulls-last"),
                    ("sort", "identity(id)", "asc nulls-first"), ("sort", "identity(place.x)", "asc nulls-first")]


def test_views_are_described_and_told_from_tables(server):
    version = {"version-id": 1, "timestamp-ms": 1, "schema-id": 0, "summary": {}, "default-namespace": ["default", "a.b"],
               "representations": [{"type": "sql", "sql": "select 1 as a", "dialect": "spark"}, {"type": "sql", "sql": "select 1 a", "dialect": "trino"}]}
    made = server.post("/iceberg/v1/namespaces/default/views", {"name": "v", "schema": SCHEMA, "view-version": version, "properties": {"k": "1"}})
    assert made.status == 200, made.body
    told = [(row["kind"], row["name"], row["value"]) for row in rows(server, "describe", "v")]
    assert {("view", "current-version-id", 1), ("view", "default-namespace", 'default."a.b"'), ("column", "a", "int"), ("sql", "spark", "select 1 as a"), ("sql", "trino", "select 1 a"),
            ("property", "k", "1")} <= set(told), told
    for action in ["files", "snapshots", "refs"]:
        assert "default.v is a view" in table(server, action, "v", code=3)
