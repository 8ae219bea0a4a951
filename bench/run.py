#!/usr/bin/env python3
"""Runs the measured scenarios on a release binary: one line of JSON each, also kept in bench/results/.

    bench/run.py --binary build/release/tidemark [--quick] [--seconds 60] [ingest single ...]
"""
import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

import scenarios

HERE = pathlib.Path(__file__).resolve().parent


def loop_seconds():
    """Processor time of a fixed loop: how much slower than alone everything is just now."""
    begin = time.process_time()
    total = 0
    for i in range(3_000_000):
        total += i & 7
    return time.process_time() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", help=" ".join(scenarios.ALL))
    parser.add_argument("--binary", type=pathlib.Path, default=HERE.parent / "build/release/tidemark")
    parser.add_argument("--seconds", type=float, help="of load in each scenario (60; with --quick 10)")
    parser.add_argument("--quick", action="store_true", help="shorter, fewer rows: to see that all works")
    parser.add_argument("--rate", type=float, help="events a second of batch_ack; default: half of what ingest reached")
    parser.add_argument("--store-rate", type=int, default=6_000_000, help="bytes a second that memory's store takes")
    parser.add_argument("--folder", type=pathlib.Path, help="where the data goes; default: a temporary folder")
    options = parser.parse_args()
    unknown = [name for name in options.scenarios if name not in scenarios.ALL]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    options.binary = options.binary.resolve()
    options.seconds = options.seconds or (10 if options.quick else 60)
    options.results = {}
    parent = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-bench-", dir=options.folder))
    code = 0
    try:
        for name in options.scenarios or scenarios.ALL:
            options.folder = parent / name
            options.folder.mkdir()
            load, loop = os.getloadavg()[0], loop_seconds()
            try:
                result = scenarios.ALL[name](options)
            except AssertionError as wrong:
                result, code = {"wrong": str(wrong)}, 1
            options.results[name] = result
            line = json.dumps({"scenario": name, "quick": options.quick, "time": int(time.time()), "cores": os.cpu_count(),
                               "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1),
                               "loop_seconds": [round(loop, 3), round(loop_seconds(), 3)], **result})
            print(line, flush=True)
            with open(HERE / "results" / f"{name}.jsonl", "a") as kept:
                kept.write(line + "\n")
            shutil.rmtree(options.folder, ignore_errors=True)
    finally:
        shutil.rmtree(parent, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
