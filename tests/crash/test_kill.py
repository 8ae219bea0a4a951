"""kill -9 at random and at armed points under load: nothing acknowledged is lost, nothing is doubled.

The client keeps its own list of acknowledgements. A request whose answer was lost may be there once
or not at all; some are sent again, as are acknowledged ones: each event is there once however often
it is sent, and what was called a duplicate is there. After every restart the list is compared with SQL, and at the
end with PyIceberg's reading of the table and with `verify`.
"""
import http.client
import json
import pathlib
import random
import subprocess
import threading

import pyarrow.compute as pc
import pytest
from pyiceberg.table import StaticTable

from support.server import Tidemark

ARMED_EXIT = 85
# C1, C2, C3, C5 (dies while the commit runs: it happened or not), C4, C6.
STEPS = ["data_files", "manifests", "before_commit", "in_commit", "after_commit", "after_publish"]
CLIENTS = 3
LOADED_SECONDS_MAX = 20
# As fast as they go up to so many events of one life, then slowly: a thousand lives have some millions.
LIFE_EVENTS = 2_000
SLOW_SECONDS = 0.01


def event(n):
    return {"event_id": f"e{n}", "event_type": f"t{n % 5}", "value": n, "properties": {"n": n, "pad": "x" * (n * 7 % 200)}}


