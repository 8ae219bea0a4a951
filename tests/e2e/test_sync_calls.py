"""What a commit names is on disk before the commit: the sync calls of the real server, recorded.

Simulation cannot see a writer that makes no sync call at all. A library that is preloaded into the
server (tests/support/sync_recorder.c) writes down every write, sync, rename and mkdir in order. For
each metadata file whose name goes into the catalog's database, it, its manifest lists, manifests and
data files, and the folders that lead to them, must have been synced after they last changed.
"""
import collections
import json
import pathlib

import pytest
from pyiceberg.table import StaticTable

from support.server import BINARY, Tidemark

RECORDER = BINARY.resolve().parent / "tests" / "libsync_recorder.so"
EVENTS = [json.dumps({"event_type": f"t{n % 3}", "user_id": f"u{n}", "timestamp": time, "properties": {"n": n}}).encode()
          for n, time in enumerate(["2026-01-05T10:00:00Z", "2025-01-05T10:00:00Z", None, "2026-01-05T11:00:00Z"] * 5)]


class Record:
    """The calls of a server, and what was wrong at the moments when commits became durable."""

    def __init__(self, lines):
        self.lines = lines
        self.writes, self.syncs, self.made = (collections.defaultdict(list) for _ in range(3))
        self.commits = {}  # Name of a metadata file -> place of the write that names it.
        for at, line in enumerate(lines):
            call, path, *more = line.split(" ")
            if call == "rename":  # The new name has the bytes and syncs of the old.
                for calls in (self.writes, self.syncs):
                    calls[more[0]] = calls.pop(path, [])
            elif call == "names":
                self.commits.setdefault(pathlib.PurePath(more[0]).name, at)
            else:
                {"write": self.writes, "sync": self.syncs, "mkdir": self.made}[call][path].append(at)

    def synced_between(self, path, first, last):
        return any(first < at < last for at in self.syncs[path])

    def missing(self, path, root, commit):
        """What of `path` and its folders below `root` was not durable at the place `commit`."""
        written = [at for at in self.writes[path] if at < commit]
        if not written:
            return [f"{path} was not written by the server"]
        found = [] if self.synced_between(path, written[-1], commit) else [f"{path} was not synced"]
        child, made = path, written[0]
        while child != root:
            folder = str(pathlib.PurePath(child).parent)
            if not self.synced_between(folder, made, commit):
                found.append(f"{folder} was not synced after {child} was made")
            child, made = folder, self.made[folder][0] if self.made[folder] else -1
        return found

    def complaints(self, tables, root):
        found = []
        for metadata in tables:
            commit = self.commits.get(metadata.name)
            if commit is None:
                found.append(f"{metadata.name} was never committed")
                continue
            for path in named_by(metadata):
                found += self.missing(path, root, commit)
        return found


def path_of(uri):
    return uri.removeprefix("file://")


def named_by(metadata):
    """The paths of a metadata file and of all files that its current snapshot is made of."""
    yield str(metadata)
    table = StaticTable.from_metadata(f"file://{metadata}")
    snapshot = table.current_snapshot()
    if snapshot is None:
        return
    yield path_of(snapshot.manifest_list)
    for manifest in snapshot.manifests(table.io):
        yield path_of(manifest.manifest_path)
        for entry in manifest.fetch_manifest_entry(table.io):
            yield path_of(entry.data_file.file_path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A server that has settled several times, for two projects; its record and its tables."""
    folder = tmp_path_factory.mktemp("sync").resolve()
    server = Tidemark(folder / "data", "--flush-seconds", "86400")
    server.environment = {"LD_PRELOAD": str(RECORDER), "SYNC_RECORD": str(folder / "record")}
    with server:
        for project in ("default", "other"):
            for event in EVENTS[:10:2]:
                assert server.post("/v1/events", event, {"X-Tidemark-Project": project}).status == 202
                server.settle()
    lines = (folder / "record").read_text().splitlines()
    tables = sorted((folder / "data" / "lake").rglob("*.metadata.json"))
    return lines, tables, str(folder / "data")


def test_every_file_that_a_commit_names_was_synced_before_it(recorded):
    lines, tables, root = recorded
    record = Record(lines)
    assert len(tables) >= 10 and set(record.commits) >= {one.name for one in tables}
    assert record.complaints(tables, root) == []


def test_every_commit_of_the_catalog_is_synced(recorded):
    lines, _, root = recorded
    record = Record(lines)
    for name, commit in record.commits.items():
        assert record.synced_between(f"{root}/meta.db-wal", commit, len(lines)), name


def kinds_of_files(tables):
    paths = list(named_by(tables[-1]))
    folders = {str(pathlib.PurePath(path).parent) for path in paths}
    manifests = [path for path in paths if path.endswith(".avro")]
    return {"metadata": paths[0], "list": manifests[0], "manifest": manifests[-1], "data": paths[-1], "folder": max(folders)}


@pytest.mark.parametrize("kind", ["metadata", "list", "manifest", "data", "folder"])
def test_a_missing_sync_call_is_found(recorded, kind):
    lines, tables, root = recorded
    path = kinds_of_files(tables)[kind]
    without = [line for line in lines if line != f"sync {path}"]
    assert len(without) < len(lines)
    assert any(path in complaint for complaint in Record(without).complaints(tables, root))
