"""A null is distinct from every value: in row groups of any content, of plain tables and of the events."""
import duckdb
import pyarrow

from pyiceberg.catalog import load_catalog

FILES = [[None], [5, None], [5], [None, None], [7, 8], [5, 6, None]]
CONDITIONS = ["b is distinct from 5 or b is distinct from 7", "b is distinct from -1 or b is distinct from 100", "b < 100 or b is distinct from 5", "b is distinct from 5 or b > 100",
              "(b is distinct from 5 or b > 100) and b is distinct from 8", "id >= 0 and (7 is distinct from b or b = 7)", "b is distinct from 5", "b is not distinct from 5 or b = 8",
              "b is distinct from 5 or b is distinct from null", "(b is distinct from 5 or b > 100) and (b is distinct from 6 or b < 0) and b is distinct from 7"]


def test_nulls_of_every_file_are_found(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    kinds = pyarrow.schema([("id", pyarrow.int64()), ("b", pyarrow.int64())])
    table = catalog.create_table("default.nulls", schema=kinds)
    rows = []
    for file in FILES:
        added = [{"id": len(rows) + i, "b": number} for i, number in enumerate(file)]
        table.append(pyarrow.Table.from_pylist(added, schema=kinds))
        rows += added
    ours = pyarrow.Table.from_pylist(rows, schema=kinds)
    plain = duckdb.connect()
    plain.execute("create table nulls as select * from ours")
    for condition in CONDITIONS:
        where = f"where {condition} order by id"
        assert server.rows(f"select id from iceberg.nulls {where}") == plain.execute(f"select id from nulls {where}").fetchall(), where


def test_settled_events_are_answered_as_hot_ones(server):
    for name, user in (("a", None), ("b", "u1")):
        event = {"event_id": name, "event_type": "t", **({"user_id": user} if user else {})}
        assert server.post("/v1/events", event).status == 202
        where = "where user_id is distinct from 'u1' or user_id is distinct from 'u2' order by 1"
        hot = server.rows(f"select event_id from events {where}")
        server.settle()  # A file each.
        assert server.rows(f"select event_id from events {where}") == hot == [("a",), ("b",)][: len(hot)]
    assert len(hot) == 2
