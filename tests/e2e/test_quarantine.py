"""An event that is not valid is kept as it was sent: durable, listed, put right and replayed once; whatever happens meanwhile it is in one place."""
import base64
import concurrent.futures
import hashlib
import json
import re
import subprocess

import pytest

from support.server import BINARY, Tidemark

ORDER = {"type": "object", "properties": {"amount": {"type": "number", "minimum": 0}}, "required": ["amount"]}
BAD = {"event_id": "o-1", "event_type": "order", "user_id": "u-1", "timestamp": "2026-01-02T03:04:05Z", "amount": "5"}


def metric(server, name):
    lines = server.get("/metrics").body.decode().splitlines()
    return int(float(next(line for line in lines if line.startswith(name + " ")).split()[-1]))


def counters(server):
    found = {outcome: metric(server, f'tidemark_collect_events_total{{outcome="{outcome}"}}') for outcome in ("accepted", "duplicate", "quarantined", "refused")}
    assert metric(server, "tidemark_collect_received_events_total") == sum(found.values())
    return found


def tool(server, *arguments, stdin=""):
    done = subprocess.run([str(BINARY), "event", "quarantine", arguments[0], "--url", f"http://127.0.0.1:{server.port}", *arguments[1:]],
                          input=stdin, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def keep(server, event=None, path="/v1/events"):
    """Sends one event that is not valid; what it is called."""
    answer = server.post(path, event if event is not None else {"user_id": "u-1"})
    assert (answer.status, answer.json()["status"]) == (202, "quarantined"), answer.body
    return answer.json()["quarantineId"]


def items(server, columns="*", where="true"):
    return server.rows(f"select {columns} from quarantine where {where} order by log_offset")


@pytest.fixture
def enforced(server):
    assert server.post("/v1/schemas/order?mode=enforce", ORDER).status == 201
    return server


def test_one_bad_event_in_a_thousand_is_kept_and_the_others_are_taken(server):
    batch = [{"event_id": f"e{i}", "event_type": "a"} for i in range(1000)]
    batch[500] = {"event_id": "e500", "user_id": "u"}
    answer = server.post("/v1/events", batch)
    told = answer.json()
    assert (answer.status, told["received"], told["accepted"], told["quarantined"], told["refused"]) == (202, 1000, 999, 1, [])
    assert [(one["index"], one["error"]) for one in told["quarantine"]] == [(500, "missing_field")]
    assert told["results"] == ["ok"] * 500 + ["quarantined"] + ["ok"] * 499
    assert counters(server) == {"accepted": 999, "duplicate": 0, "quarantined": 1, "refused": 0}
    assert metric(server, 'tidemark_collect_quarantined_events_total{reason="missing_field"}') == 1
    assert items(server, "quarantine_id, event_id, user_id, reason, raw") == [(told["quarantine"][0]["quarantineId"], "e500", "u", "missing_field", json.dumps(batch[500]))]
    assert server.scalar("select count(*) from events") == 999


def test_an_item_says_what_it_is_and_why(enforced):
    answer = enforced.post("/v1/events", BAD)
    told = answer.json()
    assert (told["error"], told["rule"]) == ("schema", "order/1: #/properties/amount/type")
    [row] = enforced.query("select * from quarantine")["data"]
    assert row["status"] == "pending" and row["replayed_event_id"] is None and row["resolved_at"] is None
    assert {name: row[name] for name in ("event_id", "event_type", "user_id", "reason", "rule", "schema", "dialect", "door", "project_id", "raw_encoding")} == {
        "event_id": "o-1", "event_type": "order", "user_id": "u-1", "reason": "schema", "rule": told["rule"], "schema": "order/1", "dialect": "native",
        "door": "POST /v1/events", "project_id": "default", "raw_encoding": "utf-8"}
    assert json.loads(row["raw"]) == BAD and row["timestamp"].startswith("2026-01-02") and not row["received_at"].startswith("2026-01-02")
    shown = enforced.get(f"/v1/quarantine/{told['quarantineId']}").json()
    receipt = shown.pop("receipt")
    assert shown == row
    # The receipt of the request and that of the item lead to it.
    for one in (receipt, answer.headers["X-Tidemark-Receipt"]):
        found = enforced.get(f"/v1/receipts/{one}").json()["quarantine"]
        assert found["items"] == 1 and enforced.rows(found["sql"])[0][0] == told["quarantineId"]
        assert enforced.query("select count(*) as n from quarantine", min_offset=one)["data"] == [{"n": 1}]


DIALECTS = [
    ("/v1/events", {"events": [{"event_type": "a"}, {"user_id": "bad"}]}, {"user_id": "bad"}, "native"),
    ("/ingest/batch", [{"timestamp": 1, "event_type": "a", "user_id": "u", "value": 1}, {"event_type": "bad"}], {"event_type": "bad"}, "native"),
    ("/v1/cloudevents", [{"specversion": "1.0", "id": "1", "source": "/s", "type": "a"}, {"specversion": "1.0", "id": "2", "source": "/s"}], {"specversion": "1.0", "id": "2", "source": "/s"}, "cloudevents"),
    ("/v1/batch", {"batch": [{"type": "track", "event": "a"}, {"type": "track", "userId": "bad", "context": {"ip": "192.0.2.1"}}]}, {"type": "track", "userId": "bad", "context": {"ip": "192.0.2.1"}}, "segment"),
    ("/batch/", {"batch": [{"event": "a"}, {"distinct_id": "bad", "properties": {"$os": "Linux"}}]}, {"distinct_id": "bad", "properties": {"$os": "Linux"}}, "posthog"),
]
FIXED = {
    "native": {"timestamp": 1, "event_type": "fixed", "user_id": "u", "value": 1}, "cloudevents": {"specversion": "1.0", "id": "2", "source": "/s", "type": "fixed"},
    "segment": {"type": "track", "event": "fixed", "userId": "u", "context": {"ip": "192.0.2.1"}}, "posthog": {"event": "fixed", "distinct_id": "u", "properties": {"$os": "Linux"}},
}


@pytest.mark.parametrize("path,body,bad,dialect", DIALECTS, ids=[one[0] for one in DIALECTS])
def test_every_dialect_keeps_what_its_client_sent_and_takes_it_put_right(server, path, body, bad, dialect):
    assert server.post(path, body).status in (200, 202)
    assert counters(server) == {"accepted": 1, "duplicate": 0, "quarantined": 1, "refused": 0}
    [(item, kept, raw, reason)] = items(server, "quarantine_id, dialect, raw, reason")
    assert (kept, json.loads(raw), reason) == (dialect, bad, "missing_field")
    # As it is, it is as invalid as before.
    assert server.post(f"/v1/quarantine/{item}/replay", "").status == 400
    done = server.post(f"/v1/quarantine/{item}/replay", FIXED[dialect])
    assert (done.status, done.json()["status"], done.json()["outcome"]) == (200, "replayed", "accepted"), done.body
    assert server.scalar("select count(*) from events where event_type = 'fixed'") == 1
    assert items(server, "status, replayed_event_id") == [("replayed", done.json()["eventId"])]


def test_what_a_batch_says_of_all_its_events_is_kept_with_each(server):
    # Two hours late by its own clock, and with a page and an app for all.
    sent = int(server.scalar("select epoch_ms(now()) - 7200000"))
    iso = server.scalar(f"select strftime(make_timestamp({sent - 90_000} * 1000), '%Y-%m-%dT%H:%M:%S.%fZ')")
    sent_at = server.scalar(f"select strftime(make_timestamp({sent} * 1000), '%Y-%m-%dT%H:%M:%S.%fZ')")
    context = {"page": {"url": "https://shop.example/?utm_source=mail"}, "app": {"version": "7"}, "locale": "de"}
    good = {"type": "track", "event": "good", "userId": "u", "timestamp": iso, "sentAt": "x"}
    bad = {"type": "track", "userId": "u", "timestamp": iso, "sentAt": "x"}
    assert server.post("/v1/batch", {"batch": [good, bad], "sentAt": sent_at, "context": context, "more": 1}).status == 200
    [(item, raw)] = items(server, "quarantine_id, raw")
    kept = json.loads(raw)
    assert kept == {"sentAt": sent_at, "context": context, "batch": [bad]}
    kept["batch"][0]["event"] = "good"
    assert server.post(f"/v1/quarantine/{item}/replay", kept).json()["outcome"] == "accepted"
    # Both mean the same, whenever the second one was put right.
    columns = "event_type, user_id, page_url, utm_source, version, properties->>'$.context.locale', properties->>'$.sentAt', timestamp"
    first, second = server.rows(f"select {columns} from events order by log_offset")
    assert first[:-1] == second[:-1] == ("good", "u", "https://shop.example/?utm_source=mail", "mail", "7", "de", "x")
    assert server.scalar("select max(timestamp) - min(timestamp) < interval 2 seconds from events")
    assert server.scalar("select bool_and(date_diff('second', timestamp, received_at) between 60 and 120) from events")


def test_an_envelope_cannot_make_a_small_body_a_large_one(server):
    context = {"a": "x" * (1 << 20)}
    answer = server.post("/v1/batch", {"context": context, "batch": [{"type": "track", "event": "e"}] * 1000})
    assert answer.status == 400 and "too large together" in answer.json()["message"]
    answer = server.post("/batch/", {"sent_at": "x" * (1 << 20), "batch": [{"event": "e"}] * 1000})
    assert answer.status == 400 and "too large together" in answer.json()["message"]
    assert server.post("/v1/events", {"sentAt": "x" * (1 << 20), "events": [{"user_id": "u"}] * 1000}).json()["quarantined"] == 1000
    assert server.scalar("select max(length(raw)) from quarantine") < 100
    # Events that have a context of their own do not need that of the batch, and are kept with it while there is room.
    before = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1])
    server.post("/v1/batch", {"context": context, "batch": [{"type": "track", "context": {}}] * 2000})
    assert int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1]) - before < 1 << 20
    assert server.post("/v1/batch", {"context": {"a": 1}, "batch": [{"type": "track", "event": "e"}] * 1000}).status == 200


