"""The tests and planted bugs that docs/invariants.md names are there."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_every_invariant_names_tests_and_bugs_that_are_there():
    rows = [line.split("|")[1:5] for line in (ROOT / "docs/invariants.md").read_text().splitlines() if re.match(r"\| H\d+ ", line)]
    assert [row[0].strip() for row in rows] == [f"H{n}" for n in range(1, 29)]
    faults = (ROOT / "src/env/faults.h").read_text()
    for name, _, tests, bugs in rows:
        for bug in re.findall(r"`(\w+)`", bugs):
            assert re.search(rf"^  {bug},", faults, re.M), (name, bug)
        for path, names in re.findall(r"`([^`]+\.(?:cc|py))` ([^;`|]*)", tests):
            source = (ROOT / path).read_text()
            found = re.findall(r"\b(test_\w+|[A-Z]\w*[a-z]\w*[A-Z]\w*)\b", names)
            assert found, (name, path)
            for test in found:
                assert re.search(rf"(def |, ){test}\b", source), (name, path, test)
