"""PyIceberg and DuckDB commit to the table that the server feeds, while it feeds it: what they append is there, what they delete is
gone, every event of the server that nobody deleted is there once, for SQL, for them and for `verify`."""
import json
import os
import pathlib
import subprocess
import threading

import pytest

from services import installed
from services.test_engines import PACKAGES
from support.server import Tidemark

# Between flushes: an engine that commits has to come in between.
PAUSE_SECONDS = 2
TESTS = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


class Engine:
    """An engine's process: `do` runs one step and returns its result, `refused` returns its error."""

    def __init__(self, python, name, server):
        self.server = server
        command = [python, TESTS / "services/managed.py", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "ignore"})
        assert self.read() == "ready"

    def read(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()[-3000:]
        return json.loads(line)

    def ask(self, step, **arguments):
        self.process.stdin.write(json.dumps({"uri": f"http://127.0.0.1:{self.server.port}/iceberg", "step": step, **arguments}) + "\n")
        self.process.stdin.flush()
        return self.read()

    def do(self, step, **arguments):
        answer = self.ask(step, **arguments)
        assert "error" not in answer, f"{step}: {answer['error']}"
        return answer["result"]

    def refused(self, step, **arguments):
        answer = self.ask(step, **arguments)
        assert "error" in answer, f"{step} was not refused: {answer}"
        return answer["error"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    with Tidemark(tmp_path / "data") as running:
        yield running


@pytest.fixture
def pyiceberg(server, python):
    send(server, 0, 60)
    server.settle()
    with Engine(python, "pyiceberg", server) as engine:
        yield engine


def send(server, first, count):
    events = [{"event_id": f"e{n}", "event_type": ("view", "click", "buy")[n % 3]} for n in range(first, first + count)]
    answer = server.post("/v1/events", events)
    assert answer.status in (200, 202), answer.body


def types(server):
    return dict(server.rows("select event_type, count(*) from events group by all order by all"))


def agree(server, engine, changed=False):
    """SQL, the other engine and the ledger have the same rows."""
    server.settle()
    ours = sorted(server.rows("select event_id, event_type, log_offset from events"), key=repr)
    theirs = sorted((tuple(row) for row in engine.do("rows")), key=repr)
    assert [tuple(row) for row in ours] == theirs
    proof = server.verify()
    assert proof["ok"], proof
    assert bool(proof["projects"][0]["changed_by_others"]) == changed, proof
    assert proof["projects"][0]["lake_rows"] == len(ours)
    assert all(engine.do("offsets"))
    return proof["projects"][0]


def test_append_is_seen_by_the_next_statement(server, pyiceberg):
    pyiceberg.do("append", first=0, count=30, event_type="foreign")
    assert types(server) == {"buy": 20, "click": 20, "foreign": 30, "view": 20}
    send(server, 60, 30)
    assert types(server) == {"buy": 30, "click": 30, "foreign": 30, "view": 30}
    proof = agree(server, pyiceberg)
    assert (proof["foreign_rows"], proof["erased_rows"]) == (30, 0)
    server.kill()
    server.start()
    assert types(server) == {"buy": 30, "click": 30, "foreign": 30, "view": 30}


def test_rows_deleted_by_others_stay_gone(server, pyiceberg):
    send(server, 60, 3)  # Hot: later than the statement.
    pyiceberg.do("delete", where="event_type == 'view'")
    assert types(server) == {"buy": 21, "click": 21, "view": 1}
    proof = agree(server, pyiceberg, changed=True)
    assert proof["erased_rows"] == 20
    server.kill()
    server.start()
    assert types(server) == {"buy": 21, "click": 21, "view": 1}
    # Their ids are still known.
    send(server, 0, 3)
    assert types(server) == {"buy": 21, "click": 21, "view": 1}


def test_rewritten_files_keep_every_event_once(server, pyiceberg):
    pyiceberg.do("append", first=0, count=10, event_type="foreign")
    pyiceberg.do("overwrite_with_itself")
    send(server, 60, 30)
    proof = agree(server, pyiceberg)  # Not changed: counts and hashes are those of the ledger.
    assert (proof["foreign_rows"], proof["erased_rows"]) == (10, 0)
    pyiceberg.do("upsert", event_ids=["foreign-3", "new-1"])
    assert types(server) == {"buy": 30, "click": 30, "foreign": 9, "upserted": 2, "view": 30}
    agree(server, pyiceberg)


def test_columns_of_others_do_not_stop_the_feed(server, pyiceberg):
    pyiceberg.do("add_column", name="note")
    send(server, 60, 30)
    agree(server, pyiceberg)
    pyiceberg.do("append", first=0, count=5, event_type="foreign")
    pyiceberg.do("note", event_ids=["e1", "e2"], note="seen")
    send(server, 90, 30)  # Hot rows have none.
    assert server.rows("select event_id, note from events where note is not null order by 1") == [("e1", "seen"), ("e2", "seen")]
    assert server.rows("select count(*), count(note), max(note) from events") == [(125, 2, "seen")]
    pyiceberg.do("rename_column", name="note", to="remark")
    assert server.scalar("select count(remark) from events") == 2
    agree(server, pyiceberg)  # What is the server's of those rows has not changed.
    pyiceberg.do("drop_column", name="remark")
    agree(server, pyiceberg)


def test_branches_tags_and_history(server, pyiceberg):
    first = pyiceberg.do("head")
    pyiceberg.do("tag", name="before")
    pyiceberg.do("branch", name="audit")
    pyiceberg.do("append_branch", branch="audit", count=7)
    assert "branch" not in types(server)  # Only main is the table.
    send(server, 60, 30)
    server.settle()
    pyiceberg.do("append", first=0, count=5, event_type="foreign")
    send(server, 90, 30)
    agree(server, pyiceberg)
    assert pyiceberg.do("expire") > 0
    agree(server, pyiceberg)
    refused = pyiceberg.refused("set_main", snapshot=12345)
    assert "unknown snapshot" in refused
    assert pyiceberg.do("head") != first


def test_rollback_keeps_the_floor(server, pyiceberg):
    first = pyiceberg.do("head")
    send(server, 60, 30)
    server.settle()
    send(server, 90, 9)  # Hot, and later than what is rolled back.
    pyiceberg.do("set_main", snapshot=first)
    assert server.scalar("select count(*) from events") == 60 + 9
    proof = agree(server, pyiceberg, changed=True)
    assert (proof["settled"], proof["erased_rows"]) == (99, 30)
    server.kill()
    server.start()
    send(server, 99, 1)
    assert server.scalar("select count(*) from events") == 60 + 9 + 1
    agree(server, pyiceberg, changed=True)


def test_what_would_break_the_table_is_refused(server, pyiceberg):
    for step, arguments, rule in [
            ("drop_column", {"name": "event_id"}, "G10"), ("rename_column", {"name": "user_id", "to": "uid"}, "G10"),
            ("set_property", {"key": "tidemark.ingest.offsets", "value": "{}"}, "G9"), ("set_property", {"key": "gc.enabled", "value": "true"}, "G9"),
            ("copy_of_events", {"event_type": "view"}, "log_offset"), ("add_column", {"name": "Event_Id"}, "G10")]:
        assert rule in pyiceberg.refused(step, **arguments), step
    pyiceberg.do("set_property", key="owner", value="data team")
    agree(server, pyiceberg)
    assert types(server) == {"buy": 20, "click": 20, "view": 20}


def test_commits_of_others_amid_ingest_and_flushes(server, pyiceberg):
    stop = threading.Event()
    sent = [60]

    def ingest():
        while not stop.is_set():
            send(server, sent[0], 30)
            sent[0] += 30
            server.settle()
            stop.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=ingest)
    thread.start()
    try:
        for n in range(6):
            pyiceberg.do("append", first=10 * n, count=10, event_type="foreign")
        pyiceberg.do("delete", where="event_type == 'foreign' and event_id != 'foreign-7'")
        pyiceberg.do("tag", name="amid")
        pyiceberg.do("add_column", name="note")
    finally:
        stop.set()
        thread.join()
    proof = agree(server, pyiceberg)
    assert (proof["ledger_rows"], proof["foreign_rows"]) == (sent[0], 1)


def test_duckdb(server, pyiceberg, python):
    table = 'ice."default".events'
    columns = "event_id, event_type, timestamp, received_at, project_id"
    # DuckDB deletes by position only; the table's default is to rewrite files.
    pyiceberg.do("set_property", key="write.delete.mode", value="merge-on-read")
    with Engine(python, "duckdb", server) as duckdb:
        duckdb.do("sql", statement=f"INSERT INTO {table} ({columns}) SELECT 'd' || n, 'duck', TIMESTAMPTZ '2026-03-01 00:00:00Z' + to_hours(n % 5),"
                  " now(), 'default' FROM range(20) t(n)")
        assert types(server) == {"buy": 20, "click": 20, "duck": 20, "view": 20}
        agree(server, pyiceberg)
        duckdb.do("sql", statement=f"DELETE FROM {table} WHERE event_type = 'view' OR event_id IN ('d3', 'e1')")
        assert types(server) == {"buy": 20, "click": 19, "duck": 19}
        proof = agree(server, pyiceberg, changed=True)
        assert (proof["foreign_rows"], proof["erased_rows"]) == (19, 21)
        duckdb.do("sql", statement=f"UPDATE {table} SET country = 'XX' WHERE event_type = 'buy'")
        assert server.rows("select country, count(*) from events where event_type = 'buy' group by 1") == [("XX", 20)]
        send(server, 60, 30)
        agree(server, pyiceberg, changed=True)
        # Late events are in partitions of other specs: for these 1.5.5 writes delete files that other engines would read in another way.
        server.post("/v1/events", [{"event_id": f"late{n}", "event_type": "late", "timestamp": f"2020-0{n}-01T00:00:00Z"} for n in (1, 2, 3)])
        server.settle()
        assert "duckdb-iceberg#1274" in duckdb.refused("sql", statement=f"DELETE FROM {table} WHERE event_type IN ('late', 'click')")
        assert types(server) == {"buy": 30, "click": 29, "duck": 19, "late": 3, "view": 10}
        agree(server, pyiceberg, changed=True)
        assert duckdb.do("sql", statement=f"SELECT count(*) FROM {table}") == [[91]]
    server.kill()
    server.start()
    assert types(server) == {"buy": 30, "click": 29, "duck": 19, "late": 3, "view": 10}
