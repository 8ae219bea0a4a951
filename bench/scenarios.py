"""What is measured. Each scenario checks its answers first, then returns what it measured."""
import json
import os
import pathlib
import subprocess
import threading
import time

import duckdb
from pyiceberg.table import StaticTable

from server import Server

MANY = 10**12  # Events: the time ends the run.


def lake_rows(server):
    """Rows of the table's files as PyIceberg counts them, and the files."""
    tasks = list(StaticTable.from_metadata(server.table_metadata()).scan().plan_files())
    return sum(task.file.record_count for task in tasks), [task.file.file_path.removeprefix("file://") for task in tasks]


def check_counts(server, accepted):
    rows, _ = lake_rows(server)
    assert rows == accepted, f"PyIceberg counts {rows} rows, {accepted} were acknowledged"
    assert server.count() == accepted
    [[offsets]] = server.rows("select count(distinct log_offset) from events")
    assert offsets == accepted, "offsets repeat"


def ingest(options):
    """Batches of 1,000, as fast as they are taken; everything counted until all is settled."""
    with Server(options.binary, options.folder / "ingest") as server:
        server.demo("--count", 20_000, "--seed", 7)
        server.settle()
        begin, cpu = time.monotonic(), server.cpu_seconds()
        report = server.demo("--seconds", options.seconds, "--count", MANY, "--connections", 4)
        sent = time.monotonic()
        cpu_sent = server.cpu_seconds()
        server.settle()
        cpu_settled, settled = server.cpu_seconds(), time.monotonic()
        check_counts(server, report["accepted"] + 20_000)
        million = report["accepted"] / 1e6
        return {"events": report["accepted"], "events_per_second": report["events_per_second"],
                "cpu_seconds_per_million": (cpu_settled - cpu) / million, "cpu_seconds_per_million_at_ack": (cpu_sent - cpu) / million,
                "client_cpu_seconds_per_million": report["client_cpu_seconds"] / million, "ack_ms": report["ack_ms"],
                "seconds": sent - begin, "settle_seconds": settled - sent, "memory_mib": server.memory_bytes() / 2**20}


def batch_ack(options):
    """Batches of 1,000 at a rate that does not wait for answers: half of what ingest reached."""
    rate = options.rate or max(50_000, options.results.get("ingest", {}).get("events_per_second", 200_000) / 2)
    with Server(options.binary, options.folder / "batch_ack") as server:
        report = server.demo("--seconds", options.seconds, "--count", MANY, "--rate", rate, "--connections", 4)
        server.settle()
        check_counts(server, report["accepted"])
        return {"rate": rate, "events_per_second": report["events_per_second"], "ack_ms": report["ack_ms"]}