@pytest.mark.parametrize("path,body,wrapped", [
    ("/batch/", {"sent_at": "2026-01-02T03:04:05Z", "historical_migration": False, "batch": [{"distinct_id": "u", "offset": 5}]}, {"sent_at": "2026-01-02T03:04:05Z", "batch": [{"distinct_id": "u", "offset": 5}]}),
    ("/v1/events", {"events": [{"user_id": "u"}], "sentAt": "2026-01-02T03:04:05Z"}, {"sentAt": "2026-01-02T03:04:05Z", "events": [{"user_id": "u"}]}),
    ("/v1/events", [{"user_id": "u", "sentAt": "2026-01-02T03:04:05Z"}], {"events": [{"user_id": "u", "sentAt": "2026-01-02T03:04:05Z"}]}),
    ("/v1/events", {"user_id": "u", "sentAt": "2026-01-02T03:04:05Z"}, {"user_id": "u", "sentAt": "2026-01-02T03:04:05Z"})])
def test_an_item_is_a_body_that_means_what_its_event_meant(server, path, body, wrapped):
    assert server.post(path, body).status in (200, 202)
    assert [json.loads(raw) for (raw,) in items(server, "raw")] == [wrapped]


def test_what_a_pixel_brings_is_kept_as_the_event_that_it_would_have_been(server):
    assert server.get("/pixel/v1/track?userId=u&timestamp=noon&event=a").headers["Content-Type"] == "image/gif"
    [(item, dialect, reason, raw)] = items(server, "quarantine_id, dialect, reason, raw")
    assert (dialect, reason) == ("native", "bad_timestamp")
    fixed = {**json.loads(raw), "timestamp": "2026-01-02T12:00:00Z"}
    assert server.post(f"/v1/quarantine/{item}/replay", fixed).json()["status"] == "replayed"
    assert server.rows("select event_type, user_id from events") == [("a", "u")]


