"""The doors and shapes that are promised, sent exactly as they are printed."""
import base64
import gzip
import json
import re
import resource
import subprocess
import time
import zlib

import pyarrow
import pytest


def curl(server, path, *arguments):
    """Status and body of a curl command, its host replaced by the server's."""
    command = ["curl", "-s", "-o", "-", "-w", "\n%{http_code}", *arguments, f"http://127.0.0.1:{server.port}{path}"]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
    return int(status), body


def test_a_cloud_event_without_id_and_time_is_filled_in(server):
    before = time.time()
    status, body = curl(server, "/events", "-X", "POST", "-H", "Content-Type: application/json",
                        "-d", '{"specversion":"1.0","type":"test.event","source":"test"}')
    assert 200 <= status < 300
    [[event_id, event_type, source, at]] = server.rows("select event_id, event_type, source, epoch(timestamp) from events")
    assert (event_type, source) == ("test.event", "test")
    assert json.loads(body)["eventId"] == event_id and len(event_id) == 36
    assert before - 1 <= at <= time.time() + 1


def test_an_event_in_camel_case_answers_its_id(server):
    event = {"eventId": "evt_123", "eventType": "page_view", "userId": "user_123", "properties": {"page": "/home"}}
    status, body = curl(server, "/v1/events", "-X", "POST", "-d", json.dumps(event))
    assert status == 202
    assert json.loads(body) == {"status": "accepted", "eventId": "evt_123"}


def test_the_strict_doors_take_numbers_of_milliseconds(server):
    event = {"timestamp": 1699564800000, "event_type": "purchase", "user_id": "user_1", "value": 99.99, "currency": "EUR"}
    status, body = curl(server, "/ingest", "-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(event))
    assert status == 202 and json.loads(body)["status"] == "accepted"
    for batch in ([event] * 3, {"events": [event] * 3}):
        status, body = curl(server, "/ingest/batch", "-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(batch))
        assert status == 202 and json.loads(body)["accepted"] == 3
    assert server.rows("select count(*), sum(value::decimal(10,2)), min(epoch_ms(timestamp)), any_value(properties) from events") == [
        (7, 699.93, 1699564800000, '{"currency":"EUR"}')]


@pytest.mark.parametrize("statement", ["select 41 + 1 as n", {"query": "select $1 + 1 as n", "params": [41]}], ids=["text", "json"])
def test_a_statement_may_be_compressed_as_events_may(server, statement):
    body = (statement if isinstance(statement, str) else json.dumps(statement)).encode()
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body), **{name: pyarrow.compress(body, codec=codec, asbytes=True) for name, codec in (("zstd", "zstd"), ("br", "brotli"))}}
    for coding, sent in packed.items():
        answer = server.post("/v1/sql", sent, {"Content-Encoding": coding})
        assert answer.status == 200 and answer.json()["data"] == [{"n": 42}], (coding, answer.body)
    # The bytes say it themselves; what is said of a body that is plain does no harm.
    assert server.post("/v1/sql", packed["zstd"]).json()["data"] == [{"n": 42}]
    assert server.post("/v1/sql", body, {"Content-Encoding": "gzip"}).json()["data"] == [{"n": 42}]


def test_the_printed_health_paths_answer(server):
    for path in ("/health", "/health/collector", "/health/catalog", "/health/api", "/metrics"):
        status, _ = curl(server, path)
        assert status == 200


@pytest.mark.parametrize("data,content_type,properties", [
    ('{"page":"/","n":1.50}', "application/json", '{"page":"/","n":1.50}'),
    ("", None, "{}"),
    ("hello", "text/plain", '{"data":"hello"}'),
])
def test_cloud_events_in_binary_mode(server, data, content_type, properties):
    headers = {"ce-specversion": "1.0", "ce-type": "shop.page%20view", "ce-id": "7", "ce-source": "/shop", "ce-time": "2024-05-06T07:08:09Z"}
    if content_type:
        headers["Content-Type"] = content_type
    answer = server.post("/events", data, headers)
    assert answer.status == 202, answer.body
    assert answer.json()["eventId"] == "7"
    [[event_type, source, at, found]] = server.rows("select event_type, source, epoch_ms(timestamp), properties from events")
    assert (event_type, source, at) == ("shop.page view", "/shop", 1714979289000)
    wanted = json.loads(properties)
    assert {name: value for name, value in json.loads(found or "{}").items() if name in wanted} == wanted


