"""A disk without room: what was acknowledged is there, what cannot be stored is told as that (503, nothing was taken), and all goes on when there is room
again. The disk is a small one in memory, in a mount namespace of the server's own."""
import subprocess
import threading
import time

import pytest

from support.server import Tidemark

SMALL, LARGE = "160m", "1g"
EVENTS = 1_000
FILLER = "x" * 400


class OnSmallDisk(Tidemark):
    """The data directory is on a tmpfs that only the server sees."""

    def command(self):
        script = f'mount -t tmpfs -o size={SMALL} tmpfs "$0" && exec "$@"'
        return ["unshare", "-rm", "sh", "-c", script, str(self.folder), *super().command()]

    def fill(self):
        subprocess.run(["nsenter", "-t", str(self.process.pid), "-U", "-m", "--preserve-credentials",
                        "sh", "-c", 'cat /dev/zero > "$0/filler" 2> /dev/null || true', str(self.folder)], check=True)

    def enlarge(self):
        subprocess.run(["nsenter", "-t", str(self.process.pid), "-U", "-m", "--preserve-credentials",
                        "mount", "-o", f"remount,size={LARGE}", str(self.folder)], check=True)


def can_mount():
    return subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="this system lets nobody make a mount namespace")
def test_a_full_disk_is_told_and_survived(tmp_path):
    (tmp_path / "data").mkdir()
    with OnSmallDisk(tmp_path / "data", "--flush-seconds", "86400") as server:
        def send(first):
            return server.post("/v1/events", [{"event_id": f"e{n}", "event_type": "filler", "text": f"{n}{FILLER}"} for n in range(first, first + EVENTS)])

        sent, unknown = 0, []
        while (answer := send(sent)).status == 202:
            sent += EVENTS
            assert sent < 1_000_000, "the disk does not get full"
        while answer.status == 500:  # Some of it may have reached the disk: it must say so, and once is enough.
            assert "may be there or not" in answer.json()["message"] and "event_id" in answer.json()["hint"], answer.body
            unknown.append(sent)
            sent += EVENTS
            assert len(unknown) <= 2
            answer = send(sent)
        assert answer.status == 503 and answer.headers["Retry-After"], answer.body
        assert "No space left" in answer.json()["message"] and "nothing was taken" in answer.json()["message"], answer.body
        assert server.get("/health").status == 503
        stored = server.scalar("select count(*) from events")
        assert 0 <= stored - (sent - EVENTS * len(unknown)) <= EVENTS * len(unknown)

        server.enlarge()
        for first in [*unknown, sent]:  # What may be there is sent again: each event is there once.
            assert send(first).status == 202
        assert server.get("/health").status == 200
        server.settle()
        assert server.rows("select count(*), count(distinct event_id) from events") == [(sent + EVENTS, sent + EVENTS)]
        assert server.verify()["ok"]