def test_bytes_that_are_no_text_are_kept_to_the_byte(server):
    line = b'{"event_type":"\xff\xfe"}'
    answer = server.post("/v1/events", b'{"event_type":"a"}\n' + line + b'\n{"event_type":"b"}')
    [kept] = answer.json()["quarantine"]
    assert (kept["index"], kept["error"]) == (1, "invalid_json")
    [(encoding, raw)] = items(server, "raw_encoding, raw")
    assert encoding == "base64" and base64.b64decode(raw) == line
    shown = subprocess.run([str(BINARY), "event", "quarantine", "show", "--url", f"http://127.0.0.1:{server.port}", kept["quarantineId"], "--output", "raw"], capture_output=True)
    assert shown.stdout == line


def test_what_is_no_event_is_refused_as_before(server):
    assert server.post("/v1/events", "{").status == 400
    assert server.post("/v1/events", [7]).status == 400
    assert server.post("/v1/events", {"event_type": "a", "x": "y" * (3 << 20)}).status == 413
    assert items(server) == [] and counters(server) == {"accepted": 0, "duplicate": 0, "quarantined": 0, "refused": 2}


def test_the_id_of_a_quarantined_event_is_free_until_it_is_replayed(enforced):
    item = keep(enforced, BAD)
    keep(enforced, BAD)  # Nobody is told that it came before.
    assert enforced.post(f"/v1/quarantine/{item}/replay", {**BAD, "amount": 5}).json()["eventId"] == "o-1"
    assert enforced.post("/v1/events", {**BAD, "amount": 5}).json()["status"] == "duplicate"
    # The other item's event came otherwise meanwhile.
    [other] = [one for one, status in items(enforced, "quarantine_id, status") if status == "pending"]
    refused = enforced.post(f"/v1/quarantine/{other}/replay", {**BAD, "amount": 6})
    assert refused.status == 409 and "event_id" in refused.json()["message"]
    assert items(enforced, "status") == [("replayed",), ("pending",)]
    same = enforced.post(f"/v1/quarantine/{other}/replay", {**BAD, "amount": 5}).json()
    assert (same["status"], same["outcome"]) == ("replayed", "duplicate")
    assert enforced.rows("select count(*), sum((properties->>'$.amount')::int) from events") == [(1, 5)]


