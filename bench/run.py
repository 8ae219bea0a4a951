#!/usr/bin/env python3
"""Runs the measured scenarios on a release binary: one line of JSON each, also kept in bench/results/.

    bench/run.py [--short | --quick] [--table] [ingest single ...]

--short takes about ten minutes in all and is what docs/benchmarks.md is refreshed with when a machine is free only
briefly; --quick shows in two minutes that everything works. --table then writes the newest results into
docs/benchmarks.md (bench/table.py).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import scenarios
import table

HERE = pathlib.Path(__file__).resolve().parent
# How long a load lasts and how many rows are asked, by scenario.
LENGTHS = {
    "full": {"ingest": 60, "batch_ack": 60, "single": 60, "memory": 300, "plain": 10_000_000, "rows": 3_000_000, "times": 9, "restart": 3_000_000, "lake": 1_000_000},
    "short": {"ingest": 60, "batch_ack": 30, "single": 30, "memory": 90, "plain": 10_000_000, "rows": 3_000_000, "times": 5, "restart": 3_000_000, "lake": 1_000_000},
    "quick": {"ingest": 8, "batch_ack": 5, "single": 6, "memory": 20, "plain": 200_000, "rows": 300_000, "times": 3, "restart": 200_000, "lake": 100_000},
}


def loop_seconds():
    """Processor time of a fixed loop: how much slower than alone everything is just now."""
    begin = time.process_time()
    total = 0
    for i in range(3_000_000):
        total += i & 7
    return time.process_time() - begin


def revision():
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", help=" ".join(scenarios.ALL))
    parser.add_argument("--binary", type=pathlib.Path, default=HERE.parent / "build/release/tidemark")
    parser.add_argument("--seconds", type=float, help="of load, instead of each scenario's own")
    parser.add_argument("--short", action="store_true", help="ten minutes: shorter loads, fewer repetitions")
    parser.add_argument("--quick", action="store_true", help="two minutes: to see that all works; not kept, not in the table")
    parser.add_argument("--table", action="store_true", help="write the newest results into docs/benchmarks.md and README.md")
    parser.add_argument("--rate", type=float, help="events a second of batch_ack; default: half of what ingest reached")
    parser.add_argument("--store-rate", type=int, default=6_000_000, help="bytes a second that memory's store takes")
    parser.add_argument("--folder", type=pathlib.Path, help="where the data goes; default: a temporary folder")
    options = parser.parse_args()
    unknown = [name for name in options.scenarios if name not in scenarios.ALL]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    options.binary = options.binary.resolve()
    options.mode = "quick" if options.quick else "short" if options.short else "full"
    options.lengths = dict(LENGTHS[options.mode])
    if options.seconds:
        options.lengths |= {name: options.seconds for name in ("ingest", "batch_ack", "single", "memory")}
    options.results = {}
    return options


def run_one(name, options):
    """The scenario's result; one that fails does not keep the others from being measured."""
    load, loop, begin = os.getloadavg()[0], loop_seconds(), time.monotonic()
    try:
        result = scenarios.ALL[name](options)
    except AssertionError as wrong:
        result = {"wrong": str(wrong)}
    except Exception:  # noqa: BLE001  A broken scenario is a result too.
        result = {"wrong": traceback.format_exc(limit=3)}
    options.results[name] = result
    return {"scenario": name, "mode": options.mode, "time": int(time.time()), "revision": revision(), "cores": os.cpu_count(),
            "took_seconds": round(time.monotonic() - begin, 1), "load_before": round(load, 1),
            "load_after": round(os.getloadavg()[0], 1), "loop_seconds": [round(loop, 3), round(loop_seconds(), 3)], **result}


def main():
    options = parse_options()
    parent = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-bench-", dir=options.folder))
    code = 0
    try:
        for name in options.scenarios or scenarios.ALL:
            options.folder = parent / name
            options.folder.mkdir()
            result = run_one(name, options)
            if "wrong" in result:
                code = 1
            line = json.dumps(result)
            print(line, flush=True)
            if not options.quick:
                with open(HERE / "results" / f"{name}.jsonl", "a") as kept:
                    kept.write(line + "\n")
            shutil.rmtree(options.folder, ignore_errors=True)
    finally:
        shutil.rmtree(parent, ignore_errors=True)
    if options.table:
        table.refresh()
    return code


if __name__ == "__main__":
    sys.exit(main())