class OnKeptDisk(Tidemark):
    """A server on a small disk that outlives it: the mount namespace is that of a process of its own."""

    def __init__(self, folder, *options):
        super().__init__(folder, *options)
        self.holder = subprocess.Popen(["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={SMALL} tmpfs "$0" && echo && exec cat', str(folder)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline()

    def inside(self, *command):
        return ["nsenter", "-t", str(self.holder.pid), "-U", "-m", "--preserve-credentials", *map(str, command)]

    def command(self):
        return self.inside(*super().command())

    def run(self, *command):
        return subprocess.run(self.inside(*command), check=True, capture_output=True, text=True).stdout

    def fill(self, left):
        """All of the disk but so many bytes."""
        free = int(self.run("stat", "-f", "-c", "%a", self.folder)) * int(self.run("stat", "-f", "-c", "%S", self.folder))
        self.run("sh", "-c", 'head -c "$1" /dev/zero >"$0"', self.folder / "filler", free - left)

    def __exit__(self, *_):
        self.kill()
        self.holder.kill()
        self.holder.wait()


def until_ready(server, seconds=60):
    end, pause = time.monotonic() + seconds, threading.Event()
    while (answer := server.get("/readyz")).status != 200:
        assert time.monotonic() < end, answer.body
        pause.wait(0.05)
    return answer.json()


@pytest.mark.skipif(not can_mount(), reason="this system lets nobody make a mount namespace")
def test_a_start_on_a_full_disk_answers_queries_and_takes_events_once_there_is_room(tmp_path):
    (tmp_path / "data").mkdir()
    with OnKeptDisk(tmp_path / "data", "--flush-seconds", "86400") as server:
        assert server.get("/readyz").json() == {"status": "ready", "takes_events": True, "answers_queries": True}
        send = lambda *names: server.post("/v1/events", [{"event_id": name, "event_type": "kept"} for name in names])
        assert send("settled").status == 202
        server.settle()
        assert send("hot").status == 202
        server.kill()
        for name in server.run("ls", server.folder / "log").split():
            if name.startswith("spare"):  # There was no room to make it.
                server.run("rm", server.folder / "log" / name)
        server.fill(left=512 * 1024)
        for _ in range(2):  # A start leaves a next one as much room.
            server.start()
            assert server.rows("select event_id from events order by 1") == [("hot",), ("settled",)]
            answer = send("refused")
            assert answer.status == 503 and answer.headers["Retry-After"], answer.body
            assert "No space left" in answer.json()["message"] and "nothing was taken" in answer.json()["message"], answer.body
            ready = server.get("/readyz")
            assert (ready.status, ready.headers["Retry-After"]) == (503, "1")
            told = ready.json()
            assert (told["status"], told["takes_events"], told["answers_queries"]) == ("not ready", False, True)
            assert "No space left" in told["message"] and "without a restart" in told["hint"], told
            health = server.get("/health")
            assert health.status == 503 and "No space left" in health.json()["message"], health.body
            assert (server.get("/health/collector").status, server.get("/livez").status) == (503, 200)
            server.kill()
        server.start()
        server.run("rm", server.folder / "filler")
        assert until_ready(server)["takes_events"]
        assert send("hot", "late").json()["duplicate"] == 1
        server.settle()
        assert server.rows("select event_id from events order by 1") == [("hot",), ("late",), ("settled",)]
        assert server.verify()["ok"] and server.get("/health").status == 200


@pytest.mark.skipif(not can_mount(), reason="this system lets nobody make a mount namespace")
def test_a_disk_that_is_full_to_the_last_byte_is_started_on_with_the_reserve(tmp_path):
    (tmp_path / "data").mkdir()
    with OnKeptDisk(tmp_path / "data", "--flush-seconds", "86400") as server:
        assert server.post("/v1/events", [{"event_id": "a", "event_type": "kept"}]).status == 202
        server.kill()
        # Where the disk is larger the server has made it.
        server.run("sh", "-c", 'head -c 64M /dev/zero >"$0"', server.folder / "log/reserve")
        server.fill(left=0)
        server.start()
        assert server.rows("select event_id from events") == [("a",)]


@pytest.mark.skipif(not can_mount(), reason="this system lets nobody make a mount namespace")
def test_a_schema_that_finds_no_room_is_not_registered_and_may_be_sent_again(tmp_path):
    (tmp_path / "data").mkdir()
    with OnSmallDisk(tmp_path / "data") as server:
        large = {"type": "object", "description": FILLER * 400}
        assert server.post("/v1/schemas/before", large).status == 201
        server.fill()
        for path in ("/v1/schemas/order", "/v1/schemas/before"):
            answer = server.post(path, {**large, "title": "new"})
            assert answer.status == 500 and "full" in answer.json()["message"], answer.body
            assert any(advice in answer.json()["hint"] for advice in ("nothing was registered", "look whether it happened")), answer.body
        assert server.get("/v1/schemas/order").status == 404 and server.get("/v1/schemas/before").json()["version"] == 1
        server.enlarge()
        assert server.post("/v1/schemas/order", {**large, "title": "new"}).json()["version"] == 1
        assert server.post("/v1/schemas/before", {**large, "title": "new"}).json()["version"] == 2
        assert {"order", "before"} <= {one["subject"] for one in server.get("/v1/schemas").json()["subjects"]}