def test_a_replay_is_once_however_often_and_by_whomever_it_is_asked(server):
    item = keep(server)
    fixed = {"event_type": "fixed", "user_id": "u-1"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.post(f"/v1/quarantine/{item}/replay", fixed), range(16)))
    assert {answer.status for answer in answers} == {200} and {answer.json()["status"] for answer in answers} == {"replayed"}
    assert sum("already" not in answer.json() for answer in answers) == 1
    assert server.scalar("select count(*) from events") == 1 and len(items(server)) == 1
    assert {answer.json()["eventId"] for answer in answers} == {server.scalar("select event_id from events")}
    assert server.post(f"/v1/quarantine/{item}/drop", "").status == 409
    assert metric(server, 'tidemark_quarantine_resolved_total{outcome="replayed"}') == 1


def test_of_a_replay_and_a_drop_at_once_one_is_done(server):
    for i in range(20):
        item = keep(server, {"user_id": f"u-{i}"})
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            replay = pool.submit(server.post, f"/v1/quarantine/{item}/replay", {"event_type": "fixed", "user_id": f"u-{i}"})
            drop = pool.submit(server.post, f"/v1/quarantine/{item}/drop", "")
        assert sorted((replay.result().status, drop.result().status)) == [200, 409]
        [(status,)] = items(server, "status", f"quarantine_id = '{item}'")
        taken = server.scalar(f"select count(*) from events where user_id = 'u-{i}'")
        assert (status, taken) == (("replayed", 1) if replay.result().status == 200 else ("dropped", 0))


def test_without_an_index_of_ids_a_replay_is_once_too(tmp_path):
    with Tidemark(tmp_path / "data", "-X", "dedupe.window=0s") as server:
        item = keep(server)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: server.post(f"/v1/quarantine/{item}/replay", {"event_type": "fixed"}), range(16)))
        assert {answer.status for answer in answers} <= {200, 409} and 200 in {answer.status for answer in answers}
        assert server.scalar("select count(*) from events") == 1 and items(server, "status") == [("replayed",)]


def test_an_idempotency_key_protects_what_is_kept_too(server):
    for body in ([{"event_type": "a"}, {"user_id": "u"}], [{"user_id": "only bad"}]):
        headers = {"Idempotency-Key": "k-" + str(len(body))}
        first = server.post("/v1/events", body, headers)
        again = server.post("/v1/events", body, headers)
        assert again.headers["X-Tidemark-Receipt"] == first.headers["X-Tidemark-Receipt"]
        assert (again.json()["accepted"], again.json()["quarantined"], again.json()["duplicate"]) == (0, 0, len(body))
    assert len(items(server)) == 2 and server.scalar("select count(*) from events") == 1
    assert counters(server) == {"accepted": 1, "duplicate": 3, "quarantined": 2, "refused": 0}


