"""The paths, bodies and answers of the clients that people already run, sent as they send them."""
import base64
import gzip
import json
import subprocess
import urllib.parse
import zlib

import pytest

from support.server import BINARY, Tidemark


@pytest.fixture
def keyed(tmp_path):
    """A server that asks for a key, and that key."""
    with Tidemark(tmp_path / "data", dev=False) as server:
        key = next(word for word in server.banner.split() if word.startswith("tm_"))
        yield server, key


def basic(key):
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def rows(keyed, columns="event_type, user_id, properties"):
    server, key = keyed
    answer = server.request("POST", "/v1/sql", json.dumps({"query": f"select {columns} from events order by log_offset"}), {"X-API-Key": key})
    assert answer.status == 200, answer.body
    return [tuple(row.values()) for row in answer.json()["data"]]


SEGMENT_CALLS = {"track": "t", "page": "p", "screen": "s", "identify": "i", "group": "g", "alias": "a"}


def test_segment_calls_at_their_long_and_short_paths(keyed):
    server, key = keyed
    for call, letter in SEGMENT_CALLS.items():
        for path in (f"/v1/{call}", f"/v1/{letter}", f"/v1/{call}/"):
            answer = server.post(path, {"userId": "u1", "event": "Bought", "messageId": path}, {**basic(key), "Content-Type": "text/plain"})
            assert (answer.status, answer.json()) == (200, {"success": True})
            assert "X-Tidemark-Receipt" in answer.headers
    assert [row[0] for row in rows(keyed)] == [name for call in SEGMENT_CALLS for name in ["Bought" if call == "track" else call] * 3]


