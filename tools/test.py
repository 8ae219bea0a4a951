#!/usr/bin/env python3
"""Runs the tests of a build and ends with one line: `N passed, N failed`.

Counts GoogleTest cases and pytest cases, not binaries. --only unit,sim,... picks kinds, --folder
picks one folder's unit tests.
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Kinds of pytest, in lanes that run beside each other: one test with its server keeps one core busy, and there are two.
LANES = [["e2e"], ["sql", "sdk", "crash", "data", "services"]]
# Each of hundreds of servers has a log of some 130 MB: only what failed is worth its place.
PYTEST_OPTIONS = ["-o", "tmp_path_retention_policy=failed", "-o", "tmp_path_retention_count=1"]


def programs(build):
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True, check=True)
    for test in json.loads(shown.stdout)["tests"]:
        labels = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
        yield test["name"], test["command"], (labels or [["unit"]])[0]


def tally(report):
    """passed, failed, skipped of a JUnit-like XML report"""
    root = xml.parse(report).getroot()
    suites = [root] if root.tag == "testsuite" else list(root.iter("testsuite"))
    total = sum(int(s.get("tests", 0)) for s in suites)
    failed = sum(int(s.get("failures", 0)) + int(s.get("errors", 0)) for s in suites)
    skipped = sum(int(s.get("skipped", 0)) for s in suites)
    skipped += sum(int(s.get("disabled", 0)) for s in suites)
    return total - failed - skipped, failed, skipped


def run(name, command, report, out=None):
    start = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT if out else None).returncode
    if report.exists():
        passed, failed, skipped = tally(report)
    else:
        passed, failed, skipped = 0, 0, 0
    if status != 0 and failed == 0:
        failed = 1  # It died before it could say so.
    said = ""
    if out:
        out.seek(0)
        said = out.read()
    print(f"{said}  {name}: {passed} passed, {failed} failed, {skipped} skipped in {time.monotonic() - start:.1f} s", flush=True)
    return passed, failed, skipped


def run_pytest(kind, reports):
    """One kind; what it says is shown when it is over, so that lanes do not mix."""
    report = reports / f"{kind}.xml"
    pytest = [str(ROOT / ".venv/bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *PYTEST_OPTIONS, f"tests/{kind}"]
    with tempfile.TemporaryFile("w+") as out:
        return run(kind, [*pytest, f"--junitxml={report}"], report, out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/dev")
    parser.add_argument("--only", default="")
    parser.add_argument("--folder", default="")
    arguments = parser.parse_args()
    wanted = set(filter(None, arguments.only.split(",")))
    sums = [0, 0, 0]

    def add(result):
        for i, n in enumerate(result):
            sums[i] += n

    with tempfile.TemporaryDirectory() as folder:
        reports = pathlib.Path(folder)
        for name in ("layers", "tidy"):
            if subprocess.run([sys.executable, f"tools/{name}.py"], cwd=ROOT).returncode != 0:
                sums[1] += 1
        for name, command, labels in programs(arguments.build):
            if wanted and not wanted & set(labels):
                continue
            if arguments.folder and name != f"tm_{arguments.folder}_test":
                continue
            report = reports / f"{name}.xml"
            add(run(name, [*command, f"--gtest_output=xml:{report}"], report))
        lanes = [] if arguments.folder else [[kind for kind in lane if not wanted or kind in wanted] for lane in LANES]
        with concurrent.futures.ThreadPoolExecutor(len(LANES)) as pool:
            for results in pool.map(lambda lane: [run_pytest(kind, reports) for kind in lane], lanes):
                for result in results:
                    add(result)
    print(f"{sums[0]} passed, {sums[1]} failed" + (f", {sums[2]} skipped" if sums[2] else ""))
    return 1 if sums[1] or not sums[0] else 0


if __name__ == "__main__":
    sys.exit(main())