def test_keys_and_items_survive_a_kill_and_a_settled_restart(tmp_path):
    body = [{"event_type": "a"}, {"user_id": "u"}]
    with Tidemark(tmp_path / "data") as server:
        first = server.post("/v1/events", body, {"Idempotency-Key": "k"})
        alone = server.post("/v1/events", [{"user_id": "only bad"}], {"Idempotency-Key": "alone"})
        done = keep(server)
        assert server.post(f"/v1/quarantine/{done}/replay", {"event_type": "fixed"}).status == 200
        before = items(server)
    for settle in (False, True, True):
        with Tidemark(tmp_path / "data") as server:
            again = server.post("/v1/events", body, {"Idempotency-Key": "k"})
            assert again.headers["X-Tidemark-Receipt"] == first.headers["X-Tidemark-Receipt"]
            again = server.post("/v1/events", [{"user_id": "only bad"}], {"Idempotency-Key": "alone"})
            assert again.headers["X-Tidemark-Receipt"] == alone.headers["X-Tidemark-Receipt"]
            assert items(server) == before
            assert server.post(f"/v1/quarantine/{done}/replay", {"event_type": "fixed"}).json()["already"] is True
            assert server.scalar("select count(*) from events") == 2
            if settle:
                server.settle()
                assert items(server) == before
            assert server.verify()["ok"]
            assert {(one["project"], one["table"]) for one in server.verify()["projects"]} == {("default", "events"), ("default", "quarantine")}