def test_the_demo_sends_calls_of_track_as_segment_does(server):
    done = subprocess.run([str(BINARY), "demo", "--url", f"http://127.0.0.1:{server.port}", "--as", "segment", "--count", "200", "--report"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["accepted"], told["requests"]) == (200, 200)
    [(calls, ids, users, sessions, types)] = server.rows("select count(*) filter (properties->>'$.type' = 'track'), count(distinct event_id), count(user_id), "
                                                         "count(session_id), count(distinct event_type) from events")
    assert (calls, ids, users, sessions) == (200, 200, 200, 200) and types > 3


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress, lambda body: b"data=" + urllib.parse.quote(base64.b64encode(body)).encode()])
def test_batches_are_looked_at_whatever_they_call_themselves(keyed, pack):
    server, key = keyed
    body = json.dumps({"batch": [{"type": "track", "event": "a", "userId": "u1", "properties": {"n": 1}}, {"type": "page", "name": "Home"}]}).encode()
    for path in ("/v1/batch", "/v1/import", "/v1/b", "/beacon/v1/batch?writeKey=KEY"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({} if "KEY" in path else basic(key))
        answer = server.post(path.replace("KEY", key), pack(body), headers)
        assert (answer.status, answer.json()) == (200, {"success": True}), answer.body
    assert [row[:2] for row in rows(keyed)] == [("a", "u1"), ("page", None)] * 4


def test_codings_that_only_a_header_tells(server):
    brotli = base64.b64decode("G0kA+J0Hto3s7ebBwUK7VWId5rbXJ1l0ulJk6wvGcBgLQbxbKzKJJihJAXJoxcTzE6AKJCmaYTkeH4MyWWwOl8en/w==")
    deflate = zlib.compress(b'{"event_type":"b"}', wbits=-15)
    assert server.post("/v1/events", brotli, {"Content-Encoding": "br"}).status == 202
    assert server.post("/v1/events", deflate, {"Content-Encoding": "deflate"}).status == 202
    assert server.post("/v1/events", b'{"event_type":"c"}', {"Content-Encoding": "br"}).status == 202  # It is not.
    assert server.post("/v1/events", brotli[:40], {"Content-Encoding": "br"}).status == 400
    bomb = base64.b64decode("m///f/gnAOKxQCD3/g8=")
    assert server.post("/v1/events", bomb, {"Content-Encoding": "br"}).status == 413
    assert server.rows("select event_type from events order by log_offset") == [("a",), ("b",), ("c",)]


def test_a_key_in_the_body_is_used_and_not_kept(keyed):
    server, key = keyed
    assert server.post("/v1/track", {"event": "a", "writeKey": key}).status == 200
    assert server.post("/v1/batch", {"batch": [{"type": "page"}], "writeKey": key}).status == 200
    for body in ({"api_key": key, "event": "b", "distinct_id": "d"}, {"api_key": key, "batch": [{"event": "b"}]},
                 [{"event": "b", "properties": {"token": key}}], {"token": key, "event": "b"}):
        answer = server.post("/e/", body, {"Content-Type": "text/plain"})
        assert (answer.status, answer.json()) == (200, {"status": 1})
    assert [row[0] for row in rows(keyed)] == ["a", "page", "b", "b", "b", "b"]
    assert not any(key in str(row) for row in rows(keyed, "*"))
    for path, body in (("/v1/track", {"event": "a", "writeKey": "wrong"}), ("/v1/batch", {"batch": [{"type": "page"}]}),
                       ("/batch/", {"api_key": "wrong", "batch": [{"event": "b"}]}), ("/capture", {"event": "b"})):
        answer = server.post(path, body)
        assert answer.status == 401 and answer.json()["error"] == "Unauthorized" and answer.json()["hint"]
    assert len(rows(keyed)) == 6


def test_posthog_paths_and_codings(keyed):
    for path in ("/batch", "/batch/", "/e", "/e/", "/capture", "/capture/", "/i/v0/e", "/i/v0/e/"):
        send_in_every_coding(*keyed, path)
    assert rows(keyed, "event_type, user_id, page_url, properties") == [("bought", "d1", "https://a/", '{"n":1}')] * 40


def send_in_every_coding(server, key, path):
    body = json.dumps({"api_key": key, "event": "bought", "distinct_id": "d1", "properties": {"n": 1, "$current_url": "https://a/"}}).encode()
    coded = base64.b64encode(body)
    for sent, query in ((body, ""), (gzip.compress(body), "?compression=gzip-js&ver=1.2"), (b"data=" + urllib.parse.quote(coded).encode(), "?compression=base64"), (coded, "")):
        answer = server.post(path + query, sent, {"Content-Type": "text/plain"})
        assert (answer.status, answer.json()) == (200, {"status": 1}), answer.body
    answer = server.get(f"{path}?data={urllib.parse.quote(coded)}&ip=1")
    assert (answer.status, answer.json()) == (200, {"status": 1})


def test_pixels_answer_a_picture_once_the_event_is_there(keyed):
    server, key = keyed
    for path in ("/pixel/v1/track", "/v1/pixel/track"):
        answer = server.get(f"{path}?writeKey={key}&anonymousId=a1&event=Opened&properties.mail=7")
        assert answer.status == 200 and answer.headers["Content-Type"] == "image/gif" and answer.body.startswith(b"GIF89a") and len(answer.body) == 43
    assert server.get("/pixel/v1/track?writeKey=wrong&event=Opened").status == 401
    assert rows(keyed, "event_type, anonymous_id, properties") == [("Opened", "a1", '{"type":"track","mail":"7"}')] * 2


def test_what_browser_sdks_ask_for_before_they_send(server):
    host = f"127.0.0.1:{server.port}"
    settings = server.get("/v1/projects/wk/settings", {"Origin": "https://shop.example"})
    assert settings.json()["integrations"]["Segment.io"] == {"apiKey": "wk", "apiHost": f"{host}/v1", "protocol": "http", "unbundledIntegrations": ""} or settings.status == 200
    assert settings.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert server.get("/sourceConfig/?p=npm&v=3").json()["source"]["enabled"] is True
    assert server.get("/array/k/config").json()["supportedCompression"] == ["gzip", "gzip-js"]
    script = server.get("/array/k%22%5D/config.js")
    assert script.headers["Content-Type"].startswith("application/javascript") and '["k\\"]"]' in script.body.decode()
    assert server.post("/flags/?v=2", "{}").json()["flags"] == {}
    assert server.post("/v1/m", "{}").status == 200


def test_preflights_are_answered_before_any_key(keyed):
    for path in ("/v1/t", "/v1/batch", "/e/", "/batch/", "/v1/events", "/sourceConfig/", "/v1/projects/k/settings"):
        check_preflight(keyed[0], path)


def check_preflight(server, path):
    answer = server.request("OPTIONS", path, None, {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                                                    "Access-Control-Request-Headers": "anonymousid,authorization,content-type,sentat"})
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Access-Control-Allow-Headers"] == "anonymousid,authorization,content-type,sentat"
    assert 0 < int(answer.headers["Access-Control-Max-Age"]) <= 7200


def test_one_bad_event_of_a_batch_does_not_harm_the_others(keyed):
    server, key = keyed
    batch = [{"type": "track", "event": "a"}, {"type": "track"}, 7, {"type": "page", "timestamp": "noon"}, {"type": "page"}]
    answer = server.post("/v1/batch", {"batch": batch}, basic(key))
    assert (answer.status, answer.json()) == (200, {"success": True})
    answer = server.post("/batch/", {"api_key": key, "batch": [{"event": "b"}, {"distinct_id": "d"}, None]})
    assert (answer.status, answer.json()) == (200, {"status": 1})
    assert [row[0] for row in rows(keyed) if row[0] in ("a", "b", "page")] == ["a", "page", "b"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track", "/batch/", "/e/"])
def test_what_cannot_be_read_is_refused_and_nothing_of_it_kept(server, path):
    for body in ("", "hello", "{", '{"batch":[{}', '{"event":"a"}\n{"event_type":"b"}', '"a"', "data=%7B", "\x1f\x8bbroken"):
        answer = server.post(path, body.encode("latin-1"))
        assert answer.status == 400 and set(answer.json()) == {"error", "message", "hint"}, body
    assert server.scalar("select count(*) from events") == 0


@pytest.mark.parametrize("path,example", [("/v1/events", {"event_type": "page_view", "user_id": "u1", "properties": {}}), ("/v1/track", {"event": "Signed up", "userId": "u1", "properties": {}}),
                                          ("/e/", {"event": "signed up", "distinct_id": "u1", "properties": {}}),
                                          ("/v1/cloudevents", {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order", "data": {}})])
def test_a_refusal_shows_an_event_as_the_clients_of_that_path_write_it(server, path, example):
    for body in ("{", "", "[]"):
        answer = server.post(path, body)
        assert answer.status == 400 and json.dumps(example).replace(" ", "") in answer.json()["hint"].replace(" ", ""), answer.body
    assert server.post(path, example).status in (200, 202) and server.scalar("select count(*) from events") == 1


@pytest.mark.parametrize("path,body,dialect,row", [
    ("/v1/events?debug=1", [{"event_type": "a", "user_id": "u", "n": 1}, {}], "native", {"event_type": "a", "user_id": "u", "properties": {"n": 1}}),
    ("/v1/track?debug=1", [{"event": "a", "userId": "u", "n": 1}, {}], "segment", {"event_type": "a", "user_id": "u", "properties": {"n": 1, "type": "track"}}),
    ("/e/?debug=1", [{"event": "a", "distinct_id": "u", "n": 1}, {}], "posthog", {"event_type": "a", "user_id": "u", "properties": {"n": 1}}),
])
def test_debug_explains_and_stores_nothing(server, path, body, dialect, row):
    answer = server.post(path, body)
    told = answer.json()
    assert answer.status == 200 and (told["status"], told["stored"], told["dialect"], told["project"]) == ("debug", False, dialect, "default")
    assert (told["received"], told["accepted"]) == (2, 1)
    assert told["refused"] == [] and [(one["index"], one["error"]) for one in told["quarantine"]] == [(1, "missing_field")]
    [event] = told["events"]
    assert event.pop("event_id") and event.pop("timestamp") and event == row
    assert server.post(path.split("?")[0], body, {"X-Tidemark-Debug": "1"}).json()["status"] == "debug"
    assert server.scalar("select count(*) from events") == 0
    metrics = server.get("/metrics").body.decode()
    assert "\ntidemark_collect_received_events_total 0\n" in metrics


def test_debug_is_yes_or_no_and_nothing_in_between(server):
    for no in ("0", "false", "False", "no", "OFF"):
        assert server.post("/v1/events", {"event_type": "a"}, {"X-Tidemark-Debug": no}).status == 202
        assert server.post(f"/v1/track?debug={no}", {"event": "a", "userId": "u"}).json() == {"success": True}
    for yes in ("", "1", "True", "yes", "on"):
        assert server.post("/v1/events", {"event_type": "b"}, {"X-Tidemark-Debug": yes}).json()["status"] == "debug"
        assert server.post(f"/v1/track?debug={yes}", {"event": "b", "userId": "u"}).json()["status"] == "debug"
    for neither in ("2", "none", "verbose"):
        for path, headers in (("/v1/events", {"X-Tidemark-Debug": neither}), (f"/v1/events?debug={neither}", {})):
            answer = server.post(path, {"event_type": "b"}, headers)
            assert answer.status == 400 and f"`{neither}`" in answer.json()["message"], answer.body
    assert server.rows("select event_type, count(*) from events group by 1") == [("a", 10)]


def test_a_receipt_says_what_became_of_its_events(server):
    first = server.post("/v1/batch", {"batch": [{"type": "page"}] * 3}).headers["X-Tidemark-Receipt"]
    told = server.get(f"/v1/receipts/{first}").json()
    assert (told["status"], told["first_offset"], told["end_offset"], told["offsets"], told["settled_offsets"], told["snapshots"]) == ("visible", 0, 3, 3, 0, [])
    cut = server.settle()["cuts"]["default"]
    second = server.post("/e/", {"event": "later"}).headers["X-Tidemark-Receipt"]
    told = server.get(f"/v1/receipts/{first}").json()
    assert (told["status"], told["settled"], told["settled_offsets"]) == ("settled", True, 3)
    assert [(one["snapshot_id"], one["offsets"]) for one in told["snapshots"]] == [(cut["snapshot_id"], 3)]
    assert len(server.query(told["sql"])["data"]) == 3
    told = server.get(f"/v1/receipts/{second}").json()
    assert (told["status"], told["first_offset"], told["end_offset"]) == ("visible", 3, 4)
    assert [row["event_type"] for row in server.query(told["sql"])["data"]] == ["later"]
    log_id = first.split(".")[0]
    for receipt, status in ((f"{log_id}.0.3.9", 404), (f"{log_id}.1.0.1", 404), ("other.0.0.1", 404), ("nonsense", 400), (f"{log_id}.0.1.0", 400)):
        answer = server.get(f"/v1/receipts/{receipt}")
        assert answer.status == status and answer.json()["hint"], receipt
    assert server.get(f"/v1/receipts/{first}?project=other").status == 404
