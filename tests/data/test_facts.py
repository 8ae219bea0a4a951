"""Real event sets through the HTTP door: every fact that was computed elsewhere comes out again, all
hot, hybrid (loaded while the line between hot and lake moved) and settled. Skipped where the sets are not."""
import concurrent.futures
import datetime
import decimal
import json
import threading
import time

import pytest
from pyiceberg.table import StaticTable

from event_sets import FOLDER, SETS
from support.server import Tidemark

MEMORY = 6 << 30
# Nothing is settled but by the test.
OPTIONS = ("--flush-seconds", "86400", "--flush-size", "4000000000", "--memory", str(MEMORY))
ROUTES = {"hot": "realtime", "hybrid": "hybrid", "settled": "batch"}
SETTLED_SHARE = 0.7  # Of a load; what comes after it stays hot.
SETTLE_EVERY_SECONDS = 0.1

# The engine's grammar wants AS before a column's name that is also a word of SQL.
SPELLED = {
    ("wiki-edits", "totals"): [("(isNew) new,", "(isNew) AS new,")],
    ("online-retail", "exact_duplicates"): [("(n>1) groups ", "(n>1) AS groups ")],
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the event sets are not in {FOLDER}")


class Load:
    """One set in a server of its own, brought to one cut after the other."""

    def __init__(self, one, folder):
        self.one = one
        self.server = Tidemark(folder / "data", *OPTIONS).start()
        self.counts, self.lines, self.cut = {}, set(), None
        self.seconds = {}
        self.bodies = list(one.lines())

    def send(self, project, bodies):
        connection = self.server.connect()
        for body in bodies:
            connection.request("POST", "/v1/events", body, {"X-Tidemark-Project": project})
            answer = connection.getresponse()
            found = json.loads(answer.read())
            while answer.status == 503:
                time.sleep(int(answer.headers.get("Retry-After", "1")))
                connection.request("POST", "/v1/events", body, {"X-Tidemark-Project": project})
                answer = connection.getresponse()
                found = json.loads(answer.read())
            assert answer.status == 202 and not found["refused"], found
            self.counts[project] = self.counts.get(project, 0) + found["accepted"]
        connection.close()

    def send_all(self, project, bodies):
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.one.senders) as pool:
            for done in [pool.submit(self.send, project, bodies[i::self.one.senders]) for i in range(self.one.senders)]:
                done.result()
        self.seconds[f"send {project}"] = self.seconds.get(f"send {project}", 0) + time.monotonic() - start

    def send_while_the_line_moves(self):
        stop, moved = threading.Event(), threading.Event()

        def settle():
            while not stop.wait(SETTLE_EVERY_SECONDS):
                cuts = self.server.settle()["cuts"]
                if "moved" in cuts:
                    self.lines.add(cuts["moved"]["settled"]["0"])
                    moved.set()

        mover = threading.Thread(target=settle)
        mover.start()
        split = max(1, int(len(self.bodies) * SETTLED_SHARE))
        try:
            # A small set would be there before the line moves for the first time.
            self.send_all("moved", self.bodies[:1])
            assert moved.wait(60), "nothing settles"
            self.send_all("moved", self.bodies[1:split])
        finally:
            stop.set()
            mover.join()
        self.server.settle()
        self.send_all("moved", self.bodies[split:])

    def at(self, cut):
        if self.cut == cut:
            return
        start = time.monotonic()
        if cut == "hybrid":
            self.send_while_the_line_moves()
        elif cut == "hot":
            self.send_all("hot", self.bodies)
            self.bodies = None
        else:
            self.server.settle()
        self.cut = cut
        self.seconds[f"to {cut}"] = time.monotonic() - start

    def query(self, sql):
        project = "hot" if self.cut == "hot" else "moved"
        answer = self.server.request("POST", "/v1/sql", json.dumps({"query": sql, "timeout_ms": 120_000}), {"X-Tidemark-Project": project}, timeout=120)
        assert answer.status == 200, answer.body
        return json.loads(answer.body, parse_float=decimal.Decimal)

    def peak_bytes(self):
        for line in open(f"/proc/{self.server.process.pid}/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")


