"""What one outside engine reads of the catalog: `engines.py ENGINE read|rows URI`, answers as JSON. With the API key that
TIDEMARK_KEY holds, if it holds one.

Runs in the environment that test_engines.py makes. `read` reads all tables, `rows` one. A table's content is its count and a
hash of its sorted rows. The scripts of the engines' pages make lab.<ENGINE>: 100 rows, a new column and 50 rows more, then every
tenth is deleted.
"""
import hashlib
import json
import os
import pathlib
import sys

FIRST, MORE = 100, 50


def content(rows):
    rows = sorted(tuple(row) for row in rows)
    return [len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()]


def connect_duckdb():
    import duckdb

    connection = duckdb.connect(config={"allow_unsigned_extensions": "false"})
    for name in ("avro", "httpfs", "iceberg"):
        folder = pathlib.Path(__import__(f"duckdb_extension_{name}").__file__).parent
        connection.execute(f"LOAD '{next(folder.rglob('*.duckdb_extension'))}'")
    return connection


class DuckDb:
    """SQL over ATTACH; deletes are position deletes."""

    def __init__(self, uri):
        self.connection = connect_duckdb()
        key = os.environ.get("TIDEMARK_KEY")
        if key:
            self.connection.execute(f"CREATE SECRET key (TYPE iceberg, TOKEN '{key}')")
        who = "SECRET key" if key else "AUTHORIZATION_TYPE 'none'"
        self.connection.execute(f"ATTACH 'tidemark' AS ice (TYPE iceberg, ENDPOINT '{uri}', {who})")

    def sql(self, statement):
        return self.connection.execute(statement).fetchall()

    def tables(self, namespace):
        return [row[0] for row in self.sql(f"SELECT table_name FROM duckdb_tables() WHERE database_name = 'ice' AND schema_name = '{namespace}'")]

    def rows(self, namespace, table, last="note"):
        return self.sql(f"SELECT id, name, {last} FROM ice.{namespace}.{table}")

    def events(self):
        return self.sql('SELECT event_id, event_type FROM ice."default".events')


class PyIceberg:
    """The Python library; deletes are copy-on-write."""

    properties = {}

    def __init__(self, uri):
        from pyiceberg.catalog import load_catalog

        key = os.environ.get("TIDEMARK_KEY")
        self.catalog = load_catalog("tidemark", type="rest", uri=uri, **({"token": key} if key else {}), **self.properties)

    def tables(self, namespace):
        return [name for _, name in self.catalog.list_tables(namespace)]

    def rows(self, namespace, table, last="note"):
        rows = self.catalog.load_table(f"{namespace}.{table}").scan(selected_fields=("id", "name", last)).to_arrow().to_pylist()
        return [(row["id"], row["name"], row[last]) for row in rows]

    def events(self):
        rows = self.catalog.load_table("default.events").scan(selected_fields=("event_id", "event_type")).to_arrow().to_pylist()
        return [(row["event_id"], row["event_type"]) for row in rows]


class Planned(PyIceberg):
    """The same, with scans that the server plans."""

    properties = {"scan-planning-mode": "server"}


class Polars(PyIceberg):
    """Polars' own scan, over PyIceberg's catalog."""

    def frame(self, name, columns):
        import polars

        return polars.scan_iceberg(self.catalog.load_table(name)).select(columns).collect().rows()

    def rows(self, namespace, table, last="note"):
        return self.frame(f"{namespace}.{table}", ["id", "name", last])

    def events(self):
        return self.frame("default.events", ["event_id", "event_type"])


def main():
    engine, action, uri, *more = sys.argv[1:]
    engine = {"duckdb": DuckDb, "pyiceberg": PyIceberg, "planned": Planned, "polars": Polars}[engine](uri)
    if action == "rows":  # Of one table: its name and its last column's.
        answer = content(engine.rows("lab", *more))
    else:
        answer = {table: content(engine.rows("lab", table)) for table in engine.tables("lab")}
        answer["events"] = content(engine.events())
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
