"""Plain Iceberg tables of the project's namespace in SQL: joined with events, of every type, in the past,
and refused with the reason where they are not read."""
import datetime
import decimal
import pathlib
import uuid

import pyarrow
import pyarrow.parquet as parquet
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import BooleanType, DateType, DecimalType, DoubleType, FloatType, LongType, NestedField, StringType, UUIDType


@pytest.fixture
def catalog(server):
    return load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")


def make(catalog, name, table):
    made = catalog.create_table(f"default.{name}", schema=table.schema)
    made.append(table)
    return made


def users(*rows):
    return pyarrow.table({"user_id": [row[0] for row in rows], "tier": [row[1] for row in rows]})


def refused(server, statement):
    answer = server.post("/v1/sql", {"query": statement})
    assert 400 <= answer.status <= 501, answer.body
    return answer.status, answer.json()["message"]


def test_events_join_a_plain_table(server, catalog):
    make(catalog, "users", users(("u1", "gold"), ("u2", "basic")))
    server.post("/v1/events", '{"event_type":"a","user_id":"u1"}\n{"event_type":"b","user_id":"u2"}', {"Content-Type": "application/x-ndjson"})
    server.settle()
    server.post("/v1/events", {"event_type": "c", "user_id": "u1"})
    joined = "select tier, count(*) from events join iceberg.users using (user_id) group by 1 order by 1"
    assert server.rows(joined) == [("basic", 1), ("gold", 2)]
    assert server.rows("select iceberg.users.tier from iceberg.users where iceberg.users.user_id = 'u2'") == [("basic",)]
    assert server.rows("select count(*) from \"default\".events") == [(3,)]
    assert [row[0] for row in server.rows('describe "default".users')] == ["user_id", "tier"]
    assert refused(server, "select * from iceberg.nobody")[0] == 404
    assert refused(server, "select * from iceberg.users.nobody")[0] == 404


