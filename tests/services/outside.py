"""Spark and Trino as the tests use them: a process each, with the very configuration that their pages in docs/engines show."""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.parse

from services import installed
from support.server import Tidemark

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = "127.0.0.1:8080"
START_SECONDS_MAX = 180
STATEMENT_SECONDS_MAX = 180


class Keyed(Tidemark):
    """A server that wants keys; the tests' own requests carry the admin's."""

    def __init__(self, folder, *options):
        super().__init__(folder, *options, dev=False)
        self.admin = ""

    def start(self, *more):
        super().start(*more)
        for line in self.banner.splitlines():  # Told once, at the first start.
            if line.startswith("admin key"):
                self.admin = line.rsplit(" ", 1)[1]
        return self

    def request(self, method, path, body=None, headers=None, timeout=60):
        return super().request(method, path, body, {"X-API-Key": self.admin, **(headers or {})}, timeout)

    def key(self, scopes):
        answer = self.post("/v1/keys", {"scopes": scopes})
        assert answer.status == 201, answer.body
        return answer.json()["key"]


class Spark:
    """One session: `rows(sql)`; a statement that loses a race is tried again."""

    def __init__(self, server, key, folder):
        python, jars = installed.spark()
        log = open(folder / "spark.log", "wb")
        command = [python, HERE / "spark_driver.py", HERE / "spark/spark-defaults.conf", server.address, key, jars, folder / "spark"]
        environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}", "PYSPARK_PYTHON": str(python), "SPARK_LOCAL_IP": "127.0.0.1"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=folder)
        self.log = folder / "spark.log"
        assert self.read() == "ready"

    def read(self):
        line = self.process.stdout.readline()
        assert line, self.log.read_text()[-3000:]
        return json.loads(line)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()

    def rows(self, sql):
        said = self.ask(sql=sql)
        assert "error" not in said, f"{sql}\n{said['error']}"
        return [tuple(row) for row in said["rows"]]

    def refused(self, sql):
        said = self.ask(sql=sql, tries=1)
        assert "error" in said, f"{sql} was not refused: {said}"
        return said["error"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def free_port():
    """One that nobody has just now: the server cannot be asked for the one that it would choose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Trino:
    """A coordinator that is its own worker: `rows(sql)` by its client protocol."""

    def __init__(self, server, key, folder):
        home, java = installed.trino()
        self.port = free_port()
        etc = folder / "trino/etc"
        (etc / "catalog").mkdir(parents=True)
        url = f"http://127.0.0.1:{self.port}"
        self.write(etc / "config.properties", "coordinator=true", "node-scheduler.include-coordinator=true", f"http-server.http.port={self.port}",
                   "node.internal-address=127.0.0.1", f"discovery.uri={url}", "query.max-memory=256MB", "query.max-memory-per-node=256MB",
                   "memory.heap-headroom-per-node=128MB")
        self.write(etc / "node.properties", "node.environment=test", "node.id=one", f"node.data-dir={folder}/trino/data", "node.bind-ip=127.0.0.1")
        self.write(etc / "jvm.config", "-server", "-Xmx1G", "-XX:+UseG1GC", "-Djdk.attach.allowAttachSelf=true")
        self.write(etc / "log.properties", "io.trino=WARN")
        page = (HERE / "trino/tidemark.properties").read_text()
        (etc / "catalog/tidemark.properties").write_text(page.replace(EXAMPLE, server.address).replace("tm_...", key))
        self.log = folder / "trino.log"
        self.process = subprocess.Popen([home / "bin/launcher", "run", "--etc-dir", etc], stdout=open(self.log, "wb"), stderr=subprocess.STDOUT,
                                        env={**os.environ, "JAVA_HOME": str(java), "PATH": f"{java}/bin:{os.environ['PATH']}"}, start_new_session=True)
        self.wait()

    @staticmethod
    def write(path, *lines):
        path.write_text("\n".join(lines) + "\n")

    def wait(self):
        """Until it takes queries."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                if b'"starting":false' in self.send("GET", "/v1/info"):
                    return
            except OSError:
                pass
            try:
                self.process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"Trino does not start: {self.log.read_text()[-3000:]}")

    def send(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STATEMENT_SECONDS_MAX)
        try:
            connection.request(method, path, body, {"X-Trino-User": "tests", "X-Trino-Time-Zone": "UTC"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def run(self, sql):
        """Rows, and the error's message if it failed."""
        said, rows = json.loads(self.send("POST", "/v1/statement", sql.encode())), []
        while True:
            rows += [tuple(row) for row in said.get("data", [])]
            if "error" in said:
                return rows, said["error"]["message"]
            if "nextUri" not in said:
                return rows, None
            said = json.loads(self.send("GET", urllib.parse.urlparse(said["nextUri"]).path))

    def rows(self, sql):
        rows, error = self.run(sql)
        assert error is None, f"{sql}\n{error}"
        return rows

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, 9)
        self.process.wait()
