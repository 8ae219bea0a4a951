"""Soak: for a while the server ingests and settles while PyIceberg, DuckDB and (with TM_NIGHTLY) Spark append to the events table, delete from
it, rewrite it and change its columns. At every look all engines and `verify` agree on counts and hashes, at the same snapshot.

TM_SOAK_SECONDS says how long: 180 in the ordinary run, 3,600 by `make soak SECONDS=3600`.
"""
import contextlib
import os
import random
import threading
import time

from services import installed
from services.engines import content
from services.outside import Spark
from services.test_engines import PACKAGES
from services.test_managed_tables import Engine
from support.server import Tidemark

SECONDS = float(os.environ.get("TM_SOAK_SECONDS", 180))
SEED = int(os.environ.get("TM_SOAK_SEED", 1))
NIGHTLY = bool(os.environ.get("TM_NIGHTLY"))
LOOK_SECONDS = 10
BATCH = 100
PAUSE_SECONDS = 0.2
COLUMNS = "event_id, event_type, log_offset"
DUCK = 'ice."default".events'


def send(server, first):
    events = [{"event_id": f"e{n}", "event_type": ("view", "click", "buy")[n % 3], "user_id": f"u{n % 50}"} for n in range(first, first + BATCH)]
    answer = server.post("/v1/events", events)
    assert answer.status in (200, 202), answer.body


class Ingest(threading.Thread):
    """Numbered events until a time: `sent` of them were acknowledged. Not longer: an engine that rewrites what grows faster than it writes would
    lose every race."""

    def __init__(self, server, sent, until):
        super().__init__()
        self.server, self.until, self.stop, self.sent, self.failed = server, until, threading.Event(), sent, None

    def run(self):
        try:
            while time.monotonic() < self.until and not self.stop.wait(PAUSE_SECONDS):
                send(self.server, self.sent)
                self.sent += BATCH
        except Exception as error:  # Told to the test when it joins.
            self.failed = error


class Others:
    """What other engines do, at random. `erased`: events of the server that they have deleted; `theirs`: rows of their own."""

    def __init__(self, dice, pyiceberg, duckdb, spark):
        self.dice, self.pyiceberg, self.duckdb, self.spark = dice, pyiceberg, duckdb, spark
        self.erased, self.theirs, self.columns, self.number, self.done = set(), set(), [], 0, {}
        self.acts = [self.append, self.delete_theirs, self.delete_events, self.rewrite, self.evolve, self.duck_append, self.duck_delete]
        if spark:
            self.acts += [self.spark_append, self.spark_delete, self.spark_rewrite]

    def act(self, settled):
        name = self.dice.choice(self.acts)
        name(settled)
        self.done[name.__name__] = self.done.get(name.__name__, 0) + 1

    def fresh(self, count=10):
        first, self.number = self.number, self.number + count
        return range(first, self.number)

    def append(self, _):
        numbers = self.fresh()
        self.pyiceberg.do("append", first=numbers.start, count=len(numbers), event_type="py")
        self.theirs |= {f"py-{n}" for n in numbers}

    def some(self, names, count=5):
        return self.dice.sample(sorted(names), min(count, len(names)))

    @staticmethod
    def quoted(names):
        return "(" + ", ".join(f"'{name}'" for name in names) + ")"

    def delete_theirs(self, _):
        gone = self.some(self.theirs)
        if gone:
            self.pyiceberg.do("delete", where=f"event_id in {self.quoted(gone)}")
            self.theirs -= set(gone)

    def old(self, settled):
        """Events that are settled for sure and still there."""
        return [name for name in (f"e{self.dice.randrange(settled)}" for _ in range(3)) if name not in self.erased] if settled else []

    def delete_events(self, settled):
        gone = self.old(settled)
        if gone:
            self.pyiceberg.do("delete", where=f"event_id in {self.quoted(gone)}")
            self.erased |= set(gone)

    def rewrite(self, _):
        """A compaction of what has one type."""
        self.pyiceberg.do("rewrite", event_type=self.dice.choice(("view", "click", "buy", "py", "duck")))

    def evolve(self, _):
        if len(self.columns) < 3:
            self.columns.append(f"note{self.number}")
            self.number += 1
            self.pyiceberg.do("add_column", name=self.columns[-1])
        else:
            self.pyiceberg.do("drop_column", name=self.columns.pop(0))

    def duck_append(self, _):
        numbers = self.fresh()
        self.duckdb.do("sql", statement=f"INSERT INTO {DUCK} (event_id, event_type, timestamp, received_at, project_id) SELECT 'duck-' || n, 'duck', "
                       f"now(), now(), 'default' FROM range({numbers.start}, {numbers.stop}) t(n)")
        self.theirs |= {f"duck-{n}" for n in numbers}

    def duck_delete(self, settled):
        gone = self.some(self.theirs, 2) + self.old(settled)
        if gone:
            self.duckdb.do("sql", statement=f"DELETE FROM {DUCK} WHERE event_id IN {self.quoted(gone)}")
            self.theirs -= set(gone)
            self.erased |= {name for name in gone if name.startswith("e")}

    def spark_append(self, _):
        numbers = self.fresh()
        self.spark.rows("INSERT INTO `default`.events (event_id, event_type, timestamp, received_at, project_id) SELECT concat('spark-', id), 'spark', "
                        f"now(), now(), 'default' FROM range({numbers.start}, {numbers.stop})")
        self.theirs |= {f"spark-{n}" for n in numbers}

    def spark_delete(self, settled):
        gone = self.some(self.theirs, 2) + self.old(settled)
        if gone:
            self.spark.rows(f"DELETE FROM `default`.events WHERE event_id IN {self.quoted(gone)}")
            self.theirs -= set(gone)
            self.erased |= {name for name in gone if name.startswith("e")}

    def spark_rewrite(self, _):
        self.spark.rows("CALL tidemark.system.rewrite_data_files(table => 'default.events', options => map('min-input-files', '2'))")


