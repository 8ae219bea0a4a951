"""`tidemark send` with much to send: the server's limits are kept, what is busy is waited for, and what stops it tells where."""
import gzip
import http.server
import json
import subprocess
import threading

import pytest

from support.server import BINARY

REFUSED, SERVER = 4, 5
LOST = 0


class Door(http.server.BaseHTTPRequestHandler):
    """Answers the statuses of its server's list in turn, then 202; keeps the bodies that it took, each key's once. LOST: takes one, and
    the answer gets lost."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 202
        lines = body.splitlines()
        answer = {"status": "accepted", "received": len(lines), "accepted": len(lines), "refused": []}
        if status in (202, LOST):
            key = self.headers["Idempotency-Key"]
            self.server.taken += [] if key in self.server.keys else lines
            self.server.keys.append(key)
        else:
            answer = {"error": "no", "message": "not now", "hint": ""}
        if status == LOST:
            self.close_connection = True
            return
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def door():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.statuses, server.taken, server.keys = [], [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def send(door, lines, *options):
    return subprocess.run([BINARY, "send", "--url", f"http://127.0.0.1:{door.server_port}", *options, "-"], input="".join(line + "\n" for line in lines),
                          capture_output=True, text=True, timeout=60)


LINES = [json.dumps({"event_type": "old", "event_id": str(n)}) for n in range(10)]


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_is_asked_again_and_nothing_is_sent_twice(door, status):
    door.statuses = [202, status, status, status, 202, status]
    done = send(door, LINES, "--batch", "3")
    assert done.returncode == 0, done.stderr
    assert door.taken == [line.encode() for line in LINES]
    assert "10 accepted" in done.stderr and f"HTTP {status}" in done.stderr and "waiting" in done.stderr


def test_a_request_whose_answer_was_lost_is_taken_once(door):
    lines = [json.dumps({"event_type": "without an id", "n": n}) for n in range(9)]
    door.statuses = [202, LOST, 202, 202]
    done = send(door, lines, "--batch", "3")
    assert done.returncode == 0, done.stderr
    assert door.taken == [line.encode() for line in lines]
    assert len(door.keys) == 4 and len(set(door.keys)) == 3


@pytest.mark.parametrize("status,code", [(400, REFUSED), (500, SERVER)])
def test_what_stops_it_says_from_which_line_to_go_on(door, status, code):
    door.statuses = [202, 202, status]
    done = send(door, ["", *LINES], "--batch", "3")
    assert done.returncode == code, done.stderr
    assert "`tail -n +8`" in done.stderr, done.stderr
    rest = subprocess.run(["tail", "-n", "+8"], input="\n".join(["", *LINES]), capture_output=True, text=True, check=True).stdout
    assert send(door, rest.splitlines()).returncode == 0
    assert door.taken == [line.encode() for line in LINES]


@pytest.mark.parametrize("end", ["\r", "  ", "\t\r"], ids=["crlf", "blanks", "both"])
def test_lines_are_lines_whatever_they_end_in(door, end):
    done = send(door, [line + end for line in LINES], "--batch", "3")
    assert done.returncode == 0 and len(door.keys) == 4, done.stderr
    assert [json.loads(line) for line in door.taken] == [json.loads(line) for line in LINES]


def test_an_event_that_is_not_taken_is_named_by_its_line_of_the_input(server, tmp_path):
    lines = [LINES[0], "", LINES[1], LINES[2], "garbage", LINES[3], "", LINES[4], "[1]", LINES[5], '{"no":"type"}']
    (tmp_path / "some.ndjson").write_text("\n".join(lines))
    done = subprocess.run([BINARY, "send", "--url", f"http://{server.address}", "-f", tmp_path / "some.ndjson", "--batch", "2"], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "6 accepted, 1 refused, 2 quarantined" in done.stderr, done.stderr
    named = {int(line.split(":")[0].removeprefix("line ")): line for line in done.stderr.splitlines() if line.startswith("line ")}
    assert set(named) == {5, 9, 11} and "invalid_json" in named[5] and "not_an_object" in named[9] and "missing_field" in named[11], done.stderr


@pytest.mark.parametrize("content,hint", [(gzip.compress(b"{}\n" * 9), "zcat"), (b"\x28\xb5\x2f\xfd\x04\x00\n", "zstdcat"), ('{"event_type":"a"}'.encode("utf-16"), "iconv")],
                         ids=["gzip", "zstd", "utf-16"])
def test_a_file_that_is_no_text_is_named_with_what_makes_it_one(door, tmp_path, content, hint):
    (tmp_path / "packed").write_bytes(content)
    done = subprocess.run([BINARY, "send", "--url", f"http://127.0.0.1:{door.server_port}", "-f", tmp_path / "packed"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and hint in done.stderr and not door.taken, done.stderr


def test_lines_stay_lines_behind_one_that_is_a_list(door):
    done = send(door, [*LINES[:3], "[1]", *LINES[3:]], "--batch", "3")
    assert done.returncode == 0 and len(door.keys) == 4, done.stderr


def test_large_events_are_sent_in_requests_that_are_taken(server, tmp_path):
    (tmp_path / "large.ndjson").write_text("".join(json.dumps({"event_type": "large", "event_id": f"large-{n}", "text": "x" * 1_000_000}) + "\n" for n in range(80)))
    done = subprocess.run([BINARY, "send", "--url", f"http://{server.address}", "-f", tmp_path / "large.ndjson"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "80 accepted" in done.stderr, done.stderr
    assert server.scalar("select count(*) from events where event_type = 'large'") == 80
