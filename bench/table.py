#!/usr/bin/env python3
"""Writes the newest results of bench/results/ into the table of docs/benchmarks.md: every row of the promised numbers,
misses included; and a few of them into README.md.

    bench/table.py            refresh the documents
    bench/table.py --print    print the table
"""
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENT, README = HERE.parent / "docs/benchmarks.md", HERE.parent / "README.md"
# What a stranger asks first, good and bad: scenario, and words of its row.
IN_README = (("ingest", "durable JSON ingest"), ("batch_ack", "batch acknowledgement"), ("single", "single durable POST, 64"), ("visible", "visible in SQL"),
             ("queries", "hot: type x hour"), ("queries", "settled: type x user"), ("restart", "restart"), ("memory", "memory"), ("plain", "plain table"))
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
STATEMENTS = {"last_hour": "last hour by type", "type_hour": "type x hour", "type_user": "type x user", "users_hour": "distinct users an hour", "one_user": "one user",
              "one_event": "one event by its id"}


def newest(scenario):
    """The last line that holds a result; nothing if there is none."""
    path = HERE / "results" / f"{scenario}.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    good = [line for line in lines if not line.get("quick") and line.get("mode") != "quick"]
    return good[-1] if good else None


def verdict(met):
    return "met" if met else "**missed**"


def ingest(r):
    cpu, rate = r["cpu_seconds_per_million"], r["events_per_second"]
    yield ("durable JSON ingest, batches of 1,000, all counted until settled",
           "<= 3 server CPU-s a million; >= 200 k/s",
           f"{verdict(cpu <= 3)}: {cpu:.2f} CPU-s ({r['cpu_seconds_per_million_at_ack']:.2f} at the last acknowledgement); "
           f"{verdict(rate >= 200e3)}: {rate / 1e3:.0f} k/s over {r['seconds']:.0f} s; client {r['client_cpu_seconds_per_million']:.2f} CPU-s")


def batch_ack(r):
    ack = r["ack_ms"]
    yield ("batch acknowledgement, open loop at half of that load", "p50 <= 3 ms, p99 <= 15 ms",
           f"{verdict(ack['p50'] <= 3)}: p50 {ack['p50']:.1f} ms; {verdict(ack['p99'] <= 15)}: p99 {ack['p99']:.1f} ms "
           f"at {r['rate'] / 1e3:.0f} k/s")


def single(r):
    rate, cpu, bar = r["requests_per_second"], r["cpu_seconds_per_million"], r["open_loop_bar_ms"]
    opened = r["open_loop_ack_ms"]
    floor = "" if "floor_requests_per_second" not in r else (
        f"; a server that does nothing, same client: {r['floor_requests_per_second'] / 1e3:.1f} k/s, {r['floor_cpu_seconds_per_million']:.1f} CPU-s")
    yield ("single durable POST, 64 connections", ">= 50 k/s, <= 12 CPU-s a million",
           f"{verdict(rate >= 50e3)}: {rate / 1e3:.1f} k/s; {verdict(cpu <= 12)}: {cpu:.1f} CPU-s (client "
           f"{r['client_cpu_seconds_per_million']:.1f}){floor}")
    yield ("single durable POST, 5 k/s open loop",
           f"p50 <= 3x fdatasync + 0.1 ms = {bar:.2f} ms (fdatasync {r['fdatasync_p50_ms']:.2f} ms, same minute)",
           f"{verdict(opened['p50'] <= bar)}: p50 {opened['p50']:.2f} ms, p99 {opened['p99']:.1f} ms")


def single_segment(r):
    rate = r["requests_per_second"]
    yield ("single durable POST of Segment's `track`, 64 connections", ">= 40 k/s",
           f"{verdict(rate >= 40e3)}: {rate / 1e3:.1f} k/s, {r['cpu_seconds_per_million']:.1f} CPU-s a million (client "
           f"{r['client_cpu_seconds_per_million']:.1f}); p50 {r['ack_ms']['p50']:.2f} ms, p99 {r['ack_ms']['p99']:.1f} ms")


