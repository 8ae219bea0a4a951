"""An id, or a request, that comes again is not stored again: told, counted, also after a restart and a kill."""
import json
import subprocess

import pytest

from support.server import BINARY, Tidemark

EVENTS = [{"event_id": f"e{i}", "event_type": "a", "value": i, "properties": {"n": i}} for i in range(10)]


def counters(server):
    lines = server.get("/metrics").body.decode().splitlines()
    found = {}
    for outcome in ("accepted", "duplicate", "quarantined", "refused"):
        name = f'tidemark_collect_events_total{{outcome="{outcome}"}} '
        found[outcome] = int(float(next(line for line in lines if line.startswith(name)).split()[-1]))
    received = next(line for line in lines if line.startswith("tidemark_collect_received_events_total "))
    assert int(float(received.split()[-1])) == sum(found.values())
    return found


def test_an_id_that_comes_again_is_stored_once(server):
    first = server.post("/v1/events", EVENTS)
    again = server.post("/v1/events", EVENTS)
    assert first.status == again.status == 202
    assert server.rows("select count(*), count(distinct event_id) from events") == [(10, 10)]
    assert counters(server) == {"accepted": 10, "duplicate": 10, "quarantined": 0, "refused": 0}


def test_new_events_beside_duplicates_are_stored_and_offsets_stay_dense(server):
    server.post("/v1/events", EVENTS)
    server.post("/v1/events", EVENTS[:5] + [{"event_id": "new", "event_type": "b"}] + EVENTS[5:])
    server.settle()
    assert server.rows("select count(*), min(log_offset), max(log_offset) from events") == [(11, 0, 10)]


def test_the_receipt_of_a_duplicate_sees_the_first(server):
    server.post("/v1/events", EVENTS)
    receipt = server.post("/v1/events", EVENTS).headers["X-Tidemark-Receipt"]
    assert server.query("select count(*) as n from events", min_offset=receipt)["data"] == [{"n": 10}]


def test_another_body_is_a_conflict_and_the_first_one_stays(server):
    server.post("/v1/events", EVENTS[:1])
    server.post("/v1/events", [{**EVENTS[0], "value": 99}])
    assert server.rows("select value from events") == [(0.0,)]
    assert "tidemark_dedupe_conflicts_total 1" in server.get("/metrics").body.decode()


def test_an_id_of_another_project_is_another_id(server):
    for project in ("shop", "site"):
        server.post("/v1/events", EVENTS, headers={"X-Tidemark-Project": project})
    assert counters(server)["accepted"] == 20


def test_events_without_an_id_are_never_duplicates(server):
    for _ in range(3):
        server.post("/v1/events", {"event_type": "a", "user_id": "u"})
    assert server.rows("select count(*) from events") == [(3,)]


