"""What clients get wrong and what attackers try, at the doors of every dialect: never a 5xx, never an event twice or for somebody else, never a
second request out of one, never more memory than a request may have; and received = accepted + duplicate + quarantined + refused."""
import base64
import copy
import functools
import gzip
import json
import re
import socket
import urllib.parse
import zlib

import pytest

from support.server import Tidemark

COUNTED = re.compile(r"^tidemark_collect_(?:received_events_total|events_total\{outcome=\"(\w+)\"\}) (\d+)$", re.M)
TIME = "2026-01-02T03:04:05.678Z"
# As the SDKs send them: every member that one of them is known to write.
BODIES = {
    ("native", "/v1/events"): {"event_id": "id-native", "event_type": "e", "user_id": "u", "anonymous_id": "a", "session_id": "s", "timestamp": TIME, "page_url": "https://shop.example/",
                               "value": 1.5, "properties": {"a": {"b": [1]}}, "context": {"ip": "192.0.2.1"}},
    ("native batch", "/ingest/batch"): {"sentAt": TIME, "events": [{"event_type": "e", "user_id": "u", "timestamp": 1700000000000, "value": 1, "event_id": "id-batch"}]},
    ("cloudevents", "/v1/cloudevents"): {"specversion": "1.0", "id": "id-cloud", "source": "/s", "type": "e", "subject": "x", "time": TIME, "datacontenttype": "application/json",
                                         "dataschema": "https://example.com/s", "data": {"user_id": "u", "properties": {"a": 1}}},
    ("segment", "/v1/batch"): {"batch": [{"type": "track", "event": "e", "messageId": "id-segment", "userId": "u", "anonymousId": "a", "timestamp": TIME, "originalTimestamp": TIME, "sentAt": TIME,
                                          "properties": {"revenue": 1, "url": "https://shop.example/"}, "context": {"library": {"name": "analytics.js", "version": "1"}, "page": {"url": "/", "referrer": ""},
                                          "campaign": {"source": "mail"}, "os": {"name": "Linux"}, "ip": "192.0.2.1"}, "integrations": {"All": True}, "_metadata": {"bundled": []}}],
                               "sentAt": TIME, "context": {"library": {"name": "x"}}},
    ("segment call", "/v1/track"): {"event": "e", "messageId": "id-call", "userId": "u", "properties": {"a": 1}, "context": {"traits": {"plan": "pro"}}, "timestamp": TIME},
    ("posthog", "/batch/"): {"sent_at": TIME, "historical_migration": False, "batch": [
        {"event": "e", "uuid": "id-posthog", "distinct_id": "u", "timestamp": TIME, "type": "capture", "library": "posthog-python", "offset": 5,
         "properties": {"$lib": "x", "$current_url": "/", "$set": {"plan": "pro"}, "$session_id": "s", "$ip": "192.0.2.1"}}]},
}
VALUES = ["", "x" * 300, "\u0000", "\ud800", 0, -1, 1e300, 12345678901234567890, True, None, [], [[]], {}, {"a": {}}, [{}, 1]]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("abuse") / "data", "-X", "enrich.referrer=true") as server:
        yield server


def counters(server):
    found = {outcome or "received": int(value) for outcome, value in COUNTED.findall(server.get("/metrics").body.decode())}
    assert found["received"] == sum(found[name] for name in ("accepted", "duplicate", "quarantined", "refused")), found
    return found


def resident(server):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1]) << 10


def paths(value, at=()):
    """Of everything in it, itself first."""
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths(child, (*at, key))


def changed(body, path, value):
    if not path:
        return value
    body = copy.deepcopy(body)
    inside = body
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return body


@pytest.mark.parametrize("what", BODIES, ids=lambda what: what[0])
def test_whatever_one_value_becomes_the_request_is_answered_and_counted(running, what):
    body, path = BODIES[what], what[1]
    before, rows, kept = counters(running), running.scalar("select count(*) from events"), running.scalar("select count(*) from quarantine")
    connection = running.connect()
    statuses = {}
    for at in paths(body):
        for value in [*VALUES, "gone"]:
            bad = changed(body, at, value)
            if value == "gone" and at and isinstance(at[-1], str):
                inside = bad
                for key in at[:-1]:
                    inside = inside[key]
                del inside[at[-1]]
            connection.request("POST", path, json.dumps(bad))
            answer = connection.getresponse()
            text = answer.read()
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            assert answer.status in (200, 202, 400, 403), (at, value, answer.status, text[:300])
            if answer.status >= 400:
                assert set(json.loads(text)) >= {"error", "message", "hint"}, text
    connection.close()
    after = counters(running)
    assert running.scalar("select count(*) from events") - rows == after["accepted"] - before["accepted"]
    assert running.scalar("select count(*) from quarantine") - kept == after["quarantined"] - before["quarantined"]
    assert statuses.get(200, 0) + statuses.get(202, 0) > 0
    assert running.verify()["ok"]