def look(server, others, sent):
    """Nobody acts meanwhile: all settled, all engines read the one snapshot, and the model says what must be there."""
    server.settle()
    snapshot = server.get("/iceberg/v1/namespaces/default/tables/events").json()["metadata"]["current-snapshot-id"]
    ours = sorted(server.rows(f"select {COLUMNS} from events"), key=repr)
    expected = sorted([f"e{n}" for n in range(sent) if f"e{n}" not in others.erased] + list(others.theirs))
    assert sorted(row[0] for row in ours) == expected
    hashed = content(ours)
    assert content(others.pyiceberg.do("rows", snapshot=snapshot)) == hashed
    assert content(others.duckdb.do("sql", statement=f"SELECT {COLUMNS} FROM {DUCK} AT (VERSION => {snapshot})")) == hashed
    if others.spark:
        assert content(others.spark.rows(f"SELECT {COLUMNS} FROM `default`.events VERSION AS OF {snapshot}")) == hashed
    proof = server.verify()
    assert proof["ok"], proof
    project = proof["projects"][0]
    assert (project["lake_rows"], project["foreign_rows"]) == (len(ours), len(others.theirs)), project
    return snapshot, hashed


def look_back(server, looks, others):
    """What was seen at a snapshot is what it says later."""
    for snapshot, hashed in looks[-5:]:
        assert content(server.rows(f"select {COLUMNS} from events at (version => {snapshot})")) == hashed
        assert content(others.pyiceberg.do("rows", snapshot=snapshot)) == hashed


def run_for(server, others, deadline, sent):
    """Ingest and commits of others at once until the deadline; returns how many events there are."""
    ingest = Ingest(server, sent, deadline)
    ingest.start()
    try:
        while time.monotonic() < deadline:
            others.act(sent)
    finally:
        ingest.stop.set()
        ingest.join()
    assert ingest.failed is None, ingest.failed
    return ingest.sent


def test_everybody_agrees_all_the_time(tmp_path):
    python = installed.python("engines", PACKAGES)
    with Tidemark(tmp_path / "data", "--flush-seconds", "3") as server, Engine(python, "pyiceberg", server) as pyiceberg, \
            Engine(python, "duckdb", server) as duckdb, contextlib.ExitStack() as more:
        spark = more.enter_context(Spark(server, "", tmp_path)) if NIGHTLY else None
        others = Others(random.Random(SEED), pyiceberg, duckdb, spark)
        send(server, 0)
        server.settle()
        pyiceberg.do("set_property", key="write.delete.mode", value="merge-on-read")
        for kind in ("delete", "update"):  # What comes in meanwhile is not meant: else these lose every race against the feed.
            pyiceberg.do("set_property", key=f"write.{kind}.isolation-level", value="snapshot")
        sent, looks, deadline = BATCH, [], time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            sent = run_for(server, others, min(time.monotonic() + LOOK_SECONDS, deadline), sent)
            looks.append(look(server, others, sent))
        look_back(server, looks, others)
        print(f"seed {SEED}: {len(looks)} looks, {sent} events, {others.done}")
        assert sum(others.done.values()) >= len(looks)
