"""kill -9 at random and at armed points under load: nothing acknowledged is lost, nothing is doubled.

The client keeps its own list of acknowledgements. A request whose answer was lost may be there once
or not at all; some are sent again, as are acknowledged ones: each event is there once however often
it is sent, and what was called a duplicate is there. After every restart the list is compared with SQL: one by one what
came since, and what the last few lives had; of all else the files, which the head must name as before and which must not
change. Everything is read again by SQL and by PyIceberg every so many kills and at the end, which `verify` has a part in, too.
So the thousandth kill takes about as long as the first.
"""
import http.client
import json
import pathlib
import random
import subprocess
import threading
import time

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
# A flush takes some 50 ms, and each leaves a file or two for good: most lives end soon after their first one, in any part of the ones
# behind it. In the others some time passes, with a pause between flushes.
SOON_SECONDS, LATER_SECONDS, PAUSE_SECONDS = 0.15, 0.6, 0.1
# Lives are too short for the index of ids to be written because of its age, and until then the log is kept, which each start reads: some
# lives fill it here, and then the log goes.
SMALL = {"TIDEMARK_DEDUPE__TABLE_IDS": "10000", "TIDEMARK_LOG__RETENTION_BYTES": "256MiB"}
RECENT = 4  # Checks whose events are read one by one again.
FEW_FILES = 400  # As long as there are no more, everything is read after each restart; then every so many kills.
EVERYTHING_KILLS, ICEBERG_KILLS = 25, 100


def event(n):
    return {"event_id": f"e{n}", "event_type": f"t{n % 5}", "value": n, "properties": {"n": n, "pad": "x" * (n * 7 % 200)}}


class Load:
    """Clients that send batches of numbered events until the server goes away."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next, self.life_begin = 0, 0
        self.acknowledged, self.fresh, self.unknown = set(), set(), set()  # Fresh: acknowledged since the last check.
        self.present = set()  # What checks saw: the offsets below its size have it.
        self.ends, self.recent = [0], {}  # Where the last checks ended; by offset what they saw from the first of these on.
        self.files, self.settled_end = {}, 0  # Of the lake's head, and the first offset that it does not answer for.
        self.read_end, self.digest = 0, (0, 0)  # Up to where everything was read, and what it was.

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
                self.answered(numbers, False)
                return
            self.answered(numbers, response.status == 202)
            if response.status != 202:
                assert response.status == 503, answer
            progress.set()

    def answered(self, numbers, acknowledged):
        with self.lock:
            if acknowledged:
                self.fresh.update(numbers)
                self.unknown.difference_update(numbers)
            else:
                self.unknown.update(n for n in numbers if n not in self.acknowledged and n not in self.fresh)

    def run(self, server, dice, until_dead):
        """Loads the server until it dies by itself, or kills it at a random moment."""
        stop, progress, settled = threading.Event(), threading.Event(), threading.Event()
        self.life_begin = self.next
        later = not until_dead and dice.randrange(4) == 0
        threads = [threading.Thread(target=self.client, args=(server, dice.random(), stop, progress)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        progress.wait(LOADED_SECONDS_MAX)
        server_flushes = threading.Thread(target=self.settle, args=(server, stop, settled, PAUSE_SECONDS if later else 0))
        server_flushes.start()
        if until_dead:
            server.process.wait(timeout=LOADED_SECONDS_MAX)
            assert server.process.returncode == ARMED_EXIT
        else:
            assert settled.wait(LOADED_SECONDS_MAX), "no flush"
            stop.wait(dice.random() * (LATER_SECONDS if later else SOON_SECONDS))
            server.kill()
        stop.set()
        for thread in [*threads, server_flushes]:
            thread.join()

    @staticmethod
    def settle(server, stop, settled, pause):
        while not stop.is_set():
            try:
                if server.post("/v1/settle", "").status == 200:
                    settled.set()
            except (OSError, http.client.HTTPException):
                return
            stop.wait(pause)

    def check(self, server):
        """After a start: see above."""
        self.check_files(server)
        begin, seen = self.ends[0], len(self.present)
        rows = server.rows(f"select log_offset, event_id from events where log_offset >= {begin}")
        found = {offset: int(text[1:]) for offset, text in rows}
        assert len(found) == len(rows), "an offset is there twice"
        changed = [offset for offset, n in self.recent.items() if found.get(offset) != n]
        assert not changed, f"what was there has changed at {changed[:5]}"
        new = {n for offset, n in found.items() if offset >= seen}
        assert len(new) == len(found) - (seen - begin) and self.present.isdisjoint(new), "doubled"
        self.present |= new
        lost = self.fresh - self.present
        assert not lost, f"lost {sorted(lost)[:5]}"
        self.acknowledged |= self.fresh
        self.fresh = set()
        assert all(n in self.acknowledged or n in self.unknown for n in new), "invented"
        assert sorted(found) == list(range(begin, len(self.present))), "offsets have gaps"
        self.ends = [*self.ends, len(self.present)][-RECENT:]
        self.recent = {offset: n for offset, n in found.items() if offset >= self.ends[0]}

    def check_files(self, server):
        """The lake's files are those of before, unchanged, and new ones; they have the settled offsets, a row each."""
        answer = server.query("select file_path, record_count, file_size_in_bytes from system.files where table_name = 'events'")
        files = {}
        for path, rows, size in (row.values() for row in answer["data"]):
            stat = pathlib.Path(path.removeprefix("file://")).stat()
            assert stat.st_size == size, path
            files[path] = (rows, size, stat.st_mtime_ns)
        gone = [path for path, file in self.files.items() if files.get(path) != file]
        assert not gone, f"what was settled has changed: {gone[:5]}"
        self.files = files
        self.settled_end = sum(answer["receipt"]["settled"].values())
        assert sum(rows for rows, _, _ in files.values()) == self.settled_end, "the lake has other rows than it has settled"

    def check_everything(self, server):
        """All rows that the last such check read are what they were; after `check`."""
        parts = {before: (count, int(digest)) for before, count, digest in server.rows(
            f"select log_offset < {self.read_end}, count(*), sum(hash(event_id, log_offset)::hugeint)::varchar from events group by 1")}
        assert parts.get(True, (0, 0)) == self.digest, "what was there has changed"
        self.read_end, self.digest = len(self.present), tuple(map(sum, zip((0, 0), *parts.values())))
        assert self.digest[0] == self.read_end, "rows are lost or doubled"

    def check_iceberg(self, server):
        """What another reader finds in the lake; after `check`."""
        table = StaticTable.from_metadata(server.events_metadata()).scan(selected_fields=("event_id", "log_offset", "value")).to_arrow()
        ids = {int(text[1:]) for text in table.column("event_id").to_pylist()}
        assert table.num_rows == len(ids), "doubled in the lake"
        assert ids <= self.present, "invented in the lake"
        offsets = table.column("log_offset")
        assert pc.count_distinct(offsets).as_py() == table.num_rows == pc.max(offsets).as_py() + 1
        return ids