@pytest.mark.parametrize("what", BODIES, ids=lambda what: what[0])
def test_a_body_that_breaks_off_anywhere_leaves_nothing(running, what):
    text = json.dumps(BODIES[what]).encode()
    rows = running.scalar("select count(*) from events")
    connection = running.connect()
    for end in range(0, len(text), 7):
        connection.request("POST", what[1], text[:end])
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 400, (end, answer.status)
    connection.close()
    assert running.scalar("select count(*) from events") == rows


@functools.cache
def gzip_bomb():
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * (1 << 20)) for _ in range(300)) + packer.flush()


@pytest.mark.parametrize("path", ["/v1/events", "/ingest/batch", "/v1/cloudevents", "/v1/batch", "/v1/t", "/beacon/v1/batch", "/batch/", "/e/?compression=gzip-js", "/i/v0/e/"])
def test_a_bomb_is_refused_at_every_door(running, path):
    bomb, before = gzip_bomb(), resident(running)
    for headers in ({}, {"Content-Encoding": "gzip"}):
        answer = running.post(path, bomb, headers)
        assert answer.status == 413 and answer.json()["hint"], answer.body[:300]
    # In a form, as a browser's beacon has it.
    if path.startswith(("/e", "/batch", "/i")):
        form = "data=" + urllib.parse.quote(base64.b64encode(bomb).decode())
        assert running.post(path, form, {"Content-Type": "application/x-www-form-urlencoded"}).status in (400, 413)
    assert resident(running) - before < 200 << 20


SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: yes\r\n\r\n"
EVENT = b'{"event_type":"smuggled"}'
LENGTH = b"Content-Length: %d\r\n" % len(EVENT)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
HEADS = {
    "length and chunks": (LENGTH + CHUNKED, CHUNKS),
    "chunks and length": (CHUNKED + LENGTH, CHUNKS),
    "no length and chunks": (b"Content-Length: 0\r\n" + CHUNKED, CHUNKS),
    "two lengths": (LENGTH + b"Content-Length: 5\r\n", EVENT),
    "one length twice": (LENGTH + LENGTH, EVENT),
    "a list of lengths": (b"Content-Length: %d, %d\r\n" % (len(EVENT), len(EVENT)), EVENT),
    "a length with a sign": (b"Content-Length: +%d\r\n" % len(EVENT), EVENT),
    "a hexadecimal length": (b"Content-Length: 0x%x\r\n" % len(EVENT), EVENT),
    "an empty length": (b"Content-Length: \r\n", EVENT),
    "a length in words": (b"Content-Length: 2 5\r\n", EVENT),
    "another coding": (b"Transfer-Encoding: identity\r\n", CHUNKS),
    "a coding that is nearly chunked": (b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    "chunked is not the last": (b"Transfer-Encoding: chunked, identity\r\n", CHUNKS),
    "chunked twice": (b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "a blank before the colon": (b"Transfer-Encoding : chunked\r\n", CHUNKS),
    "a vertical tab": (b"Transfer-Encoding:\x0bchunked\r\n", CHUNKS),
    "a folded line": (b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
    "a folded other line": (b"X-A: b\r\n c\r\n" + LENGTH, EVENT),
    "a line that ends with a bare LF": (b"X-A: b\n" + LENGTH, EVENT),
    "a bare CR in a value": (b"X-A: b\rContent-Length: 3\r\n" + LENGTH, EVENT),
    "a bare CR for a value": (b"X-A:\rContent-Length: 3\r\n" + LENGTH, EVENT),
    "a bare CR for a value and the head's end": (b"X-A:\r\r\n" + LENGTH, EVENT),
    "a bare LF for the head's end": (LENGTH + b"\n", EVENT),
    "a NUL in a value": (b"X-A: \x00\r\n" + LENGTH, EVENT),
    "a chunk with a sign": (CHUNKED, b"+19\r\n%s\r\n0\r\n\r\n" % EVENT),
    "a chunk in C": (CHUNKED, b"0x19\r\n%s\r\n0\r\n\r\n" % EVENT),
    "a chunk that ends with a bare LF": (CHUNKED, b"19\n%s\r\n0\r\n\r\n" % EVENT),
    "a chunk whose size ends with a bare CR": (CHUNKED, b"19\rX%s\r\n0\r\n\r\n" % EVENT),
    "a last chunk that ends with a bare CR": (CHUNKED, b"19\r\n%s\r\n0\rX\r\n" % EVENT),
    "a trailer of a bare CR": (CHUNKED, b"19\r\n%s\r\n0\r\nX-A:\r\r\nX-B: b\r\n\r\n" % EVENT),
    "a folded trailer": (CHUNKED, b"19\r\n%s\r\n0\r\nX-A: a\r\n b\r\n\r\n" % EVENT),
    "a chunk that is longer than it says": (CHUNKED, b"18\r\n%s\r\n0\r\n\r\n" % EVENT),
    "a chunk's data without an end": (CHUNKED, b"19\r\n%s0\r\n\r\n" % EVENT),
}


@pytest.mark.parametrize("what", HEADS)
def test_a_request_whose_length_could_be_read_two_ways_is_refused_and_ends_the_connection(running, what):
    head, body = HEADS[what]
    before = running.scalar("select count(*) from events where event_type = 'smuggled'")
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as peer:
        peer.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n" + body + SMUGGLED)
        peer.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while part := peer.recv(65536):
                received += part
        except ConnectionResetError:
            pass
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
    assert statuses == [400], (statuses, received[:400])
    assert running.scalar("select count(*) from events where event_type = 'smuggled'") == before


SAID_TWICE = [("Idempotency-Key", "a", "b"), ("X-Tidemark-Project", "default", "other"), ("X-Tidemark-Debug", "0", "1"), ("ce-id", "a", "b"),
              ("Content-Encoding", "identity", "gzip"), ("X-Tidemark-Sequence", "1", "2"), ("Origin", "http://localhost", "http://a.example")]


@pytest.mark.parametrize("name,one,other", SAID_TWICE)
def test_a_header_that_is_said_twice_and_differs_is_refused_by_its_name(running, name, one, other):
    def send(*values):
        connection = running.connect()
        connection.putrequest("POST", "/v1/events")
        for value in values:
            connection.putheader(name, value)
        connection.putheader("Content-Length", "25")
        connection.endheaders(b'{"event_type":"twice"}   ')
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    before = running.scalar("select count(*) from events")
    for values in [(one, other), (other, one)]:
        status, body = send(*values)
        assert status == 400 and f"two headers {name} and they differ" in body["message"] and body["hint"], body
    assert running.scalar("select count(*) from events") == before
    assert "they differ" not in str(send(one, one))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("keyed") / "data", dev=False) as server:
        admin = next(word for word in server.banner.split() if word.startswith("tm_"))
        server.admin = {"X-API-Key": admin}
        server.key = {}
        for project in ("shop", "site"):
            server.key[project] = server.post("/v1/keys", {"scopes": "ingest query", "project": project}, server.admin).json()["key"]
        yield server


def count(server, project):
    return server.post("/v1/sql", {"query": "select count(*) as n from events"}, {"X-API-Key": server.key[project]}).json()["data"][0]["n"]


@pytest.mark.parametrize("what", BODIES, ids=lambda what: what[0])
def test_a_key_writes_into_its_own_project_whatever_the_request_says(keyed, what):
    path, body = what[1], BODIES[what]
    before = count(keyed, "site")
    mine = {"X-API-Key": keyed.key["shop"]}
    for more in ({"X-Tidemark-Project": "site"}, {"X-Tidemark-Project": "default"}, {"X-Tidemark-Project": "../site"}):
        answer = keyed.post(path, body, {**mine, **more})
        assert answer.status == 403 and "another project" in answer.json()["message"]
    assert keyed.post(path + "?project=site", body, mine).status == 403
    # A body's own key or project does not count against that of the header.
    named = {**body, "project_id": "site", "projectId": "site", "writeKey": keyed.key["site"], "api_key": keyed.key["site"]}
    assert keyed.post(path, named, mine).status in (200, 202, 403)
    assert count(keyed, "site") == before
    # A revoked one is worth nothing at any door.
    made = keyed.post("/v1/keys", {"scopes": "ingest", "project": "shop"}, keyed.admin).json()
    assert keyed.post(path, body, {"X-API-Key": made["key"]}).status in (200, 202)
    assert keyed.request("DELETE", f"/v1/keys/{made['id']}", None, keyed.admin).status == 200
    assert keyed.post(path, body, {"X-API-Key": made["key"]}).status == 401


@pytest.mark.parametrize("what", BODIES, ids=lambda what: what[0])
def test_an_idempotency_key_with_another_body_is_refused_at_every_door(running, what):
    path = what[1]
    body = json.loads(json.dumps(BODIES[what]).replace("id-", "once-"))
    headers = {"Idempotency-Key": f"abuse {what[0]}"}
    first = running.post(path, body, headers)
    again = running.post(path, body, headers)
    assert first.status == again.status and first.headers["X-Tidemark-Receipt"] == again.headers["X-Tidemark-Receipt"]
    rows = running.scalar("select count(*) from events")
    for other in (changed(body, list(paths(body))[-1], 7), {**body, "more": 1}):
        answer = running.post(path, other, headers)
        assert answer.status == 409 and answer.json()["hint"], answer.body
    assert running.scalar("select count(*) from events") == rows
    for bad in ("", "x" * 256):
        assert running.post(path, body, {"Idempotency-Key": bad}).status == 400


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "^(.*a){20}$", "(x+x+)+y"])
def test_a_pattern_that_would_take_others_years_takes_no_time(running, pattern):
    schema = {"type": "object", "properties": {"text": {"type": "string", "pattern": pattern}}}
    assert running.post("/v1/schemas/evil?mode=enforce&compatibility=none", schema).status in (200, 201)
    answer = running.post("/v1/events", [{"event_type": "evil", "text": letter * 50_000 + "!"} for letter in "ax" for _ in range(20)])
    assert answer.status == 202 and answer.json()["received"] == 40
    assert running.get("/livez").status == 200