def visible(r):
    yield ("acknowledged -> visible in SQL", "0 (always)",
           f"{verdict(r['missing'] == 0)}: {r['missing']} of {r['checks']:,} acknowledged batches were not there when asked at once")


def queries(r):
    for place, bar, peer in (("hot", 1.2, "DuckDB, native table"), ("settled", 1.2, "DuckDB, plain Parquet"),
                             ("hybrid", 1.3, "all settled")):
        for key, name in STATEMENTS.items():
            one = r.get(f"{key}_{place}")
            if one is None:  # Not asked yet when this was measured.
                yield f"{r['rows'] / 1e6:.1f} M rows, {place}: {name}", f"<= {bar}x {peer}", "not measured yet"
                continue
            other = one.get("peer_ms", one.get("duckdb_ms"))
            beside = f" ({peer} {other:.1f} ms)" if other is not None else ""
            yield (f"{r['rows'] / 1e6:.1f} M rows, {place}: {name}", f"<= {bar}x {peer}",
                   f"{verdict(one['ratio'] <= bar)}: {one['ms']:.1f} ms, {one['ratio']:.2f}x{beside}")


def lake(r):
    rate, size = r["mib_a_core_second"], r["bytes_an_event"]
    yield (f"log to Iceberg, raw JSON, {r['events'] / 1e6:.1f} M events of {r['raw_bytes_an_event']:.0f} B", ">= 100 MiB/s a core",
           f"{verdict(rate >= 100)}: {rate:.0f} MiB a CPU-s from a server's start on the log until all is settled; "
           f"{r['mib_a_core_second_from_the_door']:.0f} with taking them as well")
    yield ("bytes an event on disk, the same events", "<= 21",
           f"{verdict(size <= 21)}: {size:.1f} (DuckDB's Parquet of the 15 columns that were sent {r['duckdb_bytes_an_event']:.1f})"
           + (f"; values drawn, not in turn: {r['drawn_bytes_an_event']:.1f} ({r['drawn_duckdb_bytes_an_event']:.1f})" if "drawn_bytes_an_event" in r else ""))


def commit(r):
    if "p50_ms" not in r:
        return
    large = r["files"] >= 10_000 and r["manifests"] >= 20 and r["snapshots"] >= 500
    yield (f"commit to a table of {r['files']:,} files in {r['manifests']} manifests, {r['snapshots']} snapshots"
           + ("" if large else " (smaller than promised)"),
           "p50 <= 20 ms, flat with history",
           f"{verdict(r['p50_ms'] <= 20)}: p50 {r['p50_ms']:.1f} ms, {r['first_p50_ms']:.1f} ms when the table was new; "
           f"the longest (it merges manifests) {r['max_ms']:.0f} ms")


def restart(r):
    yield (f"restart with {r.get('log_bytes', 1.1e9) / 2**30:.2f} GiB of log not settled ({r['events'] / 1e6:.1f} M events)", "<= 10 s",
           f"{verdict(r['ready_seconds'] <= 10)}: {r['ready_seconds']:.1f} s, {r['cpu_seconds']:.1f} CPU-s")


def memory(r):
    share = r["peak_mib"] / r["budget_mib"]
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(r["queries"].items()))
    yield (f"memory: budget {r['budget_mib']} MiB, store {r.get('overload', 3):.1f}x too slow, 8 wide group-bys, {r.get('seconds', 0):.0f} s",
           "VmHWM <= budget + 10 %; 503 + Retry-After; nothing lost",
           f"{verdict(share <= 1.1 and not r['unexpected'])}: {share * 100:.0f} % ({r['peak_mib']:.0f} MiB); "
           f"{r['accepted']:,} accepted and found, {r['refused_then_retried']} x 503; queries {answers}")


