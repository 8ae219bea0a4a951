"""A disk without room: what was acknowledged is there, what cannot be stored is told as that (503, nothing was taken), and all goes on when there is room
again. The disk is a small one in memory, in a mount namespace of the server's own."""
import subprocess

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
