"""What clients can do wrong: each gets its status and `{"error","message","hint"}`, the good beside it is kept, and the
server goes on as if nothing had been."""
import base64
import gzip
import http.client
import json
import re
import socket
import threading
import time
import zlib

import pytest

from support.server import Tidemark

PATHS = ("/v1/events", "/events", "/ingest", "/ingest/batch")
MEMORY = 1 << 30
GOOD = {"event_type": "good", "user_id": "u", "value": 1, "timestamp": 1700000000000}
COUNTED = re.compile(r"^(tidemark_collect_\w+?)(?:\{outcome=\"(\w+)\"\})? (\d+)$", re.M)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("bad") / "data", "--memory", f"{MEMORY >> 20}MiB") as server:
        yield server


@pytest.fixture
def unharmed(running):
    """The server, which must be the same process and healthy afterwards, with counters that sum."""
    yield running
    assert running.process.poll() is None
    health = running.get("/health")
    assert health.status == 200 and health.json()["status"] == "healthy"
    counts = counters(running)
    assert counts["received"] == sum(counts[name] for name in ("accepted", "duplicate", "quarantined", "refused")), counts


def counters(server):
    found = {}
    for name, outcome, value in COUNTED.findall(server.get("/metrics").body.decode()):
        found[outcome or name.removeprefix("tidemark_collect_").removesuffix("_total").removesuffix("_events")] = int(value)
    return found


def check_refusal(answer, status):
    assert answer.status == status, (answer.status, answer.body[:300])
    body = answer.json()
    assert body["error"] == http.client.responses[status].replace("Request Entity Too Large", "Content Too Large")
    assert len(body["message"]) > 5 and len(body["hint"]) > 10, body
    assert "/" + "src/" not in body["message"] and "exception" not in body["message"].lower()
    return body