def outside_commit(r):
    yield (f"commit of another engine through REST, table of {r['files']:,} files", "p50 <= 20 ms",
           f"{verdict(r['p50_ms'] <= 20)}: the request p50 {r['p50_ms']:.1f} ms, p99 {r['p99_ms']:.1f} ms; PyIceberg's whole append "
           f"{r['append_p50_ms']:.0f} ms")


def plan(r):
    yield (f"plan over {r['files']:,} files through REST", "warm <= 100 ms, cold <= 1 s",
           f"{verdict(r['warm_ms'] <= 100)}: warm {r['warm_ms']:.0f} ms with all tasks (and {r['decode_ms']:.0f} ms in which the client reads "
           f"their JSON), {r['filtered_ms']:.0f} ms of one file; "
           f"{verdict(r['cold_ms'] <= 1_000)}: cold {r['cold_ms']:.0f} ms; SQL's own {r['sql_ms']:.0f} ms")


def deletes(r):
    yield (f"{r['rows'] / 1e6:.1f} M settled rows, {r['deleted']:,} of them deleted by position", "<= 3x without",
           f"{verdict(r['ratio'] <= 3)}: {r['ratio']:.2f}x, {r['with_ms']:.0f} ms (without {r['without_ms']:.0f} ms)")


def plain(r):
    mean, seconds = r["geometric_mean_ratio"], r["seconds"]
    yield (f"{r['rows'] / 1e6:.0f} M rows of a plain table, 43 questions", "<= 1.1x DuckDB on the same files; faster than its extension",
           f"{verdict(mean['files'] <= 1.1)}: {mean['files']:.2f}x in the geometric mean (slowest {r['slowest_ratio']['files']:.2f}x); "
           f"{verdict(mean['extension'] < 1)}: {mean['extension']:.2f}x the extension; all 43: {seconds['ours']:.1f} s, files "
           f"{seconds['files']:.1f} s, extension {seconds['extension']:.1f} s")


ROWS = {"ingest": ingest, "batch_ack": batch_ack, "single": single, "single_segment": single_segment,
        "visible": visible, "queries": queries, "lake": lake, "commit": commit,
        "restart": restart, "memory": memory, "outside_commit": outside_commit, "plan": plan, "deletes": deletes, "plain": plain}


def lines():
    yield "| what | bar | measured | load | scenario |"
    yield "| --- | --- | --- | --- | --- |"
    for scenario, rows in ROWS.items():
        result = newest(scenario)
        if result is None:
            yield f"| {scenario} | | not measured yet | | `{scenario}` |"
            continue
        if "wrong" in result:
            yield f"| {scenario} | | **wrong answer**: {' '.join(result['wrong'].split())[:200]} | | `{scenario}` |"
            continue
        when = time.strftime("%d %b %H:%M", time.gmtime(result["time"]))
        load = f"{result['load_before']}-{result['load_after']} ({when})"
        for what, bar, measured in rows(result):
            yield f"| {what} | {bar} | {measured} | {load} | `{scenario}` |"


def readme_lines():
    yield "| what | bar | measured | `.venv/bin/python bench/run.py` |"
    yield "| --- | --- | --- | --- |"
    for scenario, words in IN_README:
        result = newest(scenario)
        if result is None or "wrong" in result:
            continue  # docs/benchmarks.md says so.
        when = time.strftime("%d %b", time.gmtime(result["time"]))
        for what, bar, measured in ROWS[scenario](result):
            if words in what:
                yield f"| {what} | {bar} | {measured} ({when}) | `{scenario}` |"


def put(document, table):
    text = document.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    document.write_text(text[:begin] + "\n" + "\n".join(table) + "\n" + text[end:])


def refresh():
    put(DOCUMENT, lines())
    put(README, readme_lines())


if __name__ == "__main__":
    if "--print" in sys.argv:
        print("\n".join(lines()))
    else:
        refresh()