@pytest.mark.parametrize("pattern", ["(((x{100}){100}){100}){100}", "a" * 100_000, "(" * 5_000 + ")" * 5_000, "[", "(?P<n>a)(?P<n>b)"])
def test_a_pattern_that_is_too_large_is_refused(running, pattern):
    answer = running.post("/v1/schemas/huge", {"properties": {"text": {"pattern": pattern}}})
    assert answer.status == 400 and answer.json()["hint"], answer.body[:300]


def test_a_schema_that_calls_itself_ends_with_the_event(running):
    schema = {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"properties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}}},
                                                         "additionalProperties": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": ["string", "number", "null"]}]}}}}
    assert running.post("/v1/schemas/deep?mode=enforce", schema).status == 201
    nested = {}
    for _ in range(50):
        nested = {"a": nested, "b": nested} if len(json.dumps(nested)) < 100_000 else {"a": nested}
    answer = running.post("/v1/events", [{"event_type": "deep", **nested}] * 5)
    assert answer.status == 202 and answer.json()["received"] == 5
    assert running.get("/livez").status == 200


@pytest.mark.parametrize("path", sorted({path for _, path in BODIES}))
def test_a_page_that_may_not_use_the_key_learns_nothing(keyed, path):
    made = keyed.post("/v1/keys", {"scopes": "ingest", "project": "shop", "origins": ["https://shop.example"]}, keyed.admin).json()["key"]
    body = next(body for (_, one), body in BODIES.items() if one == path)
    for origin in ("https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:8443", "null", "https://sub.shop.example"):
        answer = keyed.post(path, body, {"X-API-Key": made, "Origin": origin})
        assert answer.status == 403 and "Access-Control-Allow-Origin" not in answer.headers, (origin, answer.headers)
    answer = keyed.post(path, body, {"X-API-Key": made, "Origin": "https://shop.example"})
    assert answer.status in (200, 202) and answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"


def test_bodies_are_told_by_what_they_are_and_not_by_what_they_say(running):
    text = json.dumps(BODIES[("segment call", "/v1/track")]).encode()
    for kind in ("text/plain", "image/png", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-7", "\x80"):
        assert running.post("/v1/track", gzip.compress(text), {"Content-Type": kind}).status == 200, kind
