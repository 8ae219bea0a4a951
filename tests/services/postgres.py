"""A PostgreSQL of Debian's package: a folder of its own, any free port, gone with the test."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from services.installed import run

START_SECONDS_MAX = 60


def programs():
    """The folder of initdb, postgres and psql; installs the package if it is not there."""
    def found():
        return sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))

    if not found():
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        run([*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"], "PostgreSQL")
    return found()[-1].parent


class Postgres:
    """`with Postgres() as postgres:` starts it. What is written stays while it is down."""

    def __init__(self):
        self.programs = programs()
        # It refuses to be run by root.
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tidemark-postgres-"))
        if self.user:
            shutil.chown(self.folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]  # Kept over restarts: clients know it.
        self.call("initdb", "-D", str(self.folder / "data"), "-U", "tests", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
        self.url = f"postgresql://tests@127.0.0.1:{self.port}/postgres"

    def call(self, program, *arguments):
        done = subprocess.run([self.programs / program, *arguments], capture_output=True, text=True, cwd=self.folder, timeout=START_SECONDS_MAX, **self.user)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def control(self, *arguments):
        # Its server must not hold a pipe of ours.
        subprocess.run([self.programs / "pg_ctl", "-w", "-s", "-D", self.folder / "data", *arguments], check=True, cwd=self.folder,
                       timeout=START_SECONDS_MAX, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user)

    def start(self):
        self.control("-l", str(self.folder / "log"), "-o", f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off", "start")
        return self

    def stop(self):
        self.control("-m", "immediate", "stop")

    def backends(self):
        """Process ids of the connections of clients, but the one that asks."""
        return [int(pid) for pid in self.sql("select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()").split()]

    def freeze(self):
        """Connections stay open, and nobody answers at them."""
        frozen = self.backends()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        return frozen

    def sql(self, statement):
        return self.call("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.url, "-c", statement)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
