"""What is measured. Each scenario checks its answers first, then returns what it measured."""
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

import duckdb
from pyiceberg.table import StaticTable

import catalog_scenarios
import peers_event
import plain_table
from server import Floor, Server

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from services import installed  # noqa: E402
from services.test_engines import PACKAGES as OUTSIDE_PACKAGES  # noqa: E402

MANY = 10**12  # Events: the time ends the run.


def lake_rows(server):
    """Rows of the table's files as PyIceberg counts them, and the files."""
    tasks = list(StaticTable.from_metadata(server.table_metadata()).scan().plan_files())
    return sum(task.file.record_count for task in tasks), [task.file.file_path.removeprefix("file://") for task in tasks]


OFFSETS_AT_ONCE = 2_000_000


def check_counts(server, accepted):
    rows, _ = lake_rows(server)
    assert rows == accepted, f"PyIceberg counts {rows} rows, {accepted} were acknowledged"
    assert server.count() == accepted
    # Offsets are dense: as many as rows between the first and the last one are each there once.
    [(first, last)] = server.rows("select min(log_offset), max(log_offset) from events")
    # In parts: a small budget has no room for the set of all of them.
    offsets = sum(server.rows(f"select count(distinct log_offset) from events where log_offset >= {begin} and log_offset < {begin + OFFSETS_AT_ONCE}")[0][0]
                  for begin in range(first, last + 1, OFFSETS_AT_ONCE))
    assert offsets == accepted and last - first + 1 == accepted, "offsets repeat"


def ingest(options):
    """Batches of 1,000, as fast as they are taken; everything counted until all is settled."""
    with Server(options.binary, options.folder / "ingest") as server:
        server.demo("--count", 20_000, "--seed", 7)
        server.settle()
        begin, cpu = time.monotonic(), server.cpu_seconds()
        report = server.demo("--seconds", options.lengths["ingest"], "--count", MANY, "--connections", 4)
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
        report = server.demo("--seconds", options.lengths["batch_ack"], "--count", MANY, "--rate", rate, "--connections", 4)
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
    """One event a request: 64 connections that wait for each answer; then 5,000 a second, open loop; then the same client against a
    server that does nothing."""
    with Server(options.binary, options.folder / "single") as server:
        # Other seeds, other ids: the same ones would be duplicates.
        server.demo("--seed", 11, "--count", 2_000, "--batch", 1, "--connections", 64)
        cpu = server.cpu_seconds()
        closed = server.demo("--seed", 12, "--seconds", options.lengths["single"] / 2, "--count", MANY, "--batch", 1, "--connections", 64)
        cpu = server.cpu_seconds() - cpu
        sync_before = sync_milliseconds(options.folder)
        opened = server.demo("--seed", 13, "--seconds", options.lengths["single"] / 2, "--count", MANY, "--batch", 1, "--connections", 16, "--rate", 5_000)
        sync = min(sync_before, sync_milliseconds(options.folder))
        server.settle()
        check_counts(server, 2_000 + closed["accepted"] + opened["accepted"])
    with Floor(options.binary, options.folder / "floor") as floor:
        nothing = floor.demo("--seed", 14, "--seconds", options.lengths["single"] / 4, "--count", MANY, "--batch", 1, "--connections", 64)
        floor_cpu = floor.cpu_seconds()
    return {"requests_per_second": closed["events_per_second"], "cpu_seconds_per_million": cpu / closed["accepted"] * 1e6,
            "client_cpu_seconds_per_million": closed["client_cpu_seconds"] / closed["accepted"] * 1e6, "ack_ms": closed["ack_ms"],
            "open_loop_ack_ms": opened["ack_ms"], "fdatasync_p50_ms": sync, "open_loop_bar_ms": 3 * sync + 0.1,
            "floor_requests_per_second": nothing["events_per_second"],
            "floor_cpu_seconds_per_million": floor_cpu / nothing["accepted"] * 1e6}


