"""A real server in a directory of its own, as the tests use it."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TIDEMARK_BINARY", ROOT / "build/tidemark"))
START_SECONDS_MAX = 60


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Tidemark:
    """`with Tidemark(folder) as server:` starts it; leaving kills it."""

    def __init__(self, folder, *options, dev=True):
        self.folder = pathlib.Path(folder)
        self.options = options
        self.dev = dev
        self.environment = {}  # Beside that of the tests.
        self.process = None
        self.port = 0
        self.banner = ""

    def command(self):
        command = [str(BINARY), "serve", "--data-dir", str(self.folder), "--http-listen", "127.0.0.1:0"]
        return [*command, *(["--dev"] if self.dev else []), *self.options]

    def start(self, *more):
        """Starts and blocks until it says that it is ready."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.errors = open(self.folder.parent / f"{self.folder.name}.stderr", "ab")
        self.process = subprocess.Popen([*self.command(), *more], stdout=subprocess.PIPE, stderr=self.errors, text=True, env={**os.environ, **self.environment})
        timer = threading.Timer(START_SECONDS_MAX, self.process.kill)
        timer.start()
        self.banner = ""
        for line in self.process.stdout:
            self.banner += line
            if line.startswith("ready "):
                self.port = int(line.split()[1].rsplit(":", 1)[1])
                break
        timer.cancel()
        if not self.port or "ready " not in self.banner:
            self.process.wait()
            raise RuntimeError(f"did not start: {self.banner}{self.stderr()[-2000:]}")
        # Whatever else it prints must not fill the pipe.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def stderr(self):
        return (self.folder.parent / f"{self.folder.name}.stderr").read_text(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = self.connect(timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def post(self, path, body, headers=None):
        return self.request("POST", path, body, headers)

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def query(self, statement, **options):
        """The whole answer of a statement; fails the test if it is not 200."""
        answer = self.post("/v1/sql", {"query": statement, **options})
        assert answer.status == 200, answer.body
        return answer.json()

    def rows(self, statement, **options):
        return [tuple(row.values()) for row in self.query(statement, **options)["data"]]

    def scalar(self, statement):
        [[value]] = self.rows(statement)
        return value

    def settle(self):
        answer = self.post("/v1/settle", "")
        assert answer.status == 200, answer.body
        return answer.json()

    def verify(self):
        answer = self.post("/v1/verify", "")
        assert answer.status == 200, answer.body
        return answer.json()

    def events_metadata(self, project="default"):
        """Path of the newest metadata file of the project's events table, as the server names it."""
        answer = self.get(f"/v1/tables/{project}/events")
        assert answer.status == 200, answer.body
        return answer.json()["metadata-location"]


class Starting(Tidemark):
    """One that is asked before it says that it is ready: `start` waits only until it listens."""

    def start(self, *more):
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.errors = open(self.folder.parent / f"{self.folder.name}.stderr", "ab")
        self.process = subprocess.Popen([*self.command(), *more], stdout=subprocess.DEVNULL, stderr=self.errors, env={**os.environ, **self.environment})
        until = time.monotonic() + START_SECONDS_MAX
        while not self.port:
            assert self.process.poll() is None and time.monotonic() < until, self.stderr()[-2000:]
            self.port = self.listening()
        return self

    def listening(self):
        """The port of its listening socket; 0 while it has none."""
        try:
            links = [os.readlink(file) for file in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()]
            lines = pathlib.Path(f"/proc/{self.process.pid}/net/tcp").read_text().splitlines()[1:]
        except OSError:  # A file that was closed meanwhile.
            return 0
        for fields in map(str.split, lines):
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in links:
                return int(fields[1].split(":")[1], 16)
        return 0
