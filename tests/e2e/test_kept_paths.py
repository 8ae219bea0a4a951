"""Typed copies of frequent paths of `properties`: other engines see them, no answer depends on them."""
import decimal
import importlib.util
import json
import pathlib

import duckdb
from pyiceberg.table import StaticTable
from support.server import Tidemark

SQL = """select properties->>'$.plan' as plan, properties->>'$.cart.total' as total, properties->>'$.n' as n,
                properties->>'$.mixed' as mixed, properties->>'$.ok' as ok, properties->>'$.rare' as rare, count(*) as events
         from events group by all order by all"""


def events(first, count, total):
    """`total` of every tenth event as it is given: what a double gives back, or not."""
    for i in range(first, first + count):
        properties = f'{{"plan":"{["free", "pro", "team"][i % 3]}","n":{i % 50 - 25},"ok":{"true" if i % 2 else "false"},"cart":{{"total":{total if i % 10 == 0 else "19.99"}}}'
        properties += f',"mixed":{["1", "1.50", chr(34) + "x" + chr(34)][i % 3]}' + (',"rare":"yes"' if i % 500 == 0 else "") + "}"
        yield f'{{"event_type":"t{i % 3}","properties":{properties}}}'


def send(server, lines):
    answer = server.post("/v1/events", "\n".join(lines).encode(), {"Content-Type": "application/x-ndjson"})
    assert answer.status == 202, answer.body


def extension(name):
    folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").submodule_search_locations[0])
    return next(folder.rglob(f"{name}.duckdb_extension"))


def iceberg(location, sql):
    engine = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for name in ("avro", "iceberg"):
        engine.execute(f"load '{extension(name)}'")
    return engine.execute(sql.format(table=f"iceberg_scan('{location}')")).fetchall()


def kept_fields(location):
    schema = StaticTable.from_metadata(location).schema()
    return {field.doc: (field.name, str(field.field_type), field.field_id) for field in schema.find_field("kept").field_type.fields}


def test_frequent_paths_are_kept_typed_and_change_no_answer(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        send(server, list(events(0, 500, "5.0")))
        server.settle()  # Too few to learn from: files without any path.
        send(server, list(events(500, 3000, "5.0")))
        hot = server.query(SQL)["data"]
        server.settle()
        assert server.query(SQL)["data"] == hot
        location = server.events_metadata()
        fields = kept_fields(location)
        assert {path: field[1] for path, field in fields.items()} == {
            '$."plan"': "string", '$."n"': "long", '$."ok"': "boolean", '$."cart"."total"': "double", '$."mixed"': "string"}

        # A double does not give 5.10 back: those files leave the path out, and it comes again as text.
        send(server, list(events(3500, 2000, "5.10")))
        half = server.query(SQL)
        assert half["route"] == "hybrid"
        server.settle()
        assert server.query(SQL)["data"] == half["data"]
        location = server.events_metadata()
        again = kept_fields(location)
        assert again['$."cart"."total"'][1] == "string"
        assert again['$."cart"."total"'][2] > max(field[2] for field in fields.values())
        assert {path: field for path, field in again.items() if "cart" not in path} == {path: field for path, field in fields.items() if "cart" not in path}

        # Other engines read the whole table, and the copies are the values.
        table = StaticTable.from_metadata(location).scan().to_arrow()
        assert table.num_rows == 5500
        copies = 0
        for text, kept in zip(table.column("properties").to_pylist(), table.column("kept").to_pylist()):
            sent = json.loads(text, parse_float=decimal.Decimal)
            if kept is None or kept["plan"] is None:
                continue
            copies += 1
            assert (kept["plan"], kept["n"], kept["ok"]) == (sent["plan"], sent["n"], sent["ok"])
            assert kept["cart_total"] in (None, str(sent["cart"]["total"]))
        assert copies == 5000
        assert iceberg(location, "select count(*), count(kept.n), sum(kept.n) = sum((properties->>'n')::int) filter (kept.n is not null) from {table}") == [(5500, 5000, True)]

        # What is kept is the table's, not the process's.
        server.kill()
        server.start()
        assert server.query(SQL)["data"] == half["data"]
        assert kept_fields(server.events_metadata()) == again
        assert server.verify()["ok"]


def test_none_are_learned_where_none_may_be_kept(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400", "-X", "flush.kept_paths=0") as server:
        send(server, list(events(0, 2000, "5.0")))
        hot = server.query(SQL)["data"]
        server.settle()
        assert server.query(SQL)["data"] == hot
        assert "kept" not in StaticTable.from_metadata(server.events_metadata()).schema().column_names