def test_nothing_is_lost_or_doubled_by_kills(tmp_path, request):
    kills = request.config.getoption("--kills")
    dice = random.Random(request.config.getoption("--seed"))
    load = Load()
    server = Tidemark(tmp_path / "data")
    server.environment = SMALL
    died_at, seconds = [], []
    for kill in range(kills):
        began = time.monotonic()
        armed = kill % 2 == 1
        step = STEPS[kill // 2 % len(STEPS)]
        # Not in the first flush, which writes one file or, around a full hour, two.
        server.start(*(["--crash-at", f"{step}:{dice.randint(3, 5)}"] if armed else []))
        settled_end = load.settled_end
        load.check(server)
        assert kill == 0 or load.settled_end > settled_end, "no flush between two kills"
        if len(load.files) < FEW_FILES or kill % EVERYTHING_KILLS == 0:
            load.check_everything(server)
        if kill % ICEBERG_KILLS == ICEBERG_KILLS - 1:
            load.check_iceberg(server)
        load.run(server, dice, until_dead=armed)
        server.kill()
        died_at.append(step if armed else "anywhere")
        seconds.append(time.monotonic() - began)
    assert kills < 30 or {"anywhere", *STEPS} == set(died_at)
    with server:
        settled_end = load.settled_end
        load.check(server)
        assert load.settled_end > settled_end, "no flush before the last kill"
        load.check_everything(server)
        server.settle()
        # A client that sends again whatever it has no answer for has sent everything exactly once.
        for at in range(0, load.next, 1_000):
            numbers = range(at, min(at + 1_000, load.next))
            assert server.post("/v1/events", [event(n) for n in numbers]).status == 202
            load.answered(numbers, True)
        load.check(server)
        assert not load.unknown and load.present == set(range(load.next))
        server.settle()
        proof = server.verify()
        assert proof["ok"], proof
        load.check(server)
        load.check_everything(server)
        assert {int(row[0][1:]) for row in server.rows("select event_id from events")} == load.present
        assert load.check_iceberg(server) == load.present
        tenth = max(1, kills // 10)
        segments = len(list((tmp_path / "data/log").iterdir()))
        print(f"{kills} kills, {len(load.acknowledged)} acknowledged, 0 lost, 0 doubled, {len(load.files)} files, {segments} segments of the log;"
              f" a kill took {sum(seconds[:tenth]) / tenth:.2f} s in the first tenth, {sum(seconds[-tenth:]) / tenth:.2f} s in the last")


def loaded(server, load, dice, batches=20):
    """Acknowledged traffic without a kill."""
    for _ in range(batches):
        numbers = load.take(dice.choice([1, 50, 300]))
        body = [{"event_id": f"e{n}", "event_type": f"t{n % 5}", "value": n} for n in numbers]
        assert server.post("/v1/events", body).status == 202
        load.answered(numbers, True)


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
            load.answered(numbers, status == 202)
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
