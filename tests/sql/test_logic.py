"""Every statement of the *.test files answers the same wherever the line between hot and lake lies:
all hot, all settled, half and half, while the line moves, and after a restart."""
import collections
import datetime
import decimal
import json
import re
import threading
import time

import duckdb
import pytest

import generated
import logic_file
from support.server import Tidemark

FILES = logic_file.read_all()
IDS = [file.name for file in FILES]
ROUTES = {"hot": "realtime", "half": "hybrid", "lake": "batch"}
RECORDS_A_PROJECT = 6
# Nothing is settled but by the tests themselves.
# Even a handful of events brings kept paths: what is settled has typed copies of properties.
OPTIONS = ("--flush-seconds", "86400", "-X", "flush.kept_rows=1")
shapes = {}  # (file, line) -> names and types of the columns at the first cut


def now_text(match):
    seconds = int(match.group(1))
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def events_of(file):
    lines = generated.KINDS[file.generate[0]](file.generate[1]) if file.generate else file.events
    return [re.sub(r"@now([+-]\d+)s", now_text, line) for line in lines]


class Project:
    """One project of a server: sends events and asks statements."""

    def __init__(self, server, name):
        self.server, self.headers, self.receipt = server, {"X-Tidemark-Project": name}, None

    def send(self, lines):
        if not lines:
            return
        answer = self.server.post("/v1/events", "\n".join(lines).encode(), {**self.headers, "Content-Type": "application/x-ndjson"})
        assert answer.status == 202, answer.body
        found = answer.json()
        taken = found["accepted"] + found.get("quarantined", 0) if "accepted" in found else 1
        assert taken == len(lines), found
        self.receipt = answer.headers["X-Tidemark-Receipt"]

    def feed(self, file, lines, first, last):
        """Sends lines first to last, with what is registered between them."""
        for subject, after, text in file.schemas:
            if first <= after < last:
                self.send(lines[first:after])
                answer = self.server.post(f"/v1/schemas/{subject}", text, self.headers)
                assert answer.status in (200, 201), answer.body
                first = after
        self.send(lines[first:last])

    def ask(self, record):
        body = {"query": record.sql}
        if record.params is not None:
            body["params"] = record.params
        if record.min_offset:
            body["min_offset"] = self.receipt
        return self.server.post("/v1/sql", json.dumps(body), self.headers)


def compact(value):
    """JSON text of a list or an object; numbers keep their digits."""
    if isinstance(value, list):
        return f"[{','.join(map(compact, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact(key)}:{compact(item)}" for key, item in value.items()) + "}"
    return str(value) if isinstance(value, decimal.Decimal) else json.dumps(value, ensure_ascii=False)


def comparable(value, kind):
    """A value of an answer and one of a file as the same Python value."""
    if value is None or value == "NULL":
        return None
    if kind == "I":
        assert not isinstance(value, (float, decimal.Decimal)), f"{value} is not an integer"
        return int(value)
    if kind == "R":
        return float(value)
    if kind == "D":
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return compact(value)
    return "" if value == "(empty)" else str(value)


def equal(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    return a == b


def sort_key(row):
    return [(value is None, str(type(value)), f"{value:.6e}" if isinstance(value, float) else value if value is not None else 0) for value in row]


def same(got, wanted, rowsort):
    if rowsort:
        got, wanted = sorted(got, key=sort_key), sorted(wanted, key=sort_key)
    return len(got) == len(wanted) and all(len(a) == len(b) and all(map(equal, a, b)) for a, b in zip(got, wanted))


def check(file, project, record, oracle=None):
    """Asks one record and compares; the route of the answer, or None."""
    place = f"{file.name}.test:{record.line}\n{record.sql}\n"
    answer = project.ask(record)
    if record.kind == "error":
        assert 400 <= answer.status < 500, f"{place}{answer.status} {answer.body[:400]}"
        message = answer.json()["message"]
        assert record.error.lower() in message.lower(), f"{place}{message}"
        return None
    assert answer.status == 200, f"{place}{answer.status} {answer.body[:1000]}"
    found = json.loads(answer.body, parse_float=decimal.Decimal)
    shape = [(column["name"], column["type"]) for column in found["columns"]]
    assert shapes.setdefault((file.name, record.line), shape) == shape, place
    if record.kind == "ok":
        return found["route"]
    rows = [list(row.values()) for row in found["data"]]
    if record.kind == "oracle":
        wanted, kinds = oracle(record.sql)
    else:
        wanted, kinds = record.rows, record.types
        assert len(kinds) == len(shape), f"{place}has {len(shape)} columns"
    rows = [[comparable(value, kind) for value, kind in zip(row, kinds)] for row in rows]
    wanted = [[comparable(value, kind) for value, kind in zip(row, kinds)] for row in wanted]
    assert same(rows, wanted, record.rowsort), f"{place}got    {rows[:20]}\nwanted {wanted[:20]}"
    return found["route"]


def make_oracle(file, folder):
    """A plain table in DuckDB with the file's generated events."""
    if not file.generate:
        return None
    path = folder / f"{file.name}.ndjson"
    path.write_text("\n".join(events_of(file)))
    connection = duckdb.connect()
    connection.execute(
        "create table events as select event_id, event_type, user_id, make_timestamp(timestamp) as timestamp, country, value::double as value, "
        f"properties::varchar as properties, row_number() over () - 1 as log_offset from read_json('{path}', format = 'newline_delimited', columns = "
        "{event_id: 'VARCHAR', event_type: 'VARCHAR', user_id: 'VARCHAR', timestamp: 'BIGINT', country: 'VARCHAR', value: 'DOUBLE', properties: 'JSON'})"
    )

    def ask(sql):
        result = connection.execute(sql)
        kinds = "".join("I" if str(column[1]).endswith(("INT", "INTEGER")) else "R" if str(column[1]) in ("DOUBLE", "FLOAT") else "D" if str(column[1]).startswith("DECIMAL") else "T" for column in result.description)
        rows = result.fetchall()
        return [[value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime.datetime) else value for value in row] for row in rows], kinds

    return ask