def single_segment(options):
    """One `POST /v1/track` of Segment's server SDKs a request, 64 connections that wait for each answer."""
    with Server(options.binary, options.folder / "single_segment") as server:
        server.demo("--as", "segment", "--seed", 15, "--count", 2_000, "--connections", 64)
        cpu = server.cpu_seconds()
        closed = server.demo("--as", "segment", "--seed", 16, "--seconds", options.lengths["single"] / 2, "--count", MANY, "--connections", 64)
        cpu = server.cpu_seconds() - cpu
        server.settle()
        check_counts(server, 2_000 + closed["accepted"])
        # They are what they would be for the SDK: a call's event is the type, its id the event's.
        [(calls, users)] = server.rows("select count(*) filter (properties->>'$.type' = 'track' and event_id like 'node-next-%'), count(user_id) from events")
        assert calls == users == 2_000 + closed["accepted"], f"{calls} calls of track, {users} with a user"
    return {"requests_per_second": closed["events_per_second"], "cpu_seconds_per_million": cpu / closed["accepted"] * 1e6,
            "client_cpu_seconds_per_million": closed["client_cpu_seconds"] / closed["accepted"] * 1e6, "ack_ms": closed["ack_ms"]}


# Wrapped, so that the time is the engine's and not that of printing 50,000 groups. NEWEST: the time of the newest events; SOME_ID: of one that is
# settled everywhere.
STATEMENTS = {
    "last_hour": "select event_type, count(*) from events where timestamp >= timestamptz 'NEWEST' - interval 1 hour group by 1 order by 1",
    "type_hour": "select count(*), sum(n), max(n) from (select event_type, date_trunc('hour', timestamp) as hour, count(*) as n from events "
                 "group by 1, 2)",
    "type_user": "select count(*), sum(n), round(sum(total), 2) from (select event_type, user_id, count(*) as n, sum(value) as total, "
                 "avg(value) as mean from events group by 1, 2)",
    "users_hour": "select count(*), sum(users) from (select date_trunc('hour', timestamp) as hour, count(distinct user_id) as users "
                  "from events group by 1)",
    "one_user": "select count(*), round(sum(value), 2), max(timestamp)::varchar from events where user_id = 'user_4321'",
    "one_event": "select event_type, user_id, timestamp::varchar from events where event_id = 'SOME_ID'",
}


def rounded(rows):
    """Sums of doubles depend on the order they were added in."""
    return [tuple(round(value, 1) if isinstance(value, float) else value for value in row) for row in rows]


