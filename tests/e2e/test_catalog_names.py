"""Names of namespaces, tables and views are any text: with slashes, dots, percent signs, plus signs, quotes and letters of every script, over
the REST catalog, in SQL, in commands and on the disk."""
import json
import subprocess
import urllib.parse

import pyarrow
import pytest
from pyiceberg.catalog import load_catalog

from support.raw_tables import RawTable
from support.server import BINARY

BASE = "/iceberg/v1"
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "x", "required": False, "type": "long"}]}
NAMES = ["a/b", "a.b", "100%", "%2F", "a+b", "a b", 'say "hi"', "it's", "\u65e5\u672c/\u8a9e", "\u00fc", "\U0001f600", "..", "~2F", "\u6f22" * 85, "select"]


def quoted(*parts):
    return urllib.parse.quote("\x1f".join(parts), safe="")


def sql(*parts):
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def tables(*levels):
    return f"{BASE}/namespaces/{quoted(*levels)}/tables"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_lives(server, name):
    levels, other = ["default", name], name[:-1] + "2"
    made = server.post(f"{BASE}/namespaces", {"namespace": levels})
    assert made.status == 200 and made.json()["namespace"] == levels, made.body
    assert server.get(f"{BASE}/namespaces/{quoted(*levels)}").json()["namespace"] == levels
    assert server.get(f"{BASE}/namespaces?parent=default").json()["namespaces"] == [levels]
    answer = server.post(tables(*levels), {"name": name, "schema": SCHEMA})
    assert answer.status == 200, answer.body
    one = {"namespace": levels, "name": name}
    assert server.get(tables(*levels)).json()["identifiers"] == [one]
    assert server.request("HEAD", f"{tables(*levels)}/{quoted(name)}").status == 204
    changed = server.post(f"{tables(*levels)}/{quoted(name)}", {"updates": [{"action": "set-properties", "updates": {"k": name}}]})
    assert changed.status == 200, changed.body
    assert server.get(f"{tables(*levels)}/{quoted(name)}").json()["metadata"]["properties"]["k"] == name
    assert server.rows(f"select count(*) from {sql(*levels, name)}") == [(0,)]
    renamed = {"source": one, "destination": {"namespace": ["default"], "name": other}}
    assert server.post(f"{BASE}/tables/rename", renamed).status == 204
    assert server.get(f"{tables(*levels)}/{quoted(name)}").status == 404
    assert server.rows(f"select count(*) from iceberg.{sql(other)}") == [(0,)]
    assert server.request("DELETE", f"{tables('default')}/{quoted(other)}?purgeRequested=true").status == 204
    assert server.request("DELETE", f"{BASE}/namespaces/{quoted(*levels)}").status == 204
    assert server.get(f"{BASE}/namespaces/{quoted(*levels)}").status == 404


@pytest.mark.parametrize("name", ["events", "Events", "EVENTS", "Quarantine"])
def test_names_of_fed_tables_are_kept_in_any_case(server, name):
    """SQL would find the table that the server feeds under each of them, and never the one of that name."""
    answer = server.post(tables("default"), {"name": name, "schema": SCHEMA})
    assert answer.status == 403 and name in answer.json()["error"]["message"], answer.body
    assert server.post(tables("default"), {"name": "t", "schema": SCHEMA}).status == 200
    rename = {"source": {"namespace": ["default"], "name": "t"}, "destination": {"namespace": ["default"], "name": name}}
    assert server.post(f"{BASE}/tables/rename", rename).status in (403, 409)
    server.post(f"{BASE}/namespaces", {"namespace": ["default", "below"]})
    assert server.post(tables("default", "below"), {"name": name, "schema": SCHEMA}).status == 200


@pytest.mark.parametrize("path", [f"{BASE}/namespaces/%FF", f"{BASE}/namespaces/%FF/tables", f"{BASE}/namespaces?parent=a%FF", f"{BASE}/config?warehouse=%FF", f"{BASE}/namespaces/default/tables/%C3", "/v1/projects/%FF/settings", "/array/%FF/config", "/array/%FF/config.js"])
def test_answers_are_text_whatever_a_path_has(server, path):
    answer = server.get(path)
    assert answer.status in (200, 404) and "\ufffd" in answer.body.decode("utf-8"), answer.body


