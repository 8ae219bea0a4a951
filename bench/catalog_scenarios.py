"""What outside engines meet: commits through the REST catalog, plans of large tables, deletes of others. As in scenarios.py each checks
its answers first."""
import json
import os
import pathlib
import time
import urllib.parse

import duckdb
import pyarrow
from pyiceberg.catalog import load_catalog
from pyiceberg.manifest import DataFile

from server import Server

ROW = {"event_type": "outside", "project_id": "default"}
EVENTS = "/iceberg/v1/namespaces/default/tables/events"


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def outside_table(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    return catalog, catalog.load_table("default.events")


def rows_of(table, first, count):
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    rows = [{**ROW, "event_id": f"o{n}", "timestamp": now, "received_at": now} for n in range(first, first + count)]
    names = [field.name for field in table.schema().fields]
    text = pyarrow.Table.from_pylist([{name: row.get(name) for name in names} for row in rows],
                                     schema=pyarrow.schema([(name, pyarrow.string() if name in rows[0] else field.type)
                                                            for name, field in zip(names, table.schema().as_arrow())]))
    return text.cast(table.schema().as_arrow())


def linked(file, number):
    """Another name for the same bytes: a file of a table that nobody had to write."""
    other = DataFile(*file._data)
    other[1] = file.file_path.replace(".parquet", f"-{number}.parquet")
    other.spec_id = file.spec_id
    os.link(urllib.parse.urlparse(file.file_path).path, urllib.parse.urlparse(other[1]).path)
    return other


def grow(table, files, batch=500):
    """As many files, in a commit for each batch, as another engine adds them."""
    table.append(rows_of(table, 0, 1))
    [file] = [task.file for task in table.refresh().scan(row_filter="event_type == 'outside'").plan_files()]
    for first in range(1, files, batch):
        with table.transaction() as transaction, transaction.update_snapshot().fast_append() as append:
            for number in range(first, min(first + batch, files)):
                append.append_data_file(linked(file, number))


def outside_commit(options):
    """Commits of one row by PyIceberg to a managed table of 10,000 files: what the request takes, and the whole append."""
    files, commits = (1_000, 10) if options.quick else (10_000, 60)
    with Server(options.binary, options.folder / "outside") as server:
        server.request("POST", "/v1/events", json.dumps([{"event_type": "first"}]))
        server.settle()
        catalog, table = outside_table(server)
        grow(table, files)
        requests, appends = [], []

        def note(response, *_, **__):
            if response.request.method == "POST" and response.request.path_url.endswith("/tables/events"):
                assert response.status_code == 200, response.text
                requests.append(response.elapsed.total_seconds() * 1e3)

        catalog._session.hooks["response"].append(note)
        for number in range(commits):
            rows = rows_of(table, files + number, 1)
            begin = time.perf_counter()
            table.append(rows)
            appends.append((time.perf_counter() - begin) * 1e3)
        assert server.count() == 1 + files + commits
        status, proof = server.request("POST", "/v1/verify", "")
        assert status == 200 and json.loads(proof)["ok"], proof
        return {"files": files, "commits": len(requests), "p50_ms": percentile(requests, 0.5), "p99_ms": percentile(requests, 0.99),
                "append_p50_ms": percentile(appends, 0.5)}


def plan_once(server, request):
    """Milliseconds until the answers of a whole plan, the plan and its tasks, are there; those that decoding them takes; its files."""
    waited = decoded = count = 0

    def post(path, body):
        nonlocal waited, decoded, count
        begin = time.perf_counter()
        status, text = server.request("POST", f"{EVENTS}/{path}", json.dumps(body))
        answered = time.perf_counter()
        assert status == 200, text
        answer = json.loads(text)
        waited += answered - begin
        decoded += time.perf_counter() - answered
        count += len(answer["file-scan-tasks"])
        return answer

    for task in post("plan", request).get("plan-tasks", []):
        post("tasks", {"plan-task": task})
    return waited * 1e3, decoded * 1e3, count


def plan(options):
    """Plans over 13,000 files: of all of them, and of the one that a filter leaves; the first after a start is cold."""
    files = 1_000 if options.quick else 13_000
    one = {"filter": {"type": "eq", "term": "event_type", "value": "first"}}
    with Server(options.binary, options.folder / "plan") as server:
        server.request("POST", "/v1/events", json.dumps([{"event_type": "first"}]))
        server.settle()
        _, table = outside_table(server)
        grow(table, files)
    with Server(options.binary, options.folder / "plan") as server:
        assert server.count() == 1 + files  # The server's own index, loaded at the start.
        cold_ms, _, count = plan_once(server, {})
        assert count == 1 + files, count
        warm = [plan_once(server, {}) for _ in range(options.lengths["times"])]
        narrow = [plan_once(server, one) for _ in range(options.lengths["times"])]
        assert {count for _, _, count in warm} == {1 + files} and {count for _, _, count in narrow} == {1}
        sql = []
        for _ in range(options.lengths["times"]):
            begin = time.perf_counter()
            assert server.rows("select count(*) from events where event_type = 'first'") == [(1,)]
            sql.append((time.perf_counter() - begin) * 1e3)
        return {"files": 1 + files, "cold_ms": cold_ms, "warm_ms": percentile([ms for ms, _, _ in warm], 0.5),
                "decode_ms": percentile([ms for _, ms, _ in warm], 0.5),
                "filtered_ms": percentile([ms for ms, _, _ in narrow], 0.5), "sql_ms": percentile(sql, 0.5)}


def outside_duckdb(server):
    connection = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        folder = pathlib.Path(__import__(f"duckdb_extension_{name}").__file__).parent
        connection.execute(f"LOAD '{next(folder.rglob('*.duckdb_extension'))}'")
    connection.execute(f"ATTACH 'tidemark' AS ice (TYPE iceberg, ENDPOINT 'http://127.0.0.1:{server.port}/iceberg', AUTHORIZATION_TYPE 'none')")
    return connection


QUESTION = "select event_type, count(*), round(sum(value), 1), max(timestamp)::varchar from events group by 1 order by 1"


def deletes(options):
    """A scan of settled rows before and after DuckDB has deleted one in twenty by position: up to 50,000."""
    rows, times = min(options.lengths["rows"], 1_000_000), options.lengths["times"]
    kept = ("--memory", "8GiB", "--flush-seconds", "86400", "--flush-size", "4GB")
    with Server(options.binary, options.folder / "deletes", *kept) as server:
        server.demo("--count", rows, "--seed", 1, "--days", 2, "--late", 0, "--connections", 1)
        server.settle()
        _, table = outside_table(server)
        with table.transaction() as transaction:
            transaction.set_properties({"write.delete.mode": "merge-on-read"})

        def median():
            taken = []
            for _ in range(times):
                begin = time.perf_counter()
                server.rows(QUESTION)
                taken.append((time.perf_counter() - begin) * 1e3)
            return percentile(taken, 0.5)

        before = server.rows(QUESTION)
        without_ms = median()
        begin = time.perf_counter()
        outside_duckdb(server).execute('DELETE FROM ice."default".events WHERE log_offset % 20 = 0')
        delete_seconds = time.perf_counter() - begin
        gone = rows - server.count()
        assert gone == (rows + 19) // 20, gone
        assert server.rows("select count(*) from events where log_offset % 20 = 0") == [(0,)]
        assert sum(row[1] for row in before) - gone == sum(row[1] for row in server.rows(QUESTION))
        with_ms = median()
        return {"rows": rows, "deleted": gone, "without_ms": without_ms, "with_ms": with_ms, "ratio": with_ms / without_ms,
                "delete_seconds": delete_seconds}


ALL = {"outside_commit": outside_commit, "plan": plan, "deletes": deletes}
