"""The past of events: by snapshot, time, tag and receipt; what appends added between two snapshots."""
import json
import subprocess

import pytest

from support.server import BINARY


def send(server, *ids):
    lines = "\n".join(json.dumps({"event_id": name, "event_type": "t", "timestamp": "2024-01-01T00:00:00Z"}) for name in ids)
    answer = server.post("/v1/events", lines, {"Content-Type": "application/x-ndjson"})
    assert answer.status == 202, answer.body
    return answer.headers["X-Tidemark-Receipt"]


def ids(server, relation="events", **options):
    return "".join(row[0] for row in server.rows(f"select event_id from {relation} order by event_id", **options))


@pytest.fixture
def past(server):
    """a and b settled, c settled, d hot: two snapshots and their times."""
    server.receipts = [send(server, "a", "b")]
    server.settle()
    server.receipts.append(send(server, "c"))
    server.cut = server.query("select count(*) from events")["receipt"]
    server.settle()
    server.receipts.append(send(server, "d"))
    server.snapshots = server.rows("select snapshot_id, committed_at from system.snapshots order by sequence_number")
    assert len(server.snapshots) == 2
    return server


def test_a_snapshot_is_what_was_settled_then(past):
    (first, _), (second, _) = past.snapshots
    assert ids(past, f"events at (version => {first})") == "ab"
    assert ids(past, f"iceberg.events at (version => {second})") == "abc"
    assert ids(past, "events at (version => 'main')") == "abc"
    assert ids(past) == "abcd"
    answer = past.query("select count(*) n from events", as_of=first)
    assert answer["data"] == [{"n": 2}] and answer["route"] == "batch"
    assert answer["receipt"]["snapshot_id"] == first and answer["receipt"]["offsets"] == {"0": 2}
    assert answer["metadata"]["as_of"]["snapshot_id"] == first


def test_a_time_is_the_snapshot_that_was_current(past):
    (first, at), (_, later) = past.snapshots
    if at != later:  # Two commits of one millisecond have one time.
        assert ids(past, f"events at (timestamp => '{at}')") == "ab"
        assert ids(past, as_of=at) == "ab"
    assert ids(past, "events at (timestamp => now() + interval 1 hour)") == "abc"
    early = past.post("/v1/sql", {"query": "select 1 from events at (timestamp => date '2001-01-01')"})
    assert early.status == 404 and str(first) in early.json()["message"], early.body


def test_two_times_in_one_statement(past):
    (first, _), (second, _) = past.snapshots
    new = f"select event_id from events x at (version => {second}) where event_id not in (select event_id from events at (version => {first}))"
    assert past.rows(new) == [("c",)]
    assert past.rows(f"select count(*) from events a join events b at (version => {first}) using (event_id)") == [(2,)]


def test_a_receipt_holds_its_rows_wherever_they_are(past):
    for receipt, expected in zip(past.receipts, ("ab", "abc", "abcd")):
        assert ids(past, as_of=receipt) == expected
        assert ids(past, f"events at (version => '{receipt}')") == expected
    assert ids(past, as_of=past.cut) == "abc"
    before = past.query("select event_id from events order by 1", as_of=past.receipts[2])
    assert before["route"] == "hybrid" and before["metadata"]["as_of"] == {"end_offset": 4, "removed_since": []}
    past.settle()
    after = past.query("select event_id from events order by 1", as_of=past.receipts[2])
    assert after["data"] == before["data"] and after["route"] == "batch"
    past.kill()
    past.start()
    assert ids(past, as_of=past.receipts[1]) == "abc"


def test_unknown_pasts_say_what_there_is(past):
    def refused(as_of):
        answer = past.post("/v1/sql", {"query": "select * from events", "as_of": as_of})
        return answer.status, answer.json()["message"]

    status, message = refused(5)
    assert status == 404 and "no snapshot 5; it keeps 2, from " in message and "main" in message
    assert refused("nowhere") == (404, refused("nowhere")[1]) and '"nowhere"' in refused("nowhere")[1]
    log, partition, *_ = past.receipts[0].rsplit(".", 3)
    assert refused(f"{log}.{partition}.90.99")[0] == 503
    assert refused(f"other.{partition}.0.1")[0] == 400
    assert refused({"what": 1})[0] == 400
    both = past.post("/v1/sql", {"query": "select 1", "as_of": 5, "route": "batch"})
    assert both.status == 400


def test_nothing_settled_has_no_past(server):
    send(server, "a")
    answer = server.post("/v1/sql", {"query": "select * from events at (version => 1)"})
    assert answer.status == 404 and "settle" in answer.json()["message"]
    assert server.rows("select count(*) from system.snapshots") == [(0,)]


def test_what_was_added_between_two_snapshots(past):
    (first, _), (second, _) = past.snapshots
    past.settle()
    assert ids(past, f"events_between({first}, {second})") == "c"
    assert ids(past, f"events_between({first}, 'main')") == "cd"
    assert ids(past, f"events_between({second}, {second})") == ""
    wrong = past.post("/v1/sql", {"query": f"select * from events_between({second}, {first})"})
    assert wrong.status == 400 and "ancestor" in wrong.json()["message"]
    assert past.post("/v1/sql", {"query": "select * from events_between(1)"}).status == 400
    assert past.post("/v1/sql", {"query": "select * from events_between()"}).status == 400


def test_the_command_takes_every_form(past):
    def sql(as_of):
        run = subprocess.run([BINARY, "sql", "--url", f"http://127.0.0.1:{past.port}", "-o", "csv", "--as-of", as_of, "select count(*) as n from events"],
                             capture_output=True, text=True)
        return run.returncode, run.stdout.split()

    assert sql(str(past.snapshots[0][0])) == (0, ["n", "2"])
    assert sql("main") == (0, ["n", "3"])
    assert sql(past.receipts[1]) == (0, ["n", "3"])
    assert sql(json.dumps(past.cut)) == (0, ["n", "3"])
    assert sql("nowhere") == (3, [])