def test_a_binary_cloud_event_cannot_bring_a_second_event(server):
    headers = {"ce-specversion": "1.0", "ce-type": "a", "ce-source": "/", "ce-id": "1", "Content-Type": "application/json"}
    for data in ('{}},{"type":"b"', '1}\n{"event_type":"b"}', '"'):
        assert server.post("/events", data, headers).status == 400
    assert server.scalar("select count(*) from events") == 0
    answer = server.post("/events", b"\xff\xfe", {**headers, "Content-Type": "application/octet-stream"})
    assert answer.status == 202
    assert base64.b64encode(b"\xff\xfe").decode() in server.scalar("select properties from events")


def test_ack_memory_answers_before_the_event_is_durable_and_it_becomes_visible(server):
    for i in range(200):
        answer = server.post("/v1/events?ack=memory", {"event_type": "soon", "value": i})
        assert answer.status == 202 and answer.json()["status"] == "accepted"
        assert "X-Tidemark-Receipt" not in answer.headers  # It has no offset yet.
    # Later ones are behind it in the log: once their receipt is there, so are all before it.
    receipt = server.post("/v1/events", {"event_type": "last"}).headers["X-Tidemark-Receipt"]
    assert server.query("select count(*) as n from events", min_offset=receipt)["data"] == [{"n": 201}]
    kept = server.post("/v1/events?ack=memory", {"user_id": "no type"})
    assert (kept.status, kept.json()["status"]) == (202, "quarantined")


@pytest.mark.parametrize("path,word", [
    ("/v1/events?debgu=1", "did you mean debug?"), ("/events?acl=memory", "did you mean ack?"), ("/ingest?projet=shop", "did you mean project?"),
    ("/v1/cloudevents?Debug=1", "did you mean debug?"), ("/v1/events?ack=memroy", "ack must be memory or durable"),
    ("/v1/events?project=a&project=b", "twice"), ("/v1/sql?limit=1&limit=2", "twice"),
    ("/v1/sql?limt=1", "did you mean limit?"), ("/v1/sql?timeout=1", "did you mean timeout_ms?"), ("/v1/sql?pretty=1", "known are project, format"),
    ("/v1/sql?allow_stale=maybe", "allow_stale must be true or false"), ("/v1/schemas/s?mdoe=enforce", "did you mean mode?"),
    ("/v1/schemas/s/compatibility?vresion=1", "did you mean version?"), ("/v1/settle?projct=shop", "did you mean project?"),
    ("/v1/verify?projct=shop", "did you mean project?"), ("/v1/backfill?table=events", "known are project"),
])
def test_a_parameter_that_is_misspelled_is_not_passed_over(server, path, word):
    answer = server.post(path, {"event_type": "a"} if "sql" not in path else "select 1")
    assert answer.status == 400 and word in answer.json()["message"] + answer.json()["hint"], answer.body
    assert server.scalar("select count(*) from events") == 0 and "s" not in [one["subject"] for one in server.get("/v1/schemas").json()["subjects"]]


def test_a_parameter_that_a_path_has_not_does_not_do_more_than_was_meant(server):
    assert server.post("/v1/schemas/s", {"type": "object"}).status == 201
    answer = server.request("DELETE", "/v1/schemas/s?version=1")
    assert answer.status == 400 and server.get("/v1/schemas/s").status == 200
    assert server.get("/v1/quarantine?stauts=all").json()["hint"] == "did you mean status?"


@pytest.mark.parametrize("path", ["/v1/events?utm_source=x&_=17&back=1&ack=durable", "/v1/track?debgu=1&ver=3", "/v1/cloudevents?source=github"])
def test_what_others_add_to_an_address_does_no_harm(server, path):
    body = {"event": "a", "type": "a", "userId": "u", "specversion": "1.0", "id": "1", "source": "/"}
    assert server.post(path, body).status in (200, 202) and server.scalar("select count(*) from events") == 1