@pytest.fixture(scope="module")
def oracles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oracles")
    return {file.name: make_oracle(file, folder) for file in FILES}


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A server with three projects for each file, one for each place of the line."""
    with Tidemark(tmp_path_factory.mktemp("sql") / "data", *OPTIONS) as server:
        projects = {(file.name, cut): Project(server, f"{file.name}-{cut}") for file in FILES for cut in ROUTES}
        lines = {file.name: events_of(file) for file in FILES}
        for file in FILES:
            count = len(lines[file.name])
            projects[file.name, "lake"].feed(file, lines[file.name], 0, count)
            projects[file.name, "half"].feed(file, lines[file.name], 0, count // 2)
        server.settle()
        for file in FILES:
            count = len(lines[file.name])
            projects[file.name, "half"].feed(file, lines[file.name], count // 2, count)
            projects[file.name, "hot"].feed(file, lines[file.name], 0, count)
        server.projects = projects
        yield server


@pytest.mark.parametrize("file", FILES, ids=IDS)
@pytest.mark.parametrize("cut", ROUTES)
def test_answers_are_those_of_the_file_at_every_cut(still, oracles, file, cut):
    for record in file.records:
        route = check(file, still.projects[file.name, cut], record, oracles[file.name])
        assert route in (None, ROUTES[cut]), record.sql


@pytest.fixture(scope="module")
def restarted(still):
    still.kill()
    still.start()
    yield still


@pytest.mark.parametrize("file", FILES, ids=IDS)
@pytest.mark.parametrize("cut", ROUTES)
def test_answers_are_the_same_after_a_restart(restarted, oracles, file, cut):
    for record in file.records:
        route = check(file, restarted.projects[file.name, cut], record, oracles[file.name])
        assert route in (None, ROUTES[cut]), record.sql


def test_verify_finds_every_project_whole(restarted):
    proof = restarted.verify()
    assert proof["ok"], proof
    assert {f"{file.name}-{cut}" for file in FILES for cut in ROUTES} <= {project["project"] for project in proof["projects"]}


class Mover:
    """Settles without a pause, and sends to a project that nobody asks."""

    def __init__(self, server):
        self.server, self.stop, self.error, self.moves = server, threading.Event(), None, 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            other = Project(self.server, "other")
            while not self.stop.is_set():
                other.send(['{"event_type":"noise","value":1e9,"user_id":"nobody"}'] * 20)
                self.server.settle()
                self.moves += 1
        except Exception as error:  # Shown by the test's own thread.
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("sql") / "moving", *OPTIONS) as server, Mover(server) as mover:
        server.mover = mover
        server.routes = collections.Counter()
        yield server


@pytest.mark.parametrize("file", FILES, ids=IDS)
def test_answers_are_the_same_while_the_line_moves(moving, oracles, file):
    """Some statements at a time, on a project of their own: hot when they begin, settled when they end."""
    lines = events_of(file)
    for at in range(0, len(file.records), RECORDS_A_PROJECT):
        project = Project(moving, f"{file.name}-{at}")
        project.feed(file, lines, 0, len(lines) // 2)
        project.feed(file, lines, len(lines) // 2, len(lines))
        routes = []
        give_up = time.monotonic() + 30
        while routes[-1:] != ["batch"]:
            assert time.monotonic() < give_up, "the line does not move"
            for record in file.records[at:at + RECORDS_A_PROJECT]:
                route = check(file, project, record, oracles[file.name])
                routes.append(route or (routes[-1] if routes else "none"))
            if set(routes) == {"none"}:  # Only errors; they have no route.
                break
        moving.routes.update(routes)
    assert moving.mover.error is None


def test_the_line_did_move(moving):
    assert moving.mover.moves > 0
    assert moving.routes["realtime"] > 20 and moving.routes["batch"] > 20, moving.routes