def test_ids_survive_a_kill_and_a_restart(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", EVENTS)
        server.kill()
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", EVENTS)
        assert server.rows("select count(*) from events") == [(10,)]
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", EVENTS)
        assert server.rows("select count(*) from events") == [(10,)]


def test_ids_that_left_memory_are_still_known(tmp_path):
    """A small table, so that runs are written and merged."""
    many = [{"event_id": f"m{i}", "event_type": "a"} for i in range(12_000)]
    with Tidemark(tmp_path / "data", "-X", "dedupe.table_ids=1000") as server:
        for at in [*range(0, len(many), 500)] * 2:
            while server.post("/v1/events", many[at:at + 500]).status == 503:
                pass  # Full tables wait for the disk.
        assert server.rows("select count(*) from events") == [(12_000,)]
        assert (counters(server)["accepted"], counters(server)["duplicate"]) == (12_000, 12_000)
        assert list((tmp_path / "data" / "dedupe").glob("ids-*.run"))


def test_the_window_can_be_off(tmp_path):
    with Tidemark(tmp_path / "data", "-X", "dedupe.window=0") as server:
        server.post("/v1/events", EVENTS)
        server.post("/v1/events", EVENTS)
        assert server.rows("select count(*) from events") == [(20,)]


def test_a_request_with_a_key_is_done_once(server):
    events = [{"event_type": "no id"}] * 3
    first = server.post("/v1/events", events, headers={"Idempotency-Key": "k1"})
    again = server.post("/v1/events", events, headers={"Idempotency-Key": "k1"})
    assert first.status == again.status == 202
    assert first.headers["X-Tidemark-Receipt"] == again.headers["X-Tidemark-Receipt"]
    assert server.rows("select count(*) from events") == [(3,)]
    assert counters(server)["duplicate"] == 3
    other = server.post("/v1/events", [{"event_type": "other"}], headers={"Idempotency-Key": "k1"})
    assert other.status == 409 and "a new one" in other.json()["hint"]
    assert set(json.loads(other.body)) >= {"error", "message", "hint"}
    assert server.post("/v1/events", events, headers={"Idempotency-Key": "k2"}).status == 202
    assert server.rows("select count(*) from events") == [(6,)]
    counters(server)


def test_a_request_that_came_again_names_no_event_that_is_not_there(server):
    headers = {"Idempotency-Key": "one"}
    first = server.post("/v1/events", {"event_type": "no id"}, headers=headers)
    again = server.post("/v1/events", {"event_type": "no id"}, headers=headers)
    assert again.json() == {"status": "duplicate"} and again.headers["X-Tidemark-Receipt"] == first.headers["X-Tidemark-Receipt"]
    assert server.rows("select event_id from events") == [(first.json()["eventId"],)]


def test_a_key_survives_a_kill(tmp_path):
    events, headers = [{"event_type": "no id"}] * 3, {"Idempotency-Key": "k1"}
    with Tidemark(tmp_path / "data") as server:
        first = server.post("/v1/events", events, headers=headers)
        server.kill()
    with Tidemark(tmp_path / "data") as server:
        again = server.post("/v1/events", events, headers=headers)
        assert again.headers["X-Tidemark-Receipt"] == first.headers["X-Tidemark-Receipt"]
        assert server.rows("select count(*) from events") == [(3,)]


def test_a_producers_sequence_is_done_once_and_its_older_epochs_are_fenced(server):
    def send(epoch, sequence, body):
        return server.post("/v1/events", body, headers={"X-Tidemark-Producer": "p", "X-Tidemark-Epoch": str(epoch), "X-Tidemark-Sequence": str(sequence)})

    assert send(1, 1, {"event_type": "a"}).status == 202
    assert send(1, 1, {"event_type": "a"}).status == 202
    assert send(1, 2, {"event_type": "a"}).status == 202
    assert send(1, 2, {"event_type": "b"}).status == 409
    assert send(2, 1, {"event_type": "a"}).status == 202
    assert send(1, 3, {"event_type": "a"}).status == 409
    assert server.rows("select count(*) from events") == [(3,)]


def test_a_key_that_is_none_is_refused(server):
    for headers in ({"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 256}, {"X-Tidemark-Producer": "p"}, {"X-Tidemark-Epoch": "1"}, {"X-Tidemark-Sequence": "1"},
                    {"X-Tidemark-Epoch": "1", "X-Tidemark-Sequence": "1"}, {"Idempotency-Key": "k", "X-Tidemark-Sequence": "1"},
                    {"X-Tidemark-Producer": "p", "X-Tidemark-Epoch": "1", "X-Tidemark-Sequence": str(2 ** 63)},
                    {"X-Tidemark-Producer": "p", "X-Tidemark-Epoch": "1", "X-Tidemark-Sequence": "-1"},
                    {"X-Tidemark-Producer": "p", "X-Tidemark-Epoch": "1", "X-Tidemark-Sequence": "1", "Idempotency-Key": "k"}):
        answer = server.post("/v1/events", {"event_type": "a"}, headers=headers)
        assert answer.status == 400, headers
        assert answer.json()["hint"]
    assert server.rows("select count(*) from events") == [(0,)]


@pytest.mark.parametrize("batch", [1, 100])
def test_the_demo_counts_what_became_of_its_events_as_the_server_does(server, batch):
    count = 3_000 if batch > 1 else 300
    done = subprocess.run([str(BINARY), "demo", "--url", f"http://127.0.0.1:{server.port}", "--count", str(count), "--batch", str(batch), "--dup", "0.2", "--bad", "0.1", "--report"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    counted = counters(server)
    assert {name: told[name] for name in counted} == counted and sum(counted.values()) == count
    assert counted["duplicate"] > 0 and counted["quarantined"] + counted["refused"] > 0
