"""NaN is more than every number and equal to itself, in files of other writers too, whose footers and manifests have bounds of the numbers alone."""
import duckdb
import pyarrow
import pytest

from pyiceberg.catalog import load_catalog

NAN, INF = float("nan"), float("inf")
FILES = [[1.0, NAN], [NAN], [INF, NAN], [-1.0, 2.0], [None, NAN], [-INF, 7.0, NAN, None]]
CONDITIONS = ["{} > 5", "{} >= 5", "{} > 'inf'::double", "{} >= 'inf'::double", "{} = 'nan'::double", "{} < 'nan'::double", "{} >= 'nan'::double", "{} <> 1", "not ({} <= 5)",
              "{} between 5 and 'nan'::double", "{} in ('nan'::double, 7)", "isnan({})", "{} is distinct from 1", "{} is null", "{} > 5 and id < 100", "{} < 0"]


@pytest.fixture
def catalog(server):
    return load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")


@pytest.mark.parametrize("column", ["f", "d", "s.x"])
def test_filters_find_nan_in_every_file(server, catalog, column):
    kinds = pyarrow.schema([("id", pyarrow.int64()), ("f", pyarrow.float32()), ("d", pyarrow.float64()), ("s", pyarrow.struct([("x", pyarrow.float64())]))])
    table = catalog.create_table("default.numbers", schema=kinds)
    rows = []
    for file in FILES:
        added = [{"id": len(rows) + i, "f": number, "d": number, "s": {"x": number}} for i, number in enumerate(file)]
        table.append(pyarrow.Table.from_pylist(added, schema=kinds))
        rows += added
    ours = pyarrow.Table.from_pylist(rows, schema=kinds)
    plain = duckdb.connect()
    plain.execute("create table numbers as select * from ours")  # Without files and their bounds.
    for condition in CONDITIONS:
        where = f"where {condition.format(column)} order by id"
        assert server.rows(f"select id from iceberg.numbers {where}") == plain.execute(f"select id from numbers {where}").fetchall(), where


def test_events_that_another_engine_appended_are_found_too(server, catalog):
    assert server.post("/v1/events", {"event_id": "a", "event_type": "t", "value": 1}).status == 202
    server.settle()
    table = catalog.load_table("default.events")
    names = [field.name for field in table.schema().fields]
    row = table.scan().to_arrow().to_pylist()[0]
    added = [{**row, "event_id": name, "value": value, "log_offset": None, "log_partition": None} for name, value in (("b", NAN), ("c", 2.0))]
    table.append(pyarrow.Table.from_pylist([{name: one[name] for name in names} for one in added], schema=table.schema().as_arrow()))
    assert server.rows("select event_id from events where value > 5") == [("b",)]
    assert server.rows("select event_id from events where value = 'nan'::double") == [("b",)]
    assert server.rows("select event_id from events where value <> 1 order by 1") == [("b",), ("c",)]