def test_every_type_is_read(server, catalog):
    day = datetime.datetime(2024, 2, 29, 12, 30, 0, 123456)
    table = pyarrow.table({
        "b": pyarrow.array([True, None]),
        "i": pyarrow.array([1, None], pyarrow.int32()),
        "l": pyarrow.array([2**60, None], pyarrow.int64()),
        "f": pyarrow.array([1.5, None], pyarrow.float32()),
        "d": pyarrow.array([-0.25, None], pyarrow.float64()),
        "n": pyarrow.array([decimal.Decimal("12345.67"), None], pyarrow.decimal128(10, 2)),
        "day": pyarrow.array([day.date(), None]),
        "t": pyarrow.array([day.time(), None], pyarrow.time64("us")),
        "at": pyarrow.array([day, None], pyarrow.timestamp("us")),
        "tz": pyarrow.array([day, None], pyarrow.timestamp("us", "UTC")),
        "s": pyarrow.array(["x'\"\u00e9", None]),
        "raw": pyarrow.array([b"\x00\xff", None]),
        "list": pyarrow.array([[1, 2], None], pyarrow.list_(pyarrow.int64())),
        "map": pyarrow.array([[("k", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
        "nested": pyarrow.array([{"a": 1, "deep": {"b": ["x"]}}, None], pyarrow.struct([("a", pyarrow.int64()), ("deep", pyarrow.struct([("b", pyarrow.list_(pyarrow.string()))]))])),
    })
    make(catalog, "types", table)
    [first] = server.rows('select b, i, l, f, d, n, day, t, \"at\", tz, s, hex(raw), list, map[\'k\'], nested.a, nested.deep.b[1] from iceberg.types where i = 1')
    assert first == (True, 1, 2**60, 1.5, -0.25, 12345.67, "2024-02-29", "12:30:00.123456", "2024-02-29T12:30:00.123456", "2024-02-29T12:30:00.123456Z",
                     "x'\"\u00e9", "00FF", [1, 2], 1, 1, "x")
    assert server.scalar("select count(*) from iceberg.types where coalesce(b::varchar, s, day::varchar, nested::varchar, map::varchar) is null") == 1
    assert server.scalar("select count(*) from iceberg.types where day = date '2024-02-29' and n > 12345.66 and f = 1.5 and \"at\" < '2024-03-01'") == 1


def test_columns_are_found_by_their_ids(server, catalog):
    table = make(catalog, "evolved", users(("u1", "gold")))
    with table.update_schema() as update:
        update.rename_column("tier", "class")
        update.add_column("since", LongType())
    table.append(pyarrow.table({"user_id": ["u2"], "class": ["basic"], "since": [2024]}))
    with table.update_schema() as update:
        update.delete_column("since")
        update.add_column("since", StringType())
    assert server.rows("select * from iceberg.evolved order by user_id") == [("u1", "gold", None), ("u2", "basic", None)]
    first = table.history()[0].snapshot_id
    assert server.rows(f"select * from iceberg.evolved at (version => {first})") == [("u1", "gold")]


def test_bounds_and_partitions_prune_plain_tables(server, catalog):
    schema = Schema(NestedField(1, "region", StringType()), NestedField(2, "n", LongType()))
    table = catalog.create_table("default.parts", schema=schema, partition_spec=PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "region")))
    for region in ("north", "south", "west"):
        table.append(pyarrow.table({"region": [region] * 3, "n": pyarrow.array([1, 2, 3], pyarrow.int64())}))
    answer = server.query("select sum(n) s from iceberg.parts where region = 'south'")
    assert answer["data"] == [{"s": 6}]
    assert answer["metadata"]["files"] == {"total": 3, "read": 1}
    metrics = server.get("/metrics").body.decode()
    assert 'tidemark_query_files_total{outcome="read"} 1' in metrics and 'tidemark_query_files_total{outcome="pruned"} 2' in metrics
    by_join = server.query("select sum(n) s from iceberg.parts join (values ('north'), ('nowhere')) v(region) using (region)")
    assert by_join["data"] == [{"s": 6}] and by_join["metadata"]["files"]["read"] < 3
    assert server.scalar("select count(*) from system.files where table_name = 'parts'") == 3


def test_describe_says_which_columns_have_no_null(server, catalog):
    catalog.create_table("default.strict", schema=Schema(NestedField(1, "a", LongType(), required=True), NestedField(2, "B", StringType()), NestedField(3, "it's", StringType(), required=True)))
    told = [("a", "NO"), ("B", "YES"), ("it's", "NO")]
    for asked in ("describe iceberg.strict", "show iceberg.strict", 'describe "default".strict', "describe select * from iceberg.strict"):
        assert [(row[0], row[2]) for row in server.rows(asked)] == told, asked
    assert server.rows("select name from (show tables from \"DEFAULT\")") == [("events",), ("strict",)]
    catalog.create_namespace_if_not_exists("other")
    catalog.create_table("other.secret", schema=users(("u", "t")).schema)
    assert server.rows("show tables from other") == [] and server.rows("show schemas") == [("default",)]


def test_an_empty_table_has_its_columns(server, catalog):
    catalog.create_table("default.empty", schema=Schema(NestedField(1, "a b", StringType()), NestedField(2, "n", LongType())))
    answer = server.query("select * from iceberg.empty")
    assert answer["data"] == [] and [column["name"] for column in answer["columns"]] == ["a b", "n"]


def test_the_past_of_a_plain_table(server, catalog):
    table = make(catalog, "users", users(("u1", "gold")))
    first = table.current_snapshot().snapshot_id
    table.append(users(("u2", "basic")))
    table.manage_snapshots().create_tag(first, "v1").commit()
    for version in (first, "'v1'"):
        assert server.rows(f"select user_id from iceberg.users at (version => {version})") == [("u1",)]
    assert server.scalar("select count(*) from iceberg.users at (version => 'main')") == 2
    status, message = refused(server, "select * from iceberg.users at (version => 'v2')")
    assert status == 404 and "v1" in message
    table.delete(EqualTo("user_id", "u1"))
    assert server.rows("select user_id from iceberg.users") == [("u2",)]


def test_another_projects_tables_are_not_there(server, catalog):
    catalog.create_namespace_if_not_exists("other")
    catalog.create_table("other.secret", schema=users(("u", "t")).schema)
    assert refused(server, "select * from other.secret")[0] == 404
    assert server.rows("select count(*) from system.tables where table_name = 'secret'") == [(0,)]


def test_what_is_not_read_is_refused_with_the_reason(server, catalog):
    field = {"id": 1, "name": "at", "required": False, "type": "timestamptz_ns"}
    answer = server.post("/iceberg/v1/namespaces/default/tables", {"name": "nanos", "properties": {"format-version": "3"}, "schema": {"type": "struct", "fields": [field]}})
    assert answer.status == 200, answer.body
    status, message = refused(server, "select * from iceberg.nanos")
    assert status == 400 and "timestamptz_ns" in message and "default.nanos" in message
    assert server.rows("select table_type from system.tables where table_name = 'nanos'") == [("table",)]


def test_files_without_ids_are_read_by_the_name_mapping(server, catalog, tmp_path):
    table = make(catalog, "named", users(("u1", "gold")))
    folder = pathlib.Path(table.location().removeprefix("file://")) / "data"
    path = folder / "of-others.parquet"
    parquet.write_table(pyarrow.table({"tier": ["silver"], "user_id": ["u2"]}), path)
    table.add_files([f"file://{path}"])
    assert server.rows("select user_id, tier from iceberg.named order by 1") == [("u1", "gold"), ("u2", "silver")]
    with table.update_schema() as update:  # The file has the old name, which the mapping keeps.
        update.rename_column("tier", "level")
    with table.transaction() as transaction:
        transaction.set_properties({"schema.name-mapping.default": '[{"field-id":1,"names":["user_id"]},{"field-id":2,"names":["level","tier"]}]'})
    assert server.rows("select user_id, level from iceberg.named where level = 'silver'") == [("u2", "silver")]


@pytest.mark.parametrize("written, kind, told", [
    (pyarrow.array([1.7]), LongType(), ("DOUBLE", "BIGINT")), (pyarrow.array(["12"]), LongType(), ("VARCHAR", "BIGINT")),
    (pyarrow.array([5]), StringType(), ("BIGINT", "VARCHAR")), (pyarrow.array([1]), BooleanType(), ("BIGINT", "BOOLEAN")),
    (pyarrow.array([0.1]), FloatType(), ("DOUBLE", "FLOAT")), (pyarrow.array([datetime.datetime(2026, 1, 2)]), DateType(), ("TIMESTAMP", "DATE"))])
def test_a_file_whose_column_has_another_type_is_told_and_not_cast(server, catalog, written, kind, told):
    """The mapping gives the name to a new column: what the file has of it is none of its values."""
    table = catalog.create_table("default.other_type", schema=pyarrow.schema([("id", pyarrow.int64()), ("v", written.type)]))
    path = pathlib.Path(table.location().removeprefix("file://")) / "data/of-others.parquet"
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(pyarrow.table({"id": [1], "v": written}), path)
    table.add_files([f"file://{path}"])
    with table.update_schema() as update:
        update.rename_column("v", "old")
    with table.update_schema() as update:
        update.add_column("v", kind)
    status, message = refused(server, "select v from iceberg.other_type")
    assert status == 500 and f'of-others.parquet has the column "v" as {told[0]}, and the table as {told[1]}' in message and "name mapping" in message
    assert server.rows("select id from iceberg.other_type") == [(1,)]  # All else of the file is read.


def test_types_that_were_widened_are_read(server, catalog):
    table = make(catalog, "widened", pyarrow.table({"i": pyarrow.array([1], pyarrow.int32()), "f": pyarrow.array([0.5], pyarrow.float32()),
                                                    "d": pyarrow.array([decimal.Decimal("1.25")], pyarrow.decimal128(9, 2))}))
    with table.update_schema() as update:
        update.update_column("i", LongType())
        update.update_column("f", DoubleType())
        update.update_column("d", DecimalType(18, 2))
    assert server.rows("select * from iceberg.widened") == [(1, 0.5, 1.25)]
    table.append(pyarrow.table({"i": [2**40], "f": [0.1], "d": pyarrow.array([decimal.Decimal("-7.50")], pyarrow.decimal128(18, 2))}))
    for key in ("i", "f", "d"):  # The hashes of a join's keys are of the table's type, and not of the file's.
        assert server.rows(f"select a.i from iceberg.widened a left join iceberg.widened b using ({key}) where regexp_matches(a.f::varchar, '0.5')") == [(1,)]
        assert server.rows(f"select b.i from iceberg.widened a join iceberg.widened b using ({key}) where regexp_matches(a.f::varchar, '0.1')") == [(2**40,)]


def test_ids_that_no_other_type_gives(server, catalog):
    table = catalog.create_table("default.ids", schema=Schema(NestedField(1, "id", UUIDType())))
    one = uuid.uuid4()
    table.append(pyarrow.table({"id": pyarrow.array([one.bytes], pyarrow.uuid())}))
    assert server.rows(f"select id from iceberg.ids where id = '{one}'") == [(str(one),)]


def test_names_that_differ_by_case_alone(server, catalog):
    """To SQL they are one name, of columns and of fields of a struct: the later ones get a number, and nothing of the table is out of reach."""
    fields = pyarrow.struct([("a", pyarrow.int64()), ("A", pyarrow.string()), ("a_1", pyarrow.bool_())])
    rows = pyarrow.table({"id": [7], "ID": ["x"], "s": pyarrow.array([{"a": 1, "A": "b", "a_1": True}], fields), "l": pyarrow.array([[{"a": 2, "A": "c", "a_1": None}]], pyarrow.list_(fields))})
    make(catalog, "cases", rows)
    catalog.create_table("default.empty", schema=rows.schema)
    renamed = [{"a": 1, "A_1": "b", "a_1_1": True}, [{"a": 2, "A_1": "c", "a_1_1": None}]]
    assert server.query("select * from iceberg.cases")["data"] == [{"id": 7, "ID_1": "x", "s": renamed[0], "l": renamed[1]}]
    assert server.rows("select s.a, s.\"A_1\", l[1].a from iceberg.cases where s.a = 1") == [(1, "b", 2)]
    assert server.rows("select count(*), max(s.\"A_1\") from iceberg.empty") == [(0, None)]
