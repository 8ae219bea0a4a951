"""A process that may open few files: connections leave to the log and the lake what they need."""
import json
import resource
import subprocess

from support.server import BINARY, Tidemark


class Limited(Tidemark):
    """Of `files` open files, which it may raise itself to `hard`."""

    def __init__(self, folder, files, *options, hard=None):
        super().__init__(folder, *options)
        self.limit = f"--nofile={files}:{hard or files}"

    def command(self):
        return ["prlimit", self.limit, *super().command()]


def test_more_clients_than_files_stop_neither_ingest_nor_flush(tmp_path):
    with Limited(tmp_path / "data", 128) as server:
        assert '"open_files":128,"connections":64' in server.stderr()
        idle = [server.connect() for _ in range(150)]
        for connection in idle:
            connection.connect()
        # Of the clients that come now some are refused with an answer; none is left waiting.
        assert server.get("/livez").status == 503
        for connection in idle[1:]:
            connection.close()
        kept = idle[0]

        def ask(path, body):
            kept.request("POST", path, body)
            answer = kept.getresponse()
            return answer.status, json.loads(answer.read())

        for turn in range(3):
            status, _ = ask("/v1/events", json.dumps([{"event_type": "a", "timestamp": f"20{turn}{y}-01-01T00:00:00Z"} for y in range(10)]))
            assert status == 202
            assert ask("/v1/settle", "")[0] == 200
        status, answer = ask("/v1/sql", "select count(*) as n from events")
        assert (status, answer["data"]) == (200, [{"n": 30}])


def test_a_limit_that_nothing_can_be_done_with_is_told_at_the_start(tmp_path):
    done = subprocess.run(Limited(tmp_path / "data", 20).command(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "may open 20 files" in done.stderr and "ulimit -n" in done.stderr, done.stderr
    assert not (tmp_path / "data").exists()


def test_the_soft_limit_is_raised_as_far_as_it_is_needed(tmp_path):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with Limited(tmp_path / "data", 256, "-X", "http.connections=100", hard=hard) as server:
        assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0] == 612
        assert "open_files" not in server.stderr()