def test_a_kill_between_replay_and_answer_neither_loses_nor_doubles(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        names = [keep(server, {"user_id": f"u-{i}"}) for i in range(30)]
    for round_of_three in range(3):
        with Tidemark(tmp_path / "data") as server, concurrent.futures.ThreadPoolExecutor(6) as pool:
            sent = [pool.submit(server.post, f"/v1/quarantine/{name}/replay", {"event_type": "fixed", "user_id": f"u-{i}"}) for i, name in enumerate(names)]
            concurrent.futures.wait(sent[: 3 + 9 * round_of_three])
            server.kill()
            answered = {i for i, one in enumerate(sent) if one.exception() is None and one.result().status == 200}
        with Tidemark(tmp_path / "data") as server:
            taken = {user for (user,) in server.rows("select user_id from events")}
            resolved = {user for user, status in items(server, "user_id, status") if status == "replayed"}
            assert taken == resolved and {f"u-{i}" for i in answered} <= taken
            assert server.rows("select count(*), count(distinct user_id) from events") == [(len(taken), len(taken))]
            assert len(items(server)) == 30


def test_the_command_line_lists_shows_fixes_replays_and_drops(server, tmp_path):
    first, second, third = keep(server), keep(server, {"event_type": "a", "timestamp": "noon"}), keep(server)
    code, out, _ = tool(server, "list")
    assert code == 0 and [one["quarantine_id"] for one in json.loads(out)["items"]] == [third, second, first]
    assert [one["quarantine_id"] for one in json.loads(tool(server, "list", "--reason", "bad_timestamp")[1])["items"]] == [second]
    assert "reason" in tool(server, "list", "--output", "table")[1]
    shown = json.loads(tool(server, "show", second)[1])
    assert shown["raw"] == tool(server, "show", second, "--output", "raw")[1] == '{"event_type": "a", "timestamp": "noon"}'
    code, _, error = tool(server, "replay", second)
    assert code == 8 and "timestamp" in error  # As it was sent it is still not valid.
    (tmp_path / "fixed.json").write_text('{"event_type": "a", "timestamp": "2026-01-01T12:00:00Z"}')
    assert tool(server, "replay", second, "--event", str(tmp_path / "fixed.json"))[0] == 0
    assert tool(server, "replay", first, "--event", "-", stdin='{"event_type": "b"}')[0] == 0
    assert tool(server, "drop", third)[0] == 0 and tool(server, "drop", third)[0] == 0
    assert tool(server, "drop", first)[0] == 6 and tool(server, "show", "none")[0] == 3
    assert items(server, "status") == [("replayed",), ("replayed",), ("dropped",)]
    assert json.loads(tool(server, "list")[1])["items"] == [] and len(json.loads(tool(server, "list", "--status", "all")[1])["items"]) == 3
    assert server.rows("select event_type from events order by 1") == [("a",), ("b",)]


def test_all_items_of_a_reason_are_replayed_with_one_command(enforced):
    # More than one page of the list.
    assert enforced.post("/v1/events", [{**BAD, "event_id": f"o-{i}"} for i in range(1100)]).json()["quarantined"] == 1100
    other = keep(enforced)
    assert tool(enforced, "replay")[0] == 2
    assert enforced.request("PUT", "/v1/schemas/order", {"mode": "observe"}).status == 200
    code, out, _ = tool(enforced, "replay", "--all", "--reason", "schema", "--event-type", "order")
    assert code == 0 and [json.loads(line)["eventId"] for line in out.splitlines()] == [f"o-{i}" for i in range(1100)]
    assert enforced.rows("select count(*), count(distinct event_id) from events") == [(1100, 1100)]
    assert items(enforced, "quarantine_id", "status = 'pending'") == [(other,)]
    assert tool(enforced, "drop", "--all")[0] == 0 and items(enforced, "status", "status = 'pending'") == []


@pytest.mark.parametrize("query", ["status=new", "limit=0", "limit=1001", "limit=x", "before=-1"])
def test_a_list_that_is_asked_for_wrongly_is_400(server, query):
    answer = server.get(f"/v1/quarantine?{query}")
    assert answer.status == 400 and answer.json()["hint"]


def test_a_change_of_the_schema_lets_what_was_kept_be_replayed_as_it_is(enforced):
    item = keep(enforced, BAD)
    assert enforced.post(f"/v1/quarantine/{item}/replay", "").status == 400
    assert enforced.request("PUT", "/v1/schemas/order", {"mode": "observe"}).status == 200
    assert enforced.post(f"/v1/quarantine/{item}/replay", "").json()["eventId"] == "o-1"
    assert enforced.rows("select event_id, properties->>'$.amount' from events") == [("o-1", "5")]


def test_an_item_is_found_without_reading_the_files_of_others(server):
    names = []
    for i in range(12):
        names.append(keep(server, {"user_id": f"u{i}"}))
        server.settle()
    files = metric(server, 'tidemark_query_files_total{outcome="read"}')
    for name in names:
        assert server.get(f"/v1/quarantine/{name}").json()["quarantine_id"] == name
    read = metric(server, 'tidemark_query_files_total{outcome="read"}') - files
    assert read <= 2 * len(names), read  # For the item and for what may have resolved it.
    for missing in ("none", "00000000-0000-4000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff", names[0][:-1], "0" * 5000):
        assert server.get(f"/v1/quarantine/{missing}").status in (404, 414), missing
    assert server.get(f"/v1/quarantine/{names[3].upper()}").json()["quarantine_id"] == names[3]
    assert server.post(f"/v1/quarantine/{names[5]}/replay", {"event_type": "fixed"}).status == 200
    server.settle()
    assert server.get(f"/v1/quarantine/{names[5]}").json()["status"] == "replayed"
    assert server.post(f"/v1/quarantine/{names[5]}/replay", {"event_type": "fixed"}).json()["already"] is True


def test_projects_and_keys_see_their_own_items_only(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        admin = next(word for word in server.banner.split() if word.startswith("tm_"))
        made = {scopes: server.post("/v1/keys", {"scopes": scopes, "project": project}, {"X-API-Key": admin}).json()["key"]
                for scopes, project in (("ingest", "shop"), ("query", "shop"), ("admin", "shop"), ("query live", "site"))}
        item = server.post("/v1/events", {"user_id": "u"}, {"X-API-Key": made["ingest"]}).json()["quarantineId"]
        key = {scopes: {"X-API-Key": text} for scopes, text in made.items()}
        assert server.get("/v1/quarantine", key["ingest"]).status == 403
        assert [one["quarantine_id"] for one in server.get("/v1/quarantine", key["query"]).json()["items"]] == [item]
        assert server.get("/v1/quarantine", key["query live"]).json()["items"] == []
        assert server.get(f"/v1/quarantine/{item}", key["query live"]).status == 404
        for action in ("replay", "drop"):
            assert server.post(f"/v1/quarantine/{item}/{action}", "", key["query"]).status == 403
        assert server.post(f"/v1/quarantine/{item}/drop", "", key["admin"]).status == 200


def test_the_lake_has_the_table_and_other_engines_read_it(enforced):
    pyiceberg = pytest.importorskip("pyiceberg.table")
    item = keep(enforced, BAD)
    enforced.post(f"/v1/quarantine/{item}/replay", {**BAD, "amount": 5})
    dropped = keep(enforced, {**BAD, "event_id": "o-2"})
    enforced.post(f"/v1/quarantine/{dropped}/drop", "")
    hot = items(enforced)
    enforced.settle()
    assert items(enforced) == hot
    location = enforced.get("/v1/tables/default/quarantine").json()["metadata-location"]
    table = pyiceberg.StaticTable.from_metadata(location)
    rows = sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row["log_offset"])
    assert [(row["record"], row["quarantine_id"], row["event_id"]) for row in rows] == [
        ("item", item, "o-1"), ("replayed", item, "o-1"), ("item", dropped, "o-2"), ("dropped", dropped, "")]
    assert json.loads(rows[0]["raw"]) == BAD
    named = enforced.get("/iceberg/v1/namespaces/default/tables").json()["identifiers"]
    assert sorted(one["name"] for one in named) == ["events", "quarantine"]


def test_events_metadata_says_where_each_event_is(enforced):
    def found():
        return {row["event_id"]: row for row in enforced.query("select * from events_metadata")["data"]}
    enforced.post("/v1/events", [{"event_id": "a", "event_type": "x", "user_id": "u", "properties": {"n": 1}}, {"event_id": "b", "event_type": "x", "timestamp": "2024-01-15T00:00:00Z"}])
    keep(enforced, BAD)
    assert {name: (row["status"], row["storage_path"]) for name, row in found().items()} == {"a": ("pending", None), "b": ("pending", None), "o-1": ("failed", None)}
    assert found()["a"]["properties_hash"] == hashlib.sha256(b'{"n":1}').hexdigest() and found()["b"]["properties_hash"] is None
    enforced.settle()
    enforced.post("/v1/events", {"event_id": "c", "event_type": "x"})
    settled = found()
    assert {name: row["status"] for name, row in settled.items()} == {"a": "processed", "b": "processed", "c": "pending", "o-1": "failed"}
    assert list(settled["a"]) == ["event_id", "user_id", "event_type", "project_id", "timestamp", "ingested_at", "storage_path", "file_partition", "properties_hash", "status", "created_at"]
    assert settled["b"]["file_partition"] == "year=2024/month=01" and settled["a"]["file_partition"].startswith("year=")
    import pyarrow.parquet
    for name in ("a", "b"):
        path = settled[name]["storage_path"]
        assert path.startswith("file://") and name in pyarrow.parquet.read_table(path[7:]).column("event_id").to_pylist()
    # What is put right is no failure any more.
    [item] = [one for (one,) in items(enforced, "quarantine_id")]
    enforced.post(f"/v1/quarantine/{item}/replay", {**BAD, "amount": 1})
    assert found()["o-1"]["status"] == "pending"
    enforced.settle()
    assert {row["status"] for row in found().values()} == {"processed"}


def test_statements_that_join_the_views_see_one_cut(server):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sent = pool.map(lambda i: server.post("/v1/events", [{"event_type": "a", "user_id": f"u{i}"}, {"user_id": f"u{i}"}]).status, range(200))
        while True:
            [(events, kept)] = server.rows("select (select count(*) from events), (select count(*) from quarantine)")
            assert events == kept
            if events == 200:
                break
    assert set(sent) == {202}
    server.settle()
    assert server.rows("select count(*) from events join quarantine using (user_id)") == [(200,)]


def test_two_tables_are_made_again_with_the_catalog(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", [{"event_type": "a"}, {"user_id": "u"}])
        server.settle()
        server.post("/v1/events", {"user_id": "later"})
        before = items(server)
        assert server.terminate() == 0
    for name in ("meta.db", "meta.db-wal", "meta.db-shm"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
    done = subprocess.run([str(BINARY), "doctor", "--data-dir", str(tmp_path / "data"), "--rebuild-catalog"], capture_output=True, text=True)
    assert done.returncode == 0 and "default.quarantine" in done.stdout and "default.events" in done.stdout, done.stdout + done.stderr
    with Tidemark(tmp_path / "data") as server:
        assert items(server) == before and server.verify()["ok"]