class Load:
    """Clients that send batches of numbered events until the server goes away."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next, self.life_begin = 0, 0
        self.acknowledged, self.unknown = set(), set()
        self.present, self.digest = set(), None  # What the last check saw: the numbers, and what `digest_below` said of them.

    def take(self, count):
        with self.lock:
            first, self.next = self.next, self.next + count
        return range(first, first + count)

    def again(self, dice):
        """Some events that were sent before, of whatever outcome."""
        with self.lock:
            return [dice.randrange(self.next) for _ in range(dice.choice([0, 0, 1, 20]))] if self.next else []

    def client(self, server, seed, stop, progress):
        dice = random.Random(seed)
        connection = server.connect(timeout=30)
        while not stop.is_set():
            count = dice.choice([1, 1, 10, 200])
            if self.next - self.life_begin > LIFE_EVENTS:
                count = 1
                stop.wait(SLOW_SECONDS)
            numbers = [*self.take(count), *self.again(dice)]
            dice.shuffle(numbers)
            body = json.dumps([event(n) for n in numbers])
            try:
                connection.request("POST", "/v1/events", body)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.unknown.update(set(numbers) - self.acknowledged)
                return
            with self.lock:
                if response.status == 202:
                    self.acknowledged.update(numbers)
                    self.unknown.difference_update(numbers)
                else:
                    self.unknown.update(set(numbers) - self.acknowledged)
            if response.status != 202:
                assert response.status == 503, answer
            progress.set()

    def run(self, server, dice, until_dead):
        """Loads the server until it dies by itself, or kills it at a random moment."""
        stop, progress, settled = threading.Event(), threading.Event(), threading.Event()
        self.life_begin = self.next
        threads = [threading.Thread(target=self.client, args=(server, dice.random(), stop, progress)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        progress.wait(LOADED_SECONDS_MAX)
        server_flushes = threading.Thread(target=self.settle, args=(server, stop, settled))
        server_flushes.start()
        if until_dead:
            server.process.wait(timeout=LOADED_SECONDS_MAX)
            assert server.process.returncode == ARMED_EXIT
        else:
            assert settled.wait(LOADED_SECONDS_MAX), "no flush"
            # A moment on the scale of a flush.
            stop.wait(dice.random() * 0.6)
            server.kill()
        stop.set()
        for thread in [*threads, server_flushes]:
            thread.join()

    @staticmethod
    def settle(server, stop, settled):
        while not stop.is_set():
            try:
                if server.post("/v1/settle", "").status == 200:
                    settled.set()
            except (OSError, http.client.HTTPException):
                return

    @staticmethod
    def settled_end(server):
        """The first offset that the lake does not answer for."""
        return sum(server.query("select count(*) from events")["receipt"]["settled"].values())

    @staticmethod
    def digest_below(server, end):
        return server.rows(f"select count(*), sum(hash(event_id, log_offset)::hugeint)::varchar from events where log_offset < {end}")

    def check(self, server):
        """Rows that an earlier check saw are told by their digest, later ones one by one: a thousand kills read each event once."""
        seen = len(self.present)
        if seen:
            assert self.digest_below(server, seen) == self.digest, "what was there has changed"
        rows = [int(row[0][1:]) for row in server.rows(f"select event_id from events where log_offset >= {seen}")]
        new = set(rows)
        assert len(rows) == len(new) and not new & self.present, "doubled"
        lost = self.acknowledged - self.present - new
        assert not lost, f"lost {sorted(lost)[:5]}"
        assert new <= self.acknowledged | self.unknown, "invented"
        self.present |= new
        self.digest = self.digest_below(server, len(self.present))
        assert self.digest[0][0] == len(self.present), "offsets have gaps"


def test_nothing_is_lost_or_doubled_by_kills(tmp_path, request):
    kills = request.config.getoption("--kills")
    dice = random.Random(request.config.getoption("--seed"))
    load = Load()
    server = Tidemark(tmp_path / "data")
    died_at = []
    settled_end = 0
    for kill in range(kills):
        armed = kill % 2 == 1
        step = STEPS[kill // 2 % len(STEPS)]
        # Not in the first flush, which writes one file or, around a full hour, two.
        server.start(*(["--crash-at", f"{step}:{dice.randint(3, 5)}"] if armed else []))
        load.check(server)
        if kill > 0:
            assert load.settled_end(server) > settled_end, "no flush between two kills"
        settled_end = load.settled_end(server)
        load.run(server, dice, until_dead=armed)
        server.kill()
        died_at.append(step if armed else "anywhere")
    assert kills < 30 or {"anywhere", *STEPS} == set(died_at)
    with server:
        load.check(server)
        assert load.settled_end(server) > settled_end, "no flush before the last kill"
        server.settle()
        # A client that sends again whatever it has no answer for has sent everything exactly once.
        for at in range(0, load.next, 1_000):
            assert server.post("/v1/events", [event(n) for n in range(at, min(at + 1_000, load.next))]).status == 202
        load.acknowledged, load.unknown = set(range(load.next)), set()
        load.check(server)
        server.settle()
        proof = server.verify()
        assert proof["ok"], proof
        load.check(server)
        assert {int(row[0][1:]) for row in server.rows("select event_id from events")} == load.present
        table = StaticTable.from_metadata(server.events_metadata()).scan(selected_fields=("event_id", "log_offset", "value")).to_arrow()
        ids = {int(text[1:]) for text in table.column("event_id").to_pylist()}
        assert table.num_rows == len(ids), "doubled in the lake"
        assert load.acknowledged <= ids <= load.acknowledged | load.unknown
        offsets = table.column("log_offset")
        assert pc.count_distinct(offsets).as_py() == table.num_rows == pc.max(offsets).as_py() + 1
        print(f"{kills} kills, {len(load.acknowledged)} acknowledged, {len(load.unknown)} unknown, 0 lost, 0 doubled")


def loaded(server, load, dice, batches=20):
    """Acknowledged traffic without a kill."""
    for _ in range(batches):
        numbers = load.take(dice.choice([1, 50, 300]))
        body = [{"event_id": f"e{n}", "event_type": f"t{n % 5}", "value": n} for n in numbers]
        assert server.post("/v1/events", body).status == 202
        load.acknowledged.update(numbers)


def test_a_fenced_owner_stops_and_its_successor_has_everything(tmp_path):
    """C7: two owners, as after a restored machine: the lock file is gone, the epoch decides."""
    load, dice = Load(), random.Random(7)
    first, second = Tidemark(tmp_path / "data"), Tidemark(tmp_path / "data")
    with first:
        loaded(first, load, dice)
        (tmp_path / "data" / "lock").unlink()
        with second:
            load.check(second)
            assert first.post("/v1/settle", "").status != 200
            assert first.process.wait(timeout=LOADED_SECONDS_MAX) == 6
            loaded(second, load, dice)
            second.settle()
            load.check(second)
            assert second.verify()["ok"]


def test_a_lost_metadata_file_is_written_again_from_the_catalog(tmp_path):
    """C9"""
    load, dice = Load(), random.Random(9)
    server = Tidemark(tmp_path / "data")
    with server:
        loaded(server, load, dice)
        server.settle()
        location = server.events_metadata().removeprefix("file://")
        loaded(server, load, dice)
    pathlib.Path(location).unlink()
    with server:
        load.check(server)
        assert pathlib.Path(location).exists()
        server.settle()
        load.check(server)
        assert server.verify()["ok"]


def test_an_older_catalog_put_back_continues_from_the_log(tmp_path):
    """C10: the log still has what the older head does not answer for."""
    load, dice = Load(), random.Random(10)
    server = Tidemark(tmp_path / "data")
    with server:
        loaded(server, load, dice)
        server.settle()
    saved = {path.name: path.read_bytes() for path in (tmp_path / "data").glob("meta.db*")}
    with server:
        loaded(server, load, dice)
        server.settle()
        loaded(server, load, dice)
    for path in (tmp_path / "data").glob("meta.db*"):
        path.unlink()
    for name, content in saved.items():
        (tmp_path / "data" / name).write_bytes(content)
    with server:
        load.check(server)
        server.settle()
        load.check(server)
        assert server.verify()["ok"]
        assert StaticTable.from_metadata(server.events_metadata()).scan().count() == len(load.acknowledged)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own that fills up; needs the right to mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_loses_nothing_and_recovers(small_disk):
    """C8"""
    load, dice = Load(), random.Random(8)
    with Tidemark(small_disk / "data") as server:
        loaded(server, load, dice)
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as file:  # Nothing is left to be written by close().
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass
        refused = 0
        for _ in range(1_500):
            numbers = load.take(500)
            body = [{"event_id": f"e{n}", "event_type": f"t{n % 5}", "value": n, "properties": {"pad": "x" * 900}} for n in numbers]
            status = server.post("/v1/events", body).status
            assert status in (202, 500, 503)
            (load.acknowledged if status == 202 else load.unknown).update(numbers)
            refused += status != 202
            if refused > 3:
                break
        assert refused, "the disk never filled up"
        load.check(server)
        filler.unlink()
        loaded(server, load, dice)
        server.settle()
        load.check(server)
        assert server.verify()["ok"]
