"""The server under measurement: its processor time, memory and requests."""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """`with Server(binary, folder, "--memory", "8GiB") as server:`; killed at the end."""

    def __init__(self, binary, folder, *options):
        self.binary, self.folder, self.options = str(binary), pathlib.Path(folder), options
        self.process, self.port, self.ready_seconds, self.ready_cpu_seconds = None, 0, 0.0, 0.0

    def start(self):
        begin = time.monotonic()
        self.errors = open(self.folder.with_suffix(".stderr"), "ab")
        command = [self.binary, "serve", "--dev", "--data-dir", str(self.folder), "--http-listen", "127.0.0.1:0", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.port = int(line.split()[1].rsplit(":", 1)[1])
                break
        else:
            raise RuntimeError("the server did not start: " + self.folder.with_suffix(".stderr").read_text()[-2000:])
        self.ready_seconds, self.ready_cpu_seconds = time.monotonic() - begin, self.cpu_seconds()
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def cpu_seconds(self):
        """User and system time of the whole process so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory_bytes(self, name="VmHWM"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def request(self, method, path, body=None, timeout=600):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def settle(self):
        status, body = self.request("POST", "/v1/settle", "")
        assert status == 200, body

    def query(self, statement):
        status, body = self.request("POST", "/v1/sql", json.dumps({"query": statement}))
        assert status == 200, body
        return json.loads(body)

    def rows(self, statement):
        return [tuple(row.values()) for row in self.query(statement)["data"]]

    def count(self):
        [[rows]] = self.rows("select count(*) from events")
        return rows

    def table_metadata(self):
        status, body = self.request("GET", "/v1/tables/default/events")
        assert status == 200, body
        return json.loads(body)["metadata-location"]

    def metric(self, name):
        """The value of a metric without labels."""
        _, body = self.request("GET", "/metrics")
        for line in body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise KeyError(name)

    def log_line(self, message):
        """The last line of the server's log with that message."""
        lines = [json.loads(line) for line in self.folder.with_suffix(".stderr").read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["message"] == message][-1]

    def demo(self, *options, wait=True):
        """Plays demo traffic; its report, or the process if not waited for."""
        command = [self.binary, "demo", "--url", f"http://127.0.0.1:{self.port}", "--report", *map(str, options)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if not wait:
            return process
        out, _ = process.communicate()
        assert process.returncode == 0, f"demo failed: {out}"
        return json.loads(out)


class Floor(Server):
    """The server that does nothing (bench/micro/http_floor.cc): what a request costs this machine anyway. Its name is that of the
    release build's; `folder` only gives its messages a place."""

    def start(self):
        self.errors = open(self.folder.with_suffix(".stderr"), "ab")
        self.process = subprocess.Popen([str(pathlib.Path(self.binary).parent / "bench/http_floor")], stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        return self