@pytest.fixture(scope="module")
def loads(tmp_path_factory):
    """At most one server at a time; the cases of a set come one after the other."""
    running = {}

    def get(name):
        if name not in running:
            for load in running.values():
                load.server.kill()
            running.clear()
            running[name] = Load(SETS[name], tmp_path_factory.mktemp(name))
        return running[name]

    yield get
    for load in running.values():
        load.server.kill()


def as_time(value):
    text = str(value).replace(" ", "T").rstrip("Z")
    time_of = datetime.datetime.fromisoformat(text)
    return time_of.replace(tzinfo=None)


def equal(got, wanted, kind):
    if got is None or wanted is None:
        return got is wanted
    if kind.startswith(("TIMESTAMP", "DATE")):
        return as_time(got) == as_time(wanted)
    if kind in ("DOUBLE", "FLOAT"):
        got, wanted = float(got), float(wanted)
        return got == wanted or abs(got - wanted) <= 1e-9 * max(abs(got), abs(wanted))
    if isinstance(got, (int, decimal.Decimal)) and not isinstance(got, bool):
        return decimal.Decimal(got) == decimal.Decimal(wanted)
    return got == wanted


def check_fact(load, cut, fact):
    sql = fact["sql"]
    for words, spelled in SPELLED.get((load.one.name, fact["id"]), ()):
        assert words in sql
        sql = sql.replace(words, spelled)
    # The engine takes no second WITH behind the first.
    rest = f"SELECT * FROM ({sql})" if sql.lower().startswith("with") else sql
    answer = load.query(f"WITH events AS ({load.one.view}) {rest}")
    assert answer["route"] == ROUTES[cut]
    kinds = [column["type"] for column in answer["columns"]]
    assert [column["name"] for column in answer["columns"]] == fact["columns"]
    got = [list(row.values()) for row in answer["data"]]
    wanted = json.loads(json.dumps(fact["rows"]), parse_float=decimal.Decimal)
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted):
        assert all(map(equal, one, other, kinds)), (one, other)


def check_whole(load):
    """Every event is there once, and memory stays inside the budget."""
    proof = load.server.verify()
    assert proof["ok"], proof
    for project, count in load.counts.items():
        headers = {"X-Tidemark-Project": project}
        answer = load.server.post("/v1/sql", "select count(*) as n, count(distinct event_id) as ids, count(distinct log_offset) as offsets from events", headers)
        [row] = answer.json()["data"]
        assert row["n"] == row["ids"] == row["offsets"] == count
        [verified] = [one for one in proof["projects"] if one["project"] == project]
        assert (verified["lake_rows"], verified["hot_rows"]) == (count, 0)
    assert load.lines, "the line did not move while loading"
    peak = load.peak_bytes()
    print(f"\n{load.one.name}: {load.counts}, the line at {len(load.lines)} places while loading, peak {peak >> 20} MiB of {MEMORY >> 20}, "
          + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in load.seconds.items()))
    assert peak <= MEMORY * 1.1


def check_pyiceberg(load):
    for project, count in load.counts.items():
        rows = StaticTable.from_metadata(load.server.events_metadata(project)).scan(selected_fields=("event_id", "log_offset")).to_arrow()
        assert rows.num_rows == count
        assert len(rows.column("event_id").unique()) == count
        assert sorted(rows.column("log_offset").to_pylist()) == list(range(count))


def cases():
    for name, one in SETS.items():
        for cut in one.cuts:
            for fact in one.facts(cut):
                yield pytest.param(name, cut, fact, id=f"{name}-{cut}-{fact['id']}")
        yield pytest.param(name, "settled", check_whole, id=f"{name}-every-event-once-inside-the-memory-budget")
        if name == "online-retail":
            yield pytest.param(name, "settled", check_pyiceberg, id=f"{name}-pyiceberg-counts-the-same-rows")


@pytest.mark.parametrize("name, cut, what", cases())
def test_real_events_give_the_known_answers(loads, name, cut, what):
    if not (FOLDER / name).is_dir():
        pytest.skip(f"{name} is not in {FOLDER}")
    if isinstance(what, dict) and "sql" not in what:
        pytest.skip("given as a funnel's steps, not as SQL")
    load = loads(name)
    load.at(cut)
    if isinstance(what, dict):
        check_fact(load, cut, what)
    else:
        what(load)
