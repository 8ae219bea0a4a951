"""kill -9 at random and at armed points under load: nothing acknowledged is lost, nothing is doubled.

The client keeps its own list of acknowledgements. A request whose answer was lost may be there once
or not at all; it is not sent again. After every restart the list is compared with SQL, and at the
end with PyIceberg's reading of the table and with `verify`.
"""
import http.client
import json
import random
import threading

import pyarrow.compute as pc
from pyiceberg.table import StaticTable

from support.server import Tidemark

ARMED_EXIT = 85
STEPS = ["data_files", "manifests", "before_commit", "after_commit", "after_publish"]
CLIENTS = 3
LOADED_SECONDS_MAX = 20


class Load:
    """Clients that send batches of numbered events until the server goes away."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next = 0
        self.acknowledged, self.unknown = set(), set()

    def take(self, count):
        with self.lock:
            first, self.next = self.next, self.next + count
        return range(first, first + count)

    def client(self, server, seed, stop, progress):
        dice = random.Random(seed)
        connection = server.connect(timeout=30)
        while not stop.is_set():
            numbers = self.take(dice.choice([1, 1, 10, 200]))
            body = json.dumps([{"event_id": f"e{n}", "event_type": f"t{n % 5}", "value": n, "properties": {"n": n, "pad": "x" * dice.randrange(200)}} for n in numbers])
            try:
                connection.request("POST", "/v1/events", body)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.unknown.update(numbers)
                return
            with self.lock:
                (self.acknowledged if response.status == 202 else self.unknown).update(numbers)
            if response.status != 202:
                assert response.status == 503, answer
            progress.set()

    def run(self, server, dice, until_dead):
        """Loads the server until it dies by itself, or kills it at a random moment."""
        stop, progress = threading.Event(), threading.Event()
        threads = [threading.Thread(target=self.client, args=(server, dice.random(), stop, progress)) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        progress.wait(LOADED_SECONDS_MAX)
        server_flushes = threading.Thread(target=self.settle, args=(server, stop))
        server_flushes.start()
        if until_dead:
            server.process.wait(timeout=LOADED_SECONDS_MAX)
            assert server.process.returncode == ARMED_EXIT
        else:
            # A moment on the scale of a flush.
            stop.wait(dice.random() * 0.6)
            server.kill()
        stop.set()
        for thread in [*threads, server_flushes]:
            thread.join()

    @staticmethod
    def settle(server, stop):
        while not stop.is_set():
            try:
                server.post("/v1/settle", "")
            except (OSError, http.client.HTTPException):
                return

    def check(self, server):
        seen = [int(row[0][1:]) for row in server.rows("select event_id from events")]
        present = set(seen)
        assert len(seen) == len(present), "doubled"
        assert self.acknowledged <= present, f"lost {sorted(self.acknowledged - present)[:5]}"
        assert present <= self.acknowledged | self.unknown, "invented"


def test_nothing_is_lost_or_doubled_by_kills(tmp_path, request):
    kills = request.config.getoption("--kills")
    dice = random.Random(request.config.getoption("--seed"))
    load = Load()
    server = Tidemark(tmp_path / "data")
    for kill in range(kills):
        armed = kill % 2 == 1
        step = STEPS[kill // 2 % len(STEPS)]
        server.start(*(["--crash-at", f"{step}:{dice.randint(1, 3)}"] if armed else []))
        load.check(server)
        load.run(server, dice, until_dead=armed)
        server.kill()
    with server:
        load.check(server)
        server.settle()
        proof = server.verify()
        assert proof["ok"], proof
        load.check(server)
        table = StaticTable.from_metadata(server.events_metadata()).scan(selected_fields=("event_id", "log_offset", "value")).to_arrow()
        ids = {int(text[1:]) for text in table.column("event_id").to_pylist()}
        assert table.num_rows == len(ids), "doubled in the lake"
        assert load.acknowledged <= ids <= load.acknowledged | load.unknown
        offsets = table.column("log_offset")
        assert pc.count_distinct(offsets).as_py() == table.num_rows == pc.max(offsets).as_py() + 1
        print(f"{kills} kills, {len(load.acknowledged)} acknowledged, {len(load.unknown)} unknown, 0 lost, 0 doubled")