def raw(server, text, *, half_close=False, timeout=20):
    """Sends bytes as they are and returns everything that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as peer:
        try:
            peer.sendall(text if isinstance(text, bytes) else text.encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused while we were still sending: the answer is there.
        if half_close:
            peer.shutdown(socket.SHUT_WR)
        return drain(peer)


def drain(peer):
    received = b""
    try:
        while part := peer.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def statuses(received):
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", received) if s != b"102"]


UNREADABLE = {
    "cut short": b'{"event_type":',
    "no JSON": b"hello",
    "a stray comma": b'[{"event_type":"a"},]',
    "single quotes": b"{'event_type':'a'}",
    "NaN": b'{"event_type":"a","value":NaN}',
    "a leading zero": b'{"event_type":"a","value":012}',
    "a raw control character": b'{"event_type":"a\x01"}',
    "invalid UTF-8": b'{"event_type":"a\xff\xfe"}',
    "an overlong encoding": b'{"event_type":"\xc0\x80"}',
    "UTF-16": '{"event_type":"a"}'.encode("utf-16"),
    "NUL bytes": b"\x00" * 100,
    "nothing": b"",
    "blanks": b"  \n\t ",
    "an empty list": b"[]",
    "a number": b"17",
    "a text": b'"event"',
    "null": b"null",
    "deep arrays": b"[" * 100_000,
    "random gzip": b"\x1f\x8b" + bytes(range(256)) * 4,
    "random zstd": b"\x28\xb5\x2f\xfd" + bytes(range(256)) * 4,
    "cut gzip": gzip.compress(b'{"event_type":"a"}' * 100)[:-12],
}
# Whose brackets are right: an event that somebody could put right.
KEPT = {
    "an unpaired surrogate": b'{"event_type":"\\ud800"}',
    "a broken escape": b'{"event_type":"\\q"}',
    "an empty object": b"{}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", KEPT)
def test_a_body_that_is_one_event_that_is_not_valid_is_kept_as_it_was_sent(unharmed, what, path):
    answer = unharmed.post(path, KEPT[what])
    assert (answer.status, answer.json()["status"]) == (400 if path == "/ingest" else 202, "quarantined"), answer.body
    assert unharmed.get("/v1/quarantine/" + answer.json()["quarantineId"]).json()["raw"].encode() == KEPT[what]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", UNREADABLE)
def test_a_body_that_holds_no_event_is_400_and_leaves_none(unharmed, what, path):
    before = counters(unharmed)["accepted"]
    check_refusal(unharmed.post(path, UNREADABLE[what]), 400)
    assert counters(unharmed)["accepted"] == before


BAD_EVENTS = {
    "no type": ({"user_id": "u"}, "missing_field"),
    "a type that is an object": ({"event_type": {"a": 1}}, "wrong_type"),
    "a type that is null": ({"event_type": None}, "missing_field"),
    "a type that is a list": ({"event_type": ["a"]}, "wrong_type"),
    "properties that are a list": ({"event_type": "a", "properties": [1]}, "wrong_type"),
    "properties that are a text": ({"event_type": "a", "properties": "x"}, "wrong_type"),
    "a value that is a text": ({"event_type": "a", "value": "much"}, "wrong_type"),
    "a user that is an object": ({"event_type": "a", "user_id": {"id": 1}}, "wrong_type"),
    "a time that is no time": ({"event_type": "a", "timestamp": "yesterday"}, "bad_timestamp"),
    "a day that does not exist": ({"event_type": "a", "timestamp": "2023-02-30T00:00:00Z"}, "bad_timestamp"),
    "the year 300,000": ({"event_type": "a", "timestamp": "+300000-01-01T00:00:00Z"}, "bad_timestamp"),
    "a time without end": ({"event_type": "a", "timestamp": 1e300}, "bad_timestamp"),
    "a time before time": ({"event_type": "a", "timestamp": -1e30}, "bad_timestamp"),
    "the middle of an hour that is no hour": ({"event_type": "a", "timestamp": "2024-01-15T24:30:00Z"}, "bad_timestamp"),
    "properties in a text": ({"event_type": "a", "properties": "{\"a\":1}"}, "wrong_type"),
    "a time that is an object": ({"event_type": "a", "timestamp": {}}, "bad_timestamp"),
    "a NUL in a text": ({"event_type": "a", "user_id": "a\0b"}, "nul_character"),
    "too deep properties": ({"event_type": "a", "properties": json.loads('{"a":' * 80 + "1" + "}" * 80)}, "too_deep"),
    "a text": ("event", "not_an_object"),
    "null": (None, "not_an_object"),
    "a list": ([], "not_an_object"),
    "3 MB": ({"event_type": "a", "properties": {"text": "x" * 3_000_000}}, "event_too_large"),
}


# What is no event that could be put right.
NEVER_KEPT = {"not_an_object": 400, "event_too_large": 413}


@pytest.mark.parametrize("what", BAD_EVENTS)
def test_one_bad_event_is_kept_or_refused_with_its_reason(unharmed, what):
    event, code = BAD_EVENTS[what]
    if code in NEVER_KEPT:
        if isinstance(event, dict):
            check_refusal(unharmed.post("/v1/events", event), NEVER_KEPT[code])
        body = check_refusal(unharmed.post("/v1/events", [event]), NEVER_KEPT[code])
        assert [(r["index"], r["error"]) for r in body["refused"]] == [(0, code)], body
        return
    one = unharmed.post("/v1/events", event)
    assert one.status == 202 and (one.json()["status"], one.json()["error"]) == ("quarantined", code) and one.json()["message"]
    body = unharmed.post("/v1/events", [event]).json()
    assert (body["status"], body["accepted"], body["quarantined"], body["refused"]) == ("quarantined", 0, 1, [])
    assert [(r["index"], r["error"]) for r in body["quarantine"]] == [(0, code)], body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("byte", (b"\0", b"\xff", b"\t", b'"', b","))
def test_bytes_where_a_name_should_be_harm_nobody(unharmed, path, byte):
    for new in (b'"event_type":"a"', b'"event_type":"a","name%d":1' % ord(byte)):  # Names are told by those before them.
        assert unharmed.post(path, GOOD).status in (200, 202)
        answer = unharmed.post(path, b"{" + new + b"," + byte * 64 + b'"user_id":"u"}')
        assert answer.status == 400 or answer.json()["status"] == "quarantined" or byte == b"\t", answer.body


def test_a_batch_keeps_the_good_events_and_names_each_bad_one_by_index(unharmed):
    before = unharmed.scalar("select count(*) from events where event_type = 'kept'")
    counted = counters(unharmed)
    bad = [event for event, _ in BAD_EVENTS.values()]
    batch = [item for event in bad for item in ({"event_type": "kept"}, event)]
    answer = unharmed.post("/v1/events", batch)
    assert answer.status == 202, answer.body
    body = answer.json()
    assert (body["received"], body["accepted"]) == (2 * len(bad), len(bad))
    assert sorted(r["index"] for r in body["refused"] + body["quarantine"]) == list(range(1, 2 * len(bad), 2))
    assert all(r["error"] and r["message"] for r in body["refused"] + body["quarantine"])
    assert unharmed.scalar("select count(*) from events where event_type = 'kept'") == before + len(bad)
    after = counters(unharmed)
    none = sum(code in NEVER_KEPT for _, code in BAD_EVENTS.values())
    assert {name: after[name] - counted[name] for name in ("accepted", "quarantined", "refused")} == {"accepted": len(bad), "quarantined": len(bad) - none, "refused": none}


def test_a_bad_line_of_ndjson_is_kept_and_harms_no_other(unharmed):
    lines = [b'{"event_type":"line"}', b'{"event_type":', b'{"event_type":"line"}', b'{"event_type":"\xff"}', b'{"event_type":"line"}']
    answer = unharmed.post("/v1/events", b"\n".join(lines))
    assert answer.status == 202
    assert [(r["index"], r["error"]) for r in answer.json()["quarantine"]] == [(1, "invalid_json"), (3, "invalid_json")]


def test_the_strict_doors_name_each_missing_field(unharmed):
    for missing in GOOD:
        event = {name: value for name, value in GOOD.items() if name != missing}
        answer = unharmed.post("/ingest", event)
        body = answer.json()
        assert (answer.status, body["error"], body["status"], body["reason"]) == (400, "Bad Request", "quarantined", "missing_field")
        assert missing in body["message"] and "quarantine" in body["hint"]
        # An error to its client, and kept all the same: it can be put right.
        assert unharmed.get("/v1/quarantine/" + body["quarantineId"]).json()["raw"] == json.dumps(event)
        answer = unharmed.post("/ingest/batch", {"events": [GOOD, event, GOOD]})
        assert answer.status == 202
        [kept] = answer.json()["quarantine"]
        assert kept["index"] == 1 and missing in kept["message"]
    for name, wrong in (("timestamp", "2024-01-01"), ("value", "1")):
        assert unharmed.post("/ingest", {**GOOD, name: wrong}).json()["reason"] == "wrong_type"


def test_a_body_of_100_mb_is_refused_before_it_is_sent(unharmed):
    head = f"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 << 20}\r\nExpect: 100-continue\r\n\r\n"
    assert statuses(raw(unharmed, head)) == [413]


def test_a_body_of_100_mb_is_refused_while_it_is_sent(unharmed):
    piece = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    received = raw(unharmed, b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + piece * 100)
    assert statuses(received) == [413]
    assert b'"hint"' in received


def bombs():
    packer = zlib.compressobj(9, wbits=31)
    data = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(300)) + packer.flush()
    yield "gzip", data
    yield "gzip of gzip", gzip.compress(gzip.compress(b" " * (1 << 28), 1), 9)
    # One zstd frame: magic, window of 128 KiB, then run-length blocks of 128 KiB each.
    block = (1 << 1 | (128 << 10) << 3).to_bytes(3, "little") + b" "
    yield "zstd", b"\x28\xb5\x2f\xfd\x00\x38" + block * 8000 + (1 | 1 << 1 | 8 << 3).to_bytes(3, "little") + b" "
    # A window of 2 GiB.
    yield "zstd window", b"\x28\xb5\x2f\xfd\x00\xa8" + block


@pytest.mark.parametrize("what,body", list(bombs()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_zip_bomb_is_refused_without_taking_the_memory(unharmed, what, body):
    check_bomb(unharmed, "/v1/events", what, body)


def check_bomb(server, path, what, body):
    before = resident(server)
    answer = server.post(path, body)
    check_refusal(answer, 400 if what in ("zstd window", "gzip of gzip") and answer.status == 400 else 413)
    assert resident(server) - before < 200 << 20


def resident(server, field="VmRSS"):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith(field):
            return int(line.split()[1]) << 10
    return 0


def peak(server):
    return resident(server, "VmHWM")


@pytest.mark.parametrize("header", ["lz4", "compress", "gzip, br", "snappy"])
def test_a_coding_that_is_not_understood_is_415(unharmed, header):
    for path, body in (("/v1/events", {"event_type": "a"}), ("/v1/sql", "select 1")):
        answer = unharmed.post(path, body, {"Content-Encoding": header})
        check_refusal(answer, 415)
        assert "gzip" in answer.headers["Accept-Encoding"]


@pytest.mark.parametrize("what,body", list(bombs()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_statement_may_be_no_zip_bomb(unharmed, what, body):
    check_bomb(unharmed, "/v1/sql", what, body)


def test_codings_are_told_by_the_bytes_whatever_the_header_says(unharmed):
    plain = b'{"event_type":"coded"}'
    for header in ({}, {"Content-Encoding": "gzip"}, {"Content-Encoding": "identity"}):
        for body in (plain, gzip.compress(plain), zlib.compress(plain)):
            assert unharmed.post("/v1/events", body, header).status == 202


@pytest.mark.parametrize("text,status", [
    ("NONSENSE\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),  # No Host.
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    ("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
    ("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
    ("POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
    ("GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 100_000 + "\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 20_000 + "\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: a\r\nBad Name: a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS.
    ("GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
    ("DELETE /v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    ("BREW /v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400),
], ids=lambda value: value[:50] if isinstance(value, str) else None)
def test_what_is_no_good_http_is_refused_in_json(unharmed, text, status):
    received = raw(unharmed, text)
    assert statuses(received) == [status], received[:300]
    body = json.loads(received.split(b"\r\n\r\n", 1)[1])
    assert body["message"] and body["hint"]


def test_chunked_bodies_pipelining_and_half_closed_connections_are_served(unharmed):
    chunked = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"1\r\n" + bytes([c]) + b"\r\n" for c in b'{"event_type":"chunked"}') + b"0\r\n\r\n"
    bad = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n{x}"
    received = raw(unharmed, (chunked + bad) * 20, half_close=True)
    assert statuses(received) == [202, 400] * 20


def test_a_slow_client_is_told_and_holds_up_nobody(unharmed):
    """Slowloris: a head that never ends is answered after the head's deadline (10 s)."""
    slow = [socket.create_connection(("127.0.0.1", unharmed.port), timeout=30) for _ in range(100)]
    for peer in slow:
        peer.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\n")
    start = time.monotonic()
    for _ in range(50):
        assert unharmed.post("/v1/events", {"event_type": "quick"}).status == 202
    assert time.monotonic() - start < 5
    assert statuses(drain(slow[0])) == [408]
    for peer in slow:
        peer.close()