def test_names_that_differ_by_dots_alone_are_different_tables(server):
    places = [["default", "a.b", "c"], ["default", "a", "b.c"], ["default", 'a"b', "C"], ["default", 'a"b', "c"]]
    for *levels, name in places:
        server.post(f"{BASE}/namespaces", {"namespace": levels})
        assert server.post(tables(*levels), {"name": name, "schema": SCHEMA}).status == 200
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    for number, place in enumerate(places):
        catalog.load_table(tuple(place)).append(pyarrow.table({"x": pyarrow.array([number], pyarrow.int64())}))
    for number, place in enumerate(places):
        assert server.rows(f"select x from {sql(*place)}") == [(number,)]
    # In one statement too.
    columns = ", ".join(f"(select x from {sql(*place)})" for place in places)
    assert server.rows(f"select {columns}") == [tuple(range(len(places)))]
    listed = server.rows("select table_schema, table_name from system.tables where table_type = 'table' order by all")
    assert listed == sorted([('default."a.b"', "c"), ("default.a", "b.c"), ('default."a""b"', "C"), ('default."a""b"', "c")])
    # Commands take and print what SQL does.
    for number, place in enumerate(places):
        text = ".".join(part if part.isalpha() else sql(part) for part in place)
        done = subprocess.run([str(BINARY), "table", "files", text, "--json", "--url", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True)
        assert done.returncode == 0 and len(json.loads(done.stdout)) == 1, done.stdout + done.stderr
        done = subprocess.run([str(BINARY), "iceberg", "verify", text, "--json", "--url", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True)
        assert done.returncode == 0 and json.loads(done.stdout)["rows"] == 1, done.stdout + done.stderr
    done = subprocess.run([str(BINARY), "table", "list", "--json", "--url", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True)
    assert {(row["namespace"], row["name"]) for row in json.loads(done.stdout)} == set(listed)


def test_deep_namespaces_are_one_quoted_name_in_sql(server):
    """SQL's names have three parts. A level that has the dots itself comes first."""
    for levels in (["default", "a", "b"], ["default", "x", "y", "z"], ["default", "a.b"]):
        assert server.post(f"{BASE}/namespaces", {"namespace": levels}).status == 200
    deep = {**SCHEMA, "fields": [{**SCHEMA["fields"][0], "name": "deep"}]}
    assert server.post(tables("default", "a", "b"), {"name": "c", "schema": deep}).status == 200
    assert server.post(tables("default", "x", "y", "z"), {"name": "c", "schema": deep}).status == 200
    for name in ('iceberg."a.b".c', '"default"."x.y.z"."c"'):
        assert [row[0] for row in server.rows(f"describe {name}")] == ["deep"]
    assert server.post(tables("default", "a.b"), {"name": "c", "schema": SCHEMA}).status == 200
    assert [row[0] for row in server.rows('describe iceberg."a.b".c')] == ["x"]
    assert server.post("/v1/sql", {"query": 'select * from iceberg."a.b".d'}).status == 404
    answer = server.post("/v1/sql", {"query": "select * from iceberg.x.y.z.c"})
    assert answer.status == 400 and 'iceberg."a.b".t' in answer.json()["message"], answer.body
    done = subprocess.run([str(BINARY), "table", "describe", "default.x.y.z.c", "--url", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True)
    assert done.returncode == 0 and "deep" in done.stdout, done.stderr


def test_names_in_sql_are_of_any_case_unless_that_is_two_tables(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    catalog.create_namespace("default.Raw")
    for name, count in {"default.Orders": 1, "default.Raw.Clicks": 2, "default.x": 3, "default.X": 4, "default.abc": 5}.items():
        rows = pyarrow.table({"a": range(count)})
        catalog.create_table(name, schema=rows.schema).append(rows)
    count = {name: server.scalar(f"select count(*) from {name}") for name in ("iceberg.Orders", "iceberg.orders", "ICEBERG.ORDERS", '"DEFAULT".orders', "iceberg.raw.clicks", 'iceberg."RAW".CLICKS', "iceberg.x", "iceberg.X")}
    assert list(count.values()) == [1, 1, 1, 1, 2, 2, 3, 4]
    assert server.scalar("select count(*) from rows_between('iceberg.ORDERS', null, 'main')") == 1
    assert server.rows("select count(*), count(distinct o.a) from iceberg.orders o join iceberg.ORDERS p on o.a = p.a") == [(1, 1)]

    def told(name):
        answer = server.post("/v1/sql", {"query": f"select * from {name}"})
        return answer.status, answer.json()["message"]
    catalog.rename_table("default.abc", "default.Abc")
    catalog.create_table("default.aBC", schema=pyarrow.schema([("a", pyarrow.int64())]))
    status, message = told("iceberg.abc")
    assert status == 400 and "iceberg.Abc" in message and "iceberg.aBC" in message, message
    for name, meant in {"iceberg.oders": "iceberg.Orders", "orders": "iceberg.Orders", "iceberg.default.orders": "iceberg.Orders", "Raw.clicks": "iceberg.Raw.Clicks", "iceberg.clicks": "iceberg.Raw.Clicks"}.items():
        parts = name.replace("default", '"default"')
        assert told(parts) == (404, f'table "{name}" does not exist; did you mean {meant}?')
    assert told("rows_between('iceberg.oders', null, 'main')") == (404, 'table "iceberg.oders" does not exist; did you mean iceberg.Orders?')
    assert told("iceberg.Customers") == (404, 'table "iceberg.customers" does not exist')


def test_columns_that_differ_in_case_alone_are_told_apart(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    rows = pyarrow.table({"a": [1], "A": [2]})
    catalog.create_table("default.both", schema=rows.schema).append(rows)
    assert server.query("select * from iceberg.both")["data"] == [{"a": 1, "A_1": 2}]
    assert server.rows("select a_1 from iceberg.both where a = 1") == [(2,)]
    assert [row[0] for row in server.rows("describe iceberg.both")] == ["a", "A_1"]


def test_a_column_without_a_name_has_one_in_sql(server):
    fields = [("", 1, "long"), ("unnamed", 2, "string")]
    none, some = (RawTable(server.folder / f"lake/plain.tables/default/{name}", fields=fields) for name in ("none", "some"))
    some.commit(some.manifest(some.rows((7, "x"), (8, "y"))))
    assert [table.register(server, name).status for name, table in (("none", none), ("some", some))] == [200, 200]
    assert [row[0] for row in server.rows("describe iceberg.none")] == ["unnamed", "unnamed_1"]
    assert server.query("select * from iceberg.some where unnamed = 7")["data"] == [{"unnamed": 7, "unnamed_1": "x"}]


@pytest.mark.parametrize("name", ["a/b", "100%", "\u00fc.\u6f22"])
def test_views_and_pages_have_such_names_too(server, name):
    assert server.post(f"{BASE}/namespaces", {"namespace": [name]}).status == 200
    for number in range(3):
        assert server.post(tables(name), {"name": f"{name}{number}", "schema": SCHEMA}).status == 200
    version = {"version-id": 1, "timestamp-ms": 1, "schema-id": 0, "summary": {}, "default-namespace": [name],
               "representations": [{"type": "sql", "sql": "select 1", "dialect": "spark"}]}
    view = {"name": f"{name}v", "schema": SCHEMA, "view-version": version, "properties": {}}
    assert server.post(f"{BASE}/namespaces/{quoted(name)}/views", view).status == 200
    assert server.get(f"{BASE}/namespaces/{quoted(name)}/views/{quoted(name + 'v')}").status == 200
    first = server.get(f"{tables(name)}?pageSize=2").json()
    assert [one["name"] for one in first["identifiers"]] == [f"{name}0", f"{name}1"]
    rest = server.get(f"{tables(name)}?pageSize=2&pageToken={quoted(first['next-page-token'])}").json()
    assert [one["name"] for one in rest["identifiers"]] == [f"{name}2"]


@pytest.mark.parametrize("name", ["", "a\nb", "\x1f", "x" * 256])
def test_what_is_no_name_is_refused(server, name):
    assert server.post(f"{BASE}/namespaces", {"namespace": [name]}).status == 400
    assert server.post(tables("default"), {"name": name, "schema": SCHEMA}).status == 400