def in_turns(sources, statement, times):
    """Median milliseconds of the statement for each source, asked one after the other, round by round, so that all meet
    the same neighbours. All answers must be the same."""
    answers = {name: rounded(ask(statement)) for name, ask in sources.items()}
    first = next(iter(answers.values()))
    for name, answer in answers.items():
        assert answer == first, f"{name}: {answer} is not {first}: {statement}"
    taken = {name: [] for name in sources}
    for _ in range(times):
        for name, ask in sources.items():
            begin = time.perf_counter()
            ask(statement)
            taken[name].append((time.perf_counter() - begin) * 1e3)
    return {name: sorted(times_of)[len(times_of) // 2] for name, times_of in taken.items()}


def duckdb_with(statement, *parameters):
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute("set timezone = 'UTC'")
    connection.execute(statement, *parameters)
    return connection


def queries(options):
    """Six statements over the same rows: all hot, half and half, all settled; DuckDB beside each, in turns."""
    rows, times = options.lengths["rows"], options.lengths["times"]
    # A fixed time of the newest events: every server gets the same rows.
    demo = ("--count", rows // 2, "--users", 10_000, "--days", 20, "--late", 0, "--connections", 1,
            "--now", newest := time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    kept = ("--memory", "30GiB", "--flush-seconds", "86400", "--flush-size", "4GB")
    parquet = options.folder / "events.parquet"
    with Server(options.binary, options.folder / "settled", *kept) as settled, \
            Server(options.binary, options.folder / "hot", *kept) as hot, \
            Server(options.binary, options.folder / "hybrid", *kept) as hybrid:
        for seed in (1, 2):
            for server in (settled, hot, hybrid):
                server.demo("--seed", seed, *demo)
            if seed == 1:
                hybrid.settle()
        settled.settle()
        check_counts(settled, rows)
        for server, route in ((settled, "batch"), (hot, "realtime"), (hybrid, "hybrid")):
            assert server.query("select count(*) from events")["route"] == route
        _, files = lake_rows(settled)
        native = duckdb_with("create table events as select * from read_parquet($files) order by log_offset", {"files": files})
        native.execute(f"copy (select * from events order by timestamp) to '{parquet}' (format parquet)")
        plain = duckdb_with(f"create view events as from read_parquet('{parquet}')")
        asker = lambda connection: lambda statement: connection.execute(statement).fetchall()
        sources = {"hot": hot.rows, "native": asker(native), "settled": settled.rows, "plain": asker(plain), "hybrid": hybrid.rows}
        [(some_id,)] = native.execute("select event_id from events where log_offset = ?", [rows // 3]).fetchall()
        result = {"rows": rows, "files": len(files)}
        for key, statement in STATEMENTS.items():
            ms = in_turns(sources, statement.replace("NEWEST", newest).replace("SOME_ID", some_id), times)
            for place, peer in (("hot", "native"), ("settled", "plain"), ("hybrid", "settled")):
                result[f"{key}_{place}"] = {"ms": ms[place], "peer_ms": ms[peer], "ratio": ms[place] / ms[peer]}
        return result


KEPT_STATEMENTS = {
    "group_by_path": "select properties->>'$.category' as v, count(*) from events group by 1 order by 2 desc, 1 limit 20",
    "filter_by_path": "select count(*) from events where (properties->>'$.category') = 'toys'",
    "sum_of_path": "select sum((properties->>'$.price')::double) from events",
}


def kept(options):
    """Questions about paths of properties: typed copies against JSON text, and what the copies cost."""
    rows, times = min(options.lengths["rows"], 1_000_000), options.lengths["times"]
    result, answers = {"rows": rows}, {}
    for name, most in (("text", 0), ("kept", 200)):
        settings = ("--memory", "30GiB", "--flush-seconds", "86400", "--flush-size", "4GB", "-X", f"flush.kept_paths={most}")
        with Server(options.binary, options.folder / name, *settings) as server:
            server.demo("--count", rows, "--seed", 1, "--users", 10_000, "--days", 20, "--late", 0, "--connections", 1)
            before = server.cpu_seconds()
            server.settle()
            result[name] = {"settle_cpu_seconds": round(server.cpu_seconds() - before, 2)}
            _, files = lake_rows(server)
            result[name]["file_bytes"] = sum(os.path.getsize(file) for file in files)
            for key, statement in KEPT_STATEMENTS.items():
                found = rounded(server.rows(statement))
                assert answers.setdefault(key, found) == found, f"{key}: {found} is not {answers[key]}"
                taken = []
                for _ in range(times):
                    begin = time.perf_counter()
                    server.rows(statement)
                    taken.append((time.perf_counter() - begin) * 1e3)
                result[name][f"{key}_ms"] = round(sorted(taken)[len(taken) // 2], 2)
    return result


def send_narrow(server, count, drawn=False):
    """Bytes of the bodies."""
    raw = 0
    for body in peers_event.bodies(count, drawn=drawn):
        status, answer = server.request("POST", "/v1/events", body)
        assert status == 202, answer
        raw += len(body)
    return raw


def bytes_an_event(options, server, count):
    """Of the settled narrow events: our files, and DuckDB's of the columns that were sent."""
    _, files = lake_rows(server)
    peer = options.folder / "peer.parquet"
    columns = ", ".join(peers_event.COLUMNS)
    duckdb_with(f"copy (select {columns} from read_parquet($files) order by timestamp) to '{peer}' (format parquet)", {"files": files})
    return {"files": len(files), "bytes_an_event": sum(os.path.getsize(file) for file in files) / count,
            "duckdb_bytes_an_event": os.path.getsize(peer) / count}


def lake(options):
    """A log of the peers' narrow events becomes an Iceberg table: processor time from the start of a server that finds the log until all is
    settled, and what the files weigh; DuckDB's Parquet of the same columns beside it. A quarter as many with values that are drawn."""
    events = options.lengths["lake"]
    kept = ("--memory", "30GiB", "--flush-seconds", "86400", "--flush-size", "4GB")
    folder = options.folder / "lake"
    with Server(options.binary, folder, *kept) as server:
        raw = send_narrow(server, events)
        assert server.query("select count(*) from events")["route"] == "realtime"
        taken = server.cpu_seconds()
    with Server(options.binary, folder, *kept) as server:
        server.settle()
        moved = server.cpu_seconds()
        check_counts(server, events)
        mib = raw / 2**20
        result = {"events": events, "raw_bytes_an_event": raw / events, "log_to_lake_cpu_seconds": moved, "mib_a_core_second": mib / moved,
                  "mib_a_core_second_from_the_door": mib / (taken + moved), **bytes_an_event(options, server, events)}
    with Server(options.binary, options.folder / "drawn", *kept) as server:
        send_narrow(server, events // 4, drawn=True)
        server.settle()
        check_counts(server, events // 4)
        return result | {f"drawn_{name}": value for name, value in bytes_an_event(options, server, events // 4).items()}


def commit(options):
    """The lake's own program: commits to a table of 10,000 files, 500 snapshots."""
    tool = options.binary.parent / "tests" / "lake_tool"
    assert tool.exists(), f"{tool} is not built"
    folder = options.folder / "commit"
    folder.mkdir()
    done = subprocess.run([str(tool), "bench", str(folder)], capture_output=True, text=True, check=True)
    first = re.search(r"commit 1-100, wall: p50 ([\d.]+) ms", done.stdout)
    last = re.search(r"commit 501-600, wall: p50 ([\d.]+) ms, p99 ([\d.]+) ms, max ([\d.]+) ms", done.stdout)
    table = re.search(r"(\d+) files, (\d+) manifests, (\d+) snapshots", done.stdout)
    assert first and last and table, done.stdout
    return {"p50_ms": float(last[1]), "max_ms": float(last[3]), "first_p50_ms": float(first[1]), "files": int(table[1]),
            "manifests": int(table[2]), "snapshots": int(table[3]), "lines": done.stdout.splitlines()}


def restart(options):
    """Killed with 1 GiB of log not settled; the time until it is ready again."""
    events = options.lengths["restart"]
    kept = ("--memory", "30GiB", "--flush-seconds", "86400", "--flush-size", "4GB")
    summary = "select event_type, count(*), round(sum(value), 1) from events group by 1 order by 1"
    with Server(options.binary, options.folder / "restart", *kept) as server:
        report = server.demo("--count", events, "--connections", 2)
        assert server.query("select count(*) from events")["route"] == "realtime"
        before = server.rows(summary)
    with Server(options.binary, options.folder / "restart", *kept) as server:
        assert server.count() == report["accepted"]
        assert server.rows(summary) == before
        log = server.log_line("recovered")
        return {"events": events, "log_bytes": log["bytes"], "replay_seconds": log["seconds"],
                "ready_seconds": server.ready_seconds, "cpu_seconds": server.ready_cpu_seconds}


def visible(options):
    """Each acknowledged batch is asked for at once, while others are sent."""
    checks, missing = (50 if options.quick else 300), 0
    with Server(options.binary, options.folder / "visible") as server:
        load = server.demo("--seconds", 3600, "--count", MANY, "--rate", 20_000, "--connections", 2, wait=False)
        try:
            for i in range(checks):
                body = json.dumps([{"event_type": "probe", "user_id": f"probe_{i}"} for _ in range(10)])
                status, answer = server.request("POST", "/v1/events", body)
                assert status == 202, answer
                [[found]] = server.rows(f"select count(*) from events where user_id = 'probe_{i}'")
                missing += found != 10
        finally:
            load.kill()
            load.wait()
    assert missing == 0, f"{missing} of {checks} batches were not visible"
    return {"checks": checks, "missing": missing}


WIDE = ("select user_id, session_id, event_type, count(*), sum(value), max(timestamp), min(page_url) from events group by all "
        "order by 4 desc, 1, 2, 3 limit 10")


class Prober(threading.Thread):
    """Sends one event after the other and notes what the door says: 202, or 503 with Retry-After."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.stopped = server, threading.Event()
        self.answers, self.without_retry_after, self.slowest_ms = {}, 0, 0.0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=600)
        while not self.stopped.wait(0.02):
            begin = time.perf_counter()
            connection.request("POST", "/v1/events", json.dumps({"event_type": "probe", "user_id": "prober"}))
            response = connection.getresponse()
            response.read()
            self.slowest_ms = max(self.slowest_ms, (time.perf_counter() - begin) * 1e3)
            self.answers[response.status] = self.answers.get(response.status, 0) + 1
            self.without_retry_after += response.status == 503 and not response.getheader("Retry-After")

    def stop(self):
        self.stopped.set()
        self.join()


def memory(options):
    """1 GiB, a store three times too slow, eight wide group-bys at a time: nothing acknowledged is lost."""
    seconds = options.lengths["memory"]
    stop, failed, asked = threading.Event(), [], {}
    with Server(options.binary, options.folder / "memory", "--memory", "1GiB", "--store-rate", str(options.store_rate)) as server:
        def ask():
            while not stop.is_set():
                status, body = server.request("POST", "/v1/sql", json.dumps({"query": WIDE}))
                asked[status] = asked.get(status, 0) + 1
                if status not in (200, 503, 507):
                    failed.append(body[:300].decode(errors="replace"))
                    stop.wait(0.1)

        askers = [threading.Thread(target=ask) for _ in range(8)]
        prober = Prober(server)
        for thread in (*askers, prober):
            thread.start()
        report = server.demo("--seconds", seconds, "--count", MANY, "--connections", 4)
        settled = server.metric("tidemark_settled_events_total")
        stop.set()
        prober.stop()
        for asker in askers:
            asker.join()
        peak = server.memory_bytes()
        server.settle()
        accepted = report["accepted"] + prober.answers.get(202, 0)
        check_counts(server, accepted)
        assert prober.without_retry_after == 0, "503 without Retry-After"
        return {"budget_mib": 1024, "seconds": seconds, "peak_mib": server.memory_bytes() / 2**20, "peak_under_load_mib": peak / 2**20,
                "accepted": accepted, "refused_then_retried": report["retried"], "ack_ms": report["ack_ms"],
                "probes": prober.answers, "probe_slowest_ms": prober.slowest_ms, "settled_under_load": settled,
                "overload": (report["accepted"] + 1_000 * report["retried"]) / max(1, settled),
                "queries": {str(status): count for status, count in asked.items()}, "unexpected": failed[:3]}


def plain(options):
    """43 questions over ten million rows that PyIceberg imported: ours, DuckDB on the files, DuckDB's extension."""
    rows, times = options.lengths["plain"], min(3, options.lengths["times"])
    python = installed.python("engines", OUTSIDE_PACKAGES)
    with Server(options.binary, options.folder / "plain", "--memory", "8GiB") as server:
        uri = f"http://127.0.0.1:{server.port}/iceberg"
        files = plain_table.fill(uri, rows)
        peer = duckdb_with(f"create view t as from read_parquet({files!r})")
        extension = plain_table.Extension(python, uri)

        def ours(statement):
            begin = time.perf_counter()
            answer = server.query(statement.replace("from t", 'from "default".hits'))
            ms = (time.perf_counter() - begin) * 1e3
            return plain_table.rounded(plain_table.typed(answer)), ms

        def on_files(statement):
            begin = time.perf_counter()
            found = peer.execute(statement).fetchall()
            return plain_table.rounded(found), (time.perf_counter() - begin) * 1e3

        askers = {"ours": ours, "files": on_files, "extension": extension}
        taken = {name: [] for name in askers}
        for statement in plain_table.QUESTIONS:
            best = dict.fromkeys(askers, float("inf"))
            for _ in range(times):
                answers = {}
                for name, ask in askers.items():
                    answers[name], ms = ask(statement)
                    best[name] = min(best[name], ms)
                assert answers["ours"] == answers["files"] == answers["extension"], f"{statement}: {answers}"
            for name, ms in best.items():
                taken[name].append(ms)
        extension.close()
        ratio = {name: [mine / other for mine, other in zip(taken["ours"], taken[name], strict=True)] for name in ("files", "extension")}
        return {"rows": rows, "files": len(files), "bytes": sum(os.path.getsize(file) for file in files),
                "seconds": {name: sum(ms) / 1e3 for name, ms in taken.items()},
                "geometric_mean_ratio": {name: statistics.geometric_mean(one) for name, one in ratio.items()},
                "slowest_ratio": {name: max(one) for name, one in ratio.items()},
                "ms": {name: [round(one, 1) for one in ms] for name, ms in taken.items()}}


ALL = {"ingest": ingest, "batch_ack": batch_ack, "single": single, "single_segment": single_segment,
       "visible": visible, "queries": queries, "lake": lake, "commit": commit,
       "restart": restart, "memory": memory, "kept": kept, "plain": plain, **catalog_scenarios.ALL}