def test_a_client_that_vanishes_in_the_middle_of_a_body_leaves_nothing(unharmed):
    before = counters(unharmed)
    for _ in range(50):
        peer = socket.create_connection(("127.0.0.1", unharmed.port))
        peer.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n[{\"event_type\":\"half\"}")
        peer.close()
    assert counters(unharmed)["accepted"] == before["accepted"]
    assert unharmed.scalar("select count(*) from events where event_type = 'half'") == 0


# --- SQL

def test_a_table_that_does_not_exist_is_404(unharmed):
    check_refusal(unharmed.post("/v1/sql", "select * from nowhere"), 404)


@pytest.mark.parametrize("statement", [
    "", "   ", ";", "selec 1", "select", "select nothing from events", "select 1; select 2",
    "select 'open", "select 1/*", "select \x00", "select 1\x00 from nowhere", '{"query":"select 1\\u0000"}', '{"query":"select 1","sql":"select 2"}', "select cast('x' as integer)", "select " + "(" * 5_000,
    "select " + "1+" * 200_000 + "1", "{\"query\":7}", "{\"query\":\"select 1\",\"colour\":1}", "{\"query\":", "{\"params\":[1]}",
    "select $1", "select count(*) from events where user_id = $missing", "select now() at time zone 'Europe/Nowhere'",
], ids=lambda statement: statement[:40])
def test_sql_that_is_wrong_is_400(unharmed, statement):
    check_refusal(unharmed.post("/v1/sql", statement), 400)


@pytest.mark.parametrize("statement,instead", [
    ("select quantile(0.9)(value) from events", "quantile_cont(value, 0.9)"), ("select topK(3)(user_id) from events", "approx_top_k("),
    ("select count(*) from default.events", '"default".events'), ("select count(*) from events format JSON", "?format="),
    ("select * from events limit 1 by user_id", "qualify row_number()"), ("select * from events prewhere true", "where"),
    ("select 1 settings max_threads = 1", "?timeout_ms="), ("select any(user_id) from events", "any_value"),
    ("select safe_cast('1' as int)", "try_cast"), ("select top 3 * from events", "limit 3"),
    ("select 1 from events where timestamp > now() - 1 day", "interval 1 day"), ("select `user_id` from events", '"double quotes"'),
    ("select multiIf(true, 1, 2)", "case when"), ("select has([1], 1)", "list_contains"), ("select groupArray(user_id) from events", "list(x)"),
    ("select toUnixTimestamp(timestamp) from events", "epoch(timestamp)"), ("select approx_distinct(user_id) from events", "approx_count_distinct"),
    ("select json_extract_scalar(properties, '$.a') from events", "properties->>'$.name'"), ("select nvl(user_id, '') from events", "coalesce"),
    ("select to_char(timestamp, 'YYYY') from events", "strftime("), ("select date_bin('1 hour', timestamp, now()) from events", "time_bucket("),
    ("select time_bucket_gapfill('1 hour', timestamp) from events", "generate_series("), ("select 1 from events where $__timeFilter(timestamp)", "Grafana"),
    ("select $__timeGroup(timestamp, '1h') from events", "Grafana"),
], ids=lambda value: value[:40])
def test_the_sql_of_other_products_is_told_what_to_write_here(unharmed, statement, instead):
    answer = unharmed.post("/v1/sql", statement)
    check_refusal(answer, 400)
    assert instead in answer.json()["hint"]


def test_what_other_products_are_told_to_write_works(unharmed):
    for expression in ("quantile_cont(value, 0.9)", "approx_top_k(event_type, 3)", "any_value(user_id)", "list(user_id)", "list(distinct user_id)",
                       "approx_count_distinct(user_id)", "approx_quantile(value, 0.9)", "approx_quantile(value, [0.5, 0.9])", "count(distinct user_id)",
                       "max(epoch(timestamp))", "max(date_trunc('hour', timestamp))", "max(strftime(timestamp, '%Y-%m-%d'))",
                       "max(timestamp + interval 1 day)", "max(properties->>'$.name')", "max(to_timestamp(1))", "max(try_cast('x' as int))",
                       "max(coalesce(user_id, ''))", "max('2026-01-01'::timestamptz)", "bool_or(list_contains([1], 1))",
                       "max(time_bucket(interval 1 hour, timestamp))"):
        unharmed.query(f"select {expression} from events")
    unharmed.query("select g.t, count(event_id) from generate_series(timestamptz '2026-01-01', timestamptz '2026-01-02', interval 1 hour) g(t) left join events on time_bucket(interval 1 hour, timestamp) = g.t group by 1")
    listed = {"query": "select event_type from events where event_type = any(from_json($1, '[\"VARCHAR\"]'))"}
    assert unharmed.post("/v1/sql", {**listed, "params": ['["none"]']}).json()["data"] == []
    refused = unharmed.post("/v1/sql", {**listed, "params": [["none"]]})
    check_refusal(refused, 400)
    assert "any(from_json($n, '[\"VARCHAR\"]'))" in refused.json()["message"]
    for statement in ("select unnest([1, 2])", 'select count(*) from "default".events', "select now()",
                      "select user_id from events qualify row_number() over (partition by user_id order by timestamp) <= 1"):
        unharmed.query(statement)


@pytest.mark.parametrize("statement", [
    "drop table events", "create table t(i int)", "insert into events select * from events", "delete from events",
    "update events set user_id = ''", "attach 'x.db'", "copy (select 1) to '/tmp/tidemark-x'", "install httpfs", "load httpfs",
    "set memory_limit = '1GB'", "pragma database_list", "select * from read_csv('/etc/passwd')", "select * from read_text('/etc/passwd')",
    "from '/etc/passwd'", "select * from '/etc/passwd'", "select * from glob('/*')", "select * from read_parquet('*.parquet')",
    "select getenv('HOME')", "select * from duckdb_settings()", "call pragma_version()", "export database '/tmp/x'",
    "select * from pg_catalog.pg_tables", "select * from information_schema.schemata", "with a as (delete from events) select 1",
    "explain analyze copy (select 1) to '/tmp/x'", "select * from read_blob('/proc/self/environ')", "checkpoint", "vacuum",
    "prepare p as select 1", "begin", "use memory",
])
def test_sql_that_is_forbidden_is_refused_and_does_nothing(unharmed, statement):
    answer = unharmed.post("/v1/sql", statement)
    assert answer.status in (400, 403), (answer.status, answer.body[:200])
    check_refusal(answer, answer.status)
    assert b"root:" not in answer.body


def test_sql_that_is_huge_is_refused(unharmed):
    statement = "select '" + "x" * (2 << 20) + "'"
    for body in (statement, gzip.compress(statement.encode())):
        answer = unharmed.post("/v1/sql", body)
        check_refusal(answer, answer.status)
        assert answer.status in (400, 413)


@pytest.mark.parametrize("statement", [
    "select length(repeat('x', 3000000000))", "select len(list_resize([1], 1000000000))", "select format('{:>2000000000}', 1)",
    "select replace(s, 'x', s) from (select repeat('x', 3000000) s)",
    "select len(list_transform(range(1000000), lambda x: repeat('y', 100000)))",
    "select repeat('x', 2000000 + i::int) from range(2048) t(i)"])
def test_an_expression_does_not_take_all_memory(unharmed, statement):
    refused = check_refusal(unharmed.post("/v1/sql", statement), 503)
    assert "server.memory" in refused["message"]
    assert peak(unharmed) < MEMORY


def test_sql_that_never_ends_meets_its_time_limit(unharmed):
    endless = "select count(*) from range(1000000000) a, range(1000000000) b where a.range + b.range = -1"
    start = time.monotonic()
    answer = unharmed.post("/v1/sql", {"query": endless, "timeout_ms": 500})
    check_refusal(answer, 504)
    assert time.monotonic() - start < 10


def test_a_query_whose_client_has_left_is_given_up(unharmed):
    endless = json.dumps({"query": "select count(*) from range(1000000000) a, range(1000000000) b where a.range + b.range = -1"})
    for _ in range(4):  # As many as run at once.
        peer = socket.create_connection(("127.0.0.1", unharmed.port))
        peer.sendall(f"POST /v1/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(endless)}\r\n\r\n{endless}".encode())
        peer.close()
    start = time.monotonic()
    assert unharmed.scalar("select 1") == 1
    assert time.monotonic() - start < 15


def test_many_bad_clients_at_once_harm_nobody(unharmed):
    failures = []

    def bad(seed):
        for i, body in enumerate(list(UNREADABLE.values()) * 2):
            try:
                if unharmed.post("/v1/events", body).status != 400:
                    failures.append((seed, i))
            except OSError as error:
                failures.append((seed, i, error))

    threads = [threading.Thread(target=bad, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        assert unharmed.post("/v1/events", {"event_type": "among"}).status == 202
    for thread in threads:
        thread.join()
    assert not failures


# --- Who asks

def test_an_unknown_key_is_401_at_every_door(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        key = next(word for word in server.banner.split() if word.startswith("tm_"))
        for path in (*PATHS, "/v1/sql", "/v1/settle", "/v1/verify"):
            for headers in ({}, {"X-API-Key": "tm_wrong"}, {"Authorization": "Bearer " + key[:-1]}, {"Authorization": "Basic !!"}):
                answer = server.post(path, b"not read", headers)
                check_refusal(answer, 401)
                assert answer.headers["WWW-Authenticate"]
        assert server.get("/v1/tables/default/events").status == 401
        basic = {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
        assert server.post("/v1/events", {"event_type": "a"}, basic).status == 202
        check_refusal(server.post("/v1/events", {"event_type": "a"}, {"X-API-Key": key, "X-Tidemark-Project": "other"}), 403)
        check_refusal(server.post("/v1/sql", "select 1", {"X-API-Key": key, "X-Tidemark-Project": "other"}), 403)


FOREIGN = [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://127.0.0.1.evil.example"}, {"Origin": "http://127.evil.example"}, {"Origin": "http://[::1].evil.example"},
    {"Host": "evil.example"}, {"Host": "127.evil.example"}, {"Host": "127.0.0.1.evil.example:80"}, {"Host": "localhost.evil.example"},
    {"Host": "localhost:80@evil.example"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Via": "1.1 proxy"},
    {"X-Real-IP": "127.0.0.1"}, {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: "-".join(next(iter(headers.items()))))
def test_dev_trusts_no_foreign_page_name_or_proxy(unharmed, headers):
    for path, body in (("/v1/events", '{"event_type":"foreign"}'), ("/v1/sql", "select 1"), ("/v1/settle", "")):
        check_refusal(unharmed.post(path, body, headers), 401)


@pytest.mark.parametrize("headers", [
    {"Origin": "http://localhost:3000"}, {"Origin": "http://127.0.0.1:8080"}, {"Origin": "http://[::1]:8080"},
    {"Host": "localhost"}, {"Host": "LOCALHOST:8080"}, {"Host": "[::1]:8080"}, {"Host": "127.0.0.1:1"},
])
def test_dev_trusts_this_machine(unharmed, headers):
    assert unharmed.post("/v1/events", {"event_type": "near"}, headers).status == 202


def test_a_preflight_is_answered_before_any_key(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        for path in (*PATHS, "/v1/sql"):
            answer = server.request("OPTIONS", path, None, {
                "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-api-key"})
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
            assert answer.headers["Access-Control-Allow-Headers"] == "content-type,x-api-key"
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        # What an answer says in its head can be read by the page.
        told = server.post("/v1/sql", "select 1", {"Origin": "https://shop.example"}).headers["Access-Control-Expose-Headers"].split(", ")
        assert {"X-Tidemark-Receipt", "X-Tidemark-Cut", "X-Tidemark-Route", "Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} == set(told)
        assert server.request("TRACE", "/v1/sql").json()["message"] == "this method is not understood here"
        # A refusal can be read by the page, too.
        refused = server.post("/v1/events", {"event_type": "a"}, {"Origin": "https://shop.example"})
        assert refused.status == 401 and refused.headers["Access-Control-Allow-Origin"] == "https://shop.example"