@pytest.mark.parametrize("rows", [0, 1, 9_999, 10_000, 10_001, 25_000])
def test_chunks_of_10000_rows(server, rows):
    answer = server.post("/v1/sql?chunks=1", f"select range as n, 'line\nbreak' as t from range({rows}) order by n")
    assert answer.status == 200 and "ndjson" in answer.headers["Content-Type"]
    chunks = [json.loads(line) for line in answer.body.splitlines()]
    assert [len(chunk["data"]) for chunk in chunks] == [10_000] * max(0, (rows - 1) // 10_000) + [rows - 10_000 * max(0, (rows - 1) // 10_000)]
    assert [chunk["isLast"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert [chunk["metadata"]["offset"] for chunk in chunks] == [10_000 * i for i in range(len(chunks))]
    assert chunks[-1]["metadata"]["totalRows"] == rows
    assert [row["n"] for chunk in chunks for row in chunk["data"]] == list(range(rows))


ARROW_TYPES = """select i::boolean and i % 3 = 0 as flag, i::tinyint as t, i::smallint as s, i::integer as i, i::bigint as b, i::utinyint as ut,
    i::usmallint as us, i::uinteger as ui, i::ubigint as ub, i::float as f, i / 7 as d, (i / 100)::decimal(4, 2) as d4, (i / 100)::decimal(9, 3) as d9,
    (-i / 100)::decimal(18, 4) as d18, (-i)::decimal(38, 6) as d38, sum(i) over () as huge, 'té' || i as text, date '2024-02-28' + i::integer as day,
    timestamp '1969-12-31 23:59:59.5' + to_seconds(i) as at, timestamptz '2024-05-06 07:08:09.123456+00' as zoned, null as nothing,
    case when i % 2 = 0 then i end as half, case when i % 5 = 0 then 'x' end as some, [i, null] as list, {'a': i, 'b': 'q"'} as struct,
    '{"j":1}'::json as j from range(ROWS) r(i) order by i"""


@pytest.mark.parametrize("rows", [0, 1, 100])
def test_arrow_streams_have_the_types_and_values_of_json(server, rows):
    import datetime
    import decimal

    import pyarrow

    statement = ARROW_TYPES.replace("ROWS", str(rows))
    answer = server.request("POST", "/v1/sql", statement.encode(), {"Accept": "application/vnd.apache.arrow.stream"})
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream", answer.body
    table = pyarrow.ipc.open_stream(answer.body).read_all()
    table.validate(full=True)
    types = {field.name: str(field.type) for field in table.schema}
    assert types | {"flag": "bool", "t": "int8", "ui": "uint32", "ub": "uint64", "f": "float", "d": "double", "d4": "decimal128(4, 2)",
                    "d38": "decimal128(38, 6)", "huge": "decimal128(38, 0)", "text": "string", "day": "date32[day]",
                    "at": "timestamp[us]", "zoned": "timestamp[us, tz=UTC]", "list": "list<item: int64>", "struct": "struct<a: int64, b: string>"} == types
    plain = json.loads(server.post("/v1/sql", statement.encode()).body, parse_float=decimal.Decimal)["data"]
    assert table.num_rows == rows == len(plain)
    for arrow, row in zip(table.to_pylist(), plain):
        for name, value in row.items():
            found = arrow[name]
            if name == "j":
                found = json.loads(found)
            if isinstance(found, datetime.datetime):
                found = found.isoformat(timespec="microseconds").replace("+00:00", "Z")
                assert found.rstrip("Z") == value.rstrip("Z")
            elif isinstance(found, datetime.date):
                assert found.isoformat() == value
            elif isinstance(found, float):
                assert abs(decimal.Decimal(found) - value) <= abs(value) * decimal.Decimal("1e-6")
            else:
                assert found == value, name


NESTED_TYPES = """select case when i % 3 <> 0 then [case when n % 2 = 0 then 'x' || n end for n in range(i % 5)] end as list,
    case when i % 4 <> 1 then {'a': case when i % 5 <> 2 then i end, 'deep': {'at': timestamptz '2024-05-06 07:08:09+00' + to_seconds(i), 'days': [date '2024-01-01' + i::integer]}} end as struct,
    case when i % 3 <> 2 then map(['k' || i, 'l'], [{'n': i::decimal(9, 2)}, null]) end as map, [[], [i, null], null, [i + 1]] as lists, [{'s': [i]}, null] as structs,
    map([i], [[i]]) as numbers, case when i % 2 = 0 then uuid '00112233-4455-6677-8899-aabbccddeeff' end as id, [('f0112233-4455-6677-8899-aabbccddee' || lpad((i % 100)::text, 2, '0'))::uuid] as ids,
    case when i % 2 = 1 then ('b' || i)::blob || '\\xFF'::blob end as bytes, time '01:02:03.000004' + to_seconds(i) as clock, (timestamp '1969-12-31 23:59:59' + to_seconds(i))::timestamp_s as secs,
    (timestamp '1969-12-31 23:59:59.123' + to_seconds(i))::timestamp_ms as millis, make_timestamp_ns(i * 1000 + 7) as nanos, [i, i + 1]::bigint[2] as pair, row(i, 'r') as unnamed,
    to_days(i::integer) as span, i::uhugeint as large, case when i % 2 = 0 then 'low' else 'high' end::enum('low', 'high') as level from range(ROWS) r(i) order by i"""


@pytest.mark.parametrize("rows", [0, 1, 5_000])
def test_arrow_streams_nest_their_types(server, rows):
    """Against the same statement answered by the engine's own Arrow export, in Python."""
    import duckdb
    import pyarrow

    statement = NESTED_TYPES.replace("ROWS", str(rows))
    answer = server.post("/v1/sql?format=arrow", statement)
    assert answer.status == 200, answer.body
    table = pyarrow.ipc.open_stream(answer.body).read_all()
    table.validate(full=True)
    wanted = {"list": "list<item: string>", "struct": "struct<a: int64, deep: struct<at: timestamp[us, tz=UTC], days: list<item: date32[day]>>>",
              "map": "map<string, struct<n: decimal128(9, 2)>>", "lists": "list<item: list<item: int64>>", "structs": "list<item: struct<s: list<item: int64>>>",
              "numbers": "map<int64, list<item: int64>>", "id": "extension<arrow.uuid>", "ids": "list<item: extension<arrow.uuid>>", "bytes": "binary", "clock": "time64[us]",
              "secs": "timestamp[s]", "millis": "timestamp[ms]", "nanos": "timestamp[ns]", "pair": "list<item: int64>", "unnamed": "struct<1: int64, 2: string>",
              "span": "string", "large": "string", "level": "string"}
    assert {field.name: str(field.type) for field in table.schema} == wanted
    assert table.num_rows == rows
    with duckdb.connect() as engine:
        engine.execute("set timezone = 'UTC'; set arrow_lossless_conversion = true")
        own = engine.execute(statement).to_arrow_table()
    for name in wanted:
        if name in ("span", "large", "level", "unnamed", "nanos"):
            continue
        found, expected = table.column(name).to_pylist(), own.column(name).to_pylist()
        assert found == expected, name
    if rows:
        assert table.column("unnamed").to_pylist()[0] == {"1": 0, "2": "r"}
        assert table.column("nanos").cast("int64").to_pylist()[:2] == [7, 1007][:rows]
        assert [table.column(name).to_pylist()[0] for name in ("span", "large", "level")] == ["00:00:00", "0", "low"]
        assert table.column("id").to_pylist()[0].hex == "00112233445566778899aabbccddeeff"


def test_a_list_in_every_row_is_sent_in_slices(server):
    """One list of the engine stands in every row of a chunk: what is sent at once is bounded by its size, not by the rows."""
    import pyarrow

    batches = list(pyarrow.ipc.open_stream(server.post("/v1/sql?format=arrow", "select range(20000) as l, i from range(200) t(i)").body))
    assert max(batch.num_rows for batch in batches) <= 7 + 1 and sum(batch.num_rows for batch in batches) == 200
    assert all(len(one) == 20_000 for batch in batches for one in batch.column("l"))


def test_lists_of_a_fixed_length_are_lists_in_json(server):
    assert server.query("select [1, 2]::int[2] as a, [[1.5]::double[1]] as b, {'c': ['x']::text[1]} as c")["data"] == [{"a": [1, 2], "b": [[1.5]], "c": {"c": ["x"]}}]
    assert server.query("select time '01:02:03.5' as t, [time '01:02:03'] as l, timestamp_s '2024-01-02 03:04:05' as s, timestamp_ms '2024-01-02 03:04:05.678' as m")["data"] == [
        {"t": "01:02:03.5", "l": ["01:02:03"], "s": "2024-01-02 03:04:05", "m": "2024-01-02 03:04:05.678"}]


def test_arrow_streams_the_events_hot_and_settled(server):
    import pyarrow

    for part in range(2):
        server.post("/v1/events", [{"event_type": f"t{i % 7}", "user_id": f"u{i}" if i % 2 else None, "value": i} for i in range(5_000)])
        if part == 0:
            server.settle()
    table = pyarrow.ipc.open_stream(server.post("/v1/sql?format=arrow", "select * from events order by log_offset").body).read_all()
    table.validate(full=True)
    assert table.column("log_offset").to_pylist() == list(range(10_000))
    assert table.column("user_id").to_pylist()[:3] == [None, "u1", None] and table.column("value").to_pylist()[4999] == 4999


def test_metrics_name_latencies_rates_buffer_and_compaction(server):
    server.post("/v1/events", {"event_type": "a"})
    server.query("select 1")
    text = server.get("/metrics").body.decode()
    for stage in ("queue", "decide", "write", "build", "sync", "publish"):
        assert f'\ntidemark_ingest_stage_seconds_count{{stage="{stage}"}} 1\n' in text, stage
    for stage in ("read", "answer"):
        assert f'\ntidemark_collect_stage_seconds_count{{stage="{stage}"}} 1\n' in text, stage
    for name in ("tidemark_query_seconds_count", "tidemark_ingest_ack_seconds_count", "tidemark_collect_ack_seconds_count",
                 "tidemark_events_per_second", "tidemark_buffer_utilization", "tidemark_uptime_seconds",
                 "tidemark_compactions", "tidemark_lake_files", "tidemark_flushes_total"):
        assert f"\n{name} " in text, name
    facts = {name: float(re.search(rf"^process_{name} (\S+)$", text, re.M)[1])
             for name in ("cpu_seconds_total", "open_fds", "max_fds", "resident_memory_bytes", "start_time_seconds")}
    assert facts["max_fds"] == resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0]
    assert 3 < facts["open_fds"] < facts["max_fds"] and facts["cpu_seconds_total"] > 0 and facts["resident_memory_bytes"] > 1 << 20
    assert facts["start_time_seconds"] > 1.6e9
    for line in text.splitlines():  # The text format: comments, or a name and a number.
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0, line


@pytest.mark.parametrize("accept,kind", [
    ("text/csv", "text/csv"), ("text/csv, application/json", "text/csv"), ("application/json, text/csv", "application/json"), ("TEXT/CSV", "text/csv"),
    ("text/csv;q=0.1, application/json", "application/json"), ("application/json; q=0.2, application/x-ndjson; q=0.9", "application/x-ndjson"),
    ("*/*", "application/json"), ("text/html, */*;q=0.8", "application/json"), ("text/csv, */*;q=0.1", "text/csv"), ("text/csv;q=0", "application/json"),
    ("application/json, text/plain, */*", "application/json"), ("", "application/json"), (",;q=,", "application/json"), ("text/csv;q=x", "text/csv")])
def test_the_format_that_is_wanted_most_is_answered(server, accept, kind):
    answer = server.post("/v1/sql", "select 1 as n", {"Accept": accept})
    assert answer.status == 200 and answer.headers["Content-Type"].split(";")[0] == kind


def test_no_body_is_taken_for_another_kind_than_its_type_says(server):
    for method, path, body in [("POST", "/v1/events", '{"event_type":"<script>"}'), ("POST", "/v1/events", "<script>"),
                               ("POST", "/v1/sql", json.dumps({"sql": "select '<script>'"})), ("GET", "/<script>", None)]:
        answer = server.request(method, path, body)
        assert {name.lower(): value for name, value in answer.headers.items()}["x-content-type-options"] == "nosniff"