def sync_milliseconds(folder, count=500):
    """Median of pwrite and fdatasync of 4 KiB into a preallocated file, right here and now."""
    path = folder / "sync"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(file, 0, 4096 * count)
        block, taken = os.urandom(4096), []
        for i in range(count):
            os.pwrite(file, block, 4096 * i)
        os.fsync(file)
        for i in range(count):
            begin = time.perf_counter()
            os.pwrite(file, block, 4096 * i)
            os.fdatasync(file)
            taken.append((time.perf_counter() - begin) * 1e3)
        return sorted(taken)[count // 2]
    finally:
        os.close(file)
        path.unlink()


def single(options):
    """One event a request: 64 connections that wait for each answer; then 5,000 a second, open loop."""
    with Server(options.binary, options.folder / "single") as server:
        server.demo("--count", 2_000, "--batch", 1, "--connections", 64)
        cpu = server.cpu_seconds()
        closed = server.demo("--seconds", options.seconds / 2, "--count", MANY, "--batch", 1, "--connections", 64)
        cpu = server.cpu_seconds() - cpu
        sync_before = sync_milliseconds(options.folder)
        opened = server.demo("--seconds", options.seconds / 2, "--count", MANY, "--batch", 1, "--connections", 16, "--rate", 5_000)
        sync = min(sync_before, sync_milliseconds(options.folder))
        server.settle()
        check_counts(server, 2_000 + closed["accepted"] + opened["accepted"])
        return {"requests_per_second": closed["events_per_second"], "cpu_seconds_per_million": cpu / closed["accepted"] * 1e6,
                "client_cpu_seconds_per_million": closed["client_cpu_seconds"] / closed["accepted"] * 1e6, "ack_ms": closed["ack_ms"],
                "open_loop_ack_ms": opened["ack_ms"], "fdatasync_p50_ms": sync,
                "open_loop_bar_ms": 3 * sync + 0.1}


# Wrapped, so that the time is the engine's and not that of printing 50,000 groups.
STATEMENTS = {
    "type_user": "select count(*), sum(n), round(sum(total), 2) from (select event_type, user_id, count(*) as n, sum(value) as total, "
                 "avg(value) as mean from events group by 1, 2)",
    "users_hour": "select count(*), sum(users) from (select date_trunc('hour', timestamp) as hour, count(distinct user_id) as users "
                  "from events group by 1)",
    "one_user": "select count(*), round(sum(value), 2), max(timestamp)::varchar from events where user_id = 'user_4321'",
}


def median_ms(run, times):
    run()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        taken.append((time.perf_counter() - begin) * 1e3)
    return sorted(taken)[len(taken) // 2]


def rounded(rows):
    """Sums of doubles depend on the order they were added in."""
    return [tuple(round(value, 1) if isinstance(value, float) else value for value in row) for row in rows]


def measure(name, run_ours, run_theirs, result, times):
    """Ours and theirs in turns, so that both meet the same neighbours."""
    for key, statement in STATEMENTS.items():
        if run_theirs:
            mine, reference = rounded(run_ours(statement)), rounded(run_theirs(statement))
            assert mine == reference, f"{key} {name}: {mine} is not {reference}"
        ours = median_ms(lambda: run_ours(statement), times)
        entry = {"ms": ours}
        if run_theirs:
            theirs = median_ms(lambda: run_theirs(statement), times)
            ours = min(ours, median_ms(lambda: run_ours(statement), times))
            entry = {"ms": ours, "duckdb_ms": theirs, "ratio": ours / theirs}
        result[f"{key}_{name}"] = entry


def queries(options):
    """Three statements over 3 M rows: all hot, half and half, all settled; DuckDB beside each."""
    rows, times = (600_000 if options.quick else 3_000_000), (5 if options.quick else 9)
    result = {"rows": rows}
    demo = ("--users", 10_000, "--days", 20, "--late", 0, "--connections", 2)
    kept = ("--memory", "30GiB", "--flush-seconds", "86400", "--flush-size", "4GB")
    parquet, native = options.folder / "events.parquet", duckdb.connect()
    native.execute("set threads = 2")
    native.execute("set timezone = 'UTC'")
    # The same rows twice: the settled half of a second server is the first half of the first.
    with Server(options.binary, options.folder / "queries", *kept) as server:
        server.demo("--count", rows // 2, "--seed", 1, *demo)
        server.demo("--count", rows // 2, "--seed", 2, *demo)
        ours = lambda statement: server.rows(statement)
        assert server.query("select count(*) from events")["route"] == "realtime"
        hot = {key: rounded(ours(statement)) for key, statement in STATEMENTS.items()}
        measure("hot", ours, None, result, times)
        server.settle()
        check_counts(server, rows)
        _, files = lake_rows(server)
        result["files"] = len(files)
        for key, statement in STATEMENTS.items():
            assert rounded(ours(statement)) == hot[key], f"{key} changed when it was settled"
        native.execute("create table events as select * from read_parquet($files) order by log_offset", {"files": files})
        native.execute(f"copy (select * from events order by timestamp) to '{parquet}' (format parquet)")
        ask = lambda connection: lambda statement: connection.execute(statement).fetchall()
        for key, statement in STATEMENTS.items():
            theirs = median_ms(lambda: ask(native)(statement), times)
            entry = result[f"{key}_hot"]
            entry |= {"duckdb_ms": theirs, "ratio": entry["ms"] / theirs}
        plain = duckdb.connect()
        plain.execute("set threads = 2")
        plain.execute("set timezone = 'UTC'")
        plain.execute(f"create view events as from read_parquet('{parquet}')")
        measure("settled", ours, ask(plain), result, times)
    with Server(options.binary, options.folder / "hybrid", *kept) as server:
        server.demo("--count", rows // 2, "--seed", 1, *demo)
        server.settle()
        server.demo("--count", rows // 2, "--seed", 2, *demo)
        ours = lambda statement: server.rows(statement)
        assert server.query("select count(*) from events")["route"] == "hybrid"
        for key, statement in STATEMENTS.items():
            ms = median_ms(lambda: ours(statement), times)
            result[f"{key}_hybrid"] = {"ms": ms, "ratio": ms / result[f"{key}_settled"]["ms"]}
    return result


def commit(options):
    """The lake's own program: commits to a table of 10,000 files, 500 snapshots."""
    tool = options.binary.parent / "tests" / "lake_tool"
    if not tool.exists():
        return {"skipped": f"{tool} is not built"}
    folder = options.folder / "commit"
    folder.mkdir()
    done = subprocess.run([str(tool), "bench", str(folder)], capture_output=True, text=True, check=True)
    return {"lines": done.stdout.splitlines()}


def log_bytes(folder):
    return sum(path.stat().st_size for path in (pathlib.Path(folder) / "log").glob("**/*") if path.is_file())


def restart(options):
    """Killed with 1 GiB of log not settled; the time until it is ready again."""
    events = 200_000 if options.quick else 3_000_000
    kept = ("--memory", "30GiB", "--flush-seconds", "86400", "--flush-size", "4GB")
    with Server(options.binary, options.folder / "restart", *kept) as server:
        report = server.demo("--count", events, "--connections", 2)
        assert server.query("select count(*) from events")["route"] == "realtime"
        before = server.rows("select event_type, count(*), round(sum(value), 1) from events group by 1 order by 1")
    with Server(options.binary, options.folder / "restart", *kept) as server:
        assert server.count() == report["accepted"]
        assert server.rows("select event_type, count(*), round(sum(value), 1) from events group by 1 order by 1") == before
        lines = [line for line in server.folder.with_suffix(".stderr").read_text().splitlines() if "recovered" in line]
        return {"events": events, "log": lines[-1:], "ready_seconds": server.ready_seconds, "cpu_seconds": server.cpu_seconds()}


WIDE = ("select user_id, session_id, event_type, count(*), sum(value), max(timestamp), min(page_url) from events group by all "
        "order by 4 desc, 1, 2, 3 limit 10")


def memory(options):
    """1 GiB, a store three times too slow, eight wide group-bys at a time: nothing acknowledged is lost."""
    seconds = 30 if options.quick else 300
    stop, failed, asked = threading.Event(), [], {}
    with Server(options.binary, options.folder / "memory", "--memory", "1GiB", "--store-rate", str(options.store_rate)) as server:
        def ask():
            while not stop.is_set():
                status, body = server.request("POST", "/v1/sql", json.dumps({"query": WIDE}))
                asked[status] = asked.get(status, 0) + 1
                if status not in (200, 503, 507):
                    failed.append(body[:300])

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        report = server.demo("--seconds", seconds, "--count", MANY, "--connections", 4)
        stop.set()
        for asker in askers:
            asker.join()
        peak = server.memory_bytes()
        server.settle()
        check_counts(server, report["accepted"])
        return {"budget_mib": 1024, "peak_mib": peak / 2**20, "peak_after_settle_mib": server.memory_bytes() / 2**20,
                "share": server.memory_bytes() / 2**30, "accepted": report["accepted"], "refused_then_retried": report["retried"],
                "queries": asked, "unexpected": failed[:3]}


ALL = {"ingest": ingest, "batch_ack": batch_ack, "single": single, "queries": queries, "commit": commit, "restart": restart, "memory": memory}
