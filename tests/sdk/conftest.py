"""The SDKs of others, installed as they are published, and a server that knows one key."""
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.server import ROOT, Tidemark  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
INSTALLED = ROOT / ".deps/sdks"
RUN_SECONDS_MAX = 150


class Sdks:
    """Runs one SDK in a process of its own; what it says is JSON."""

    def run(self, language, *arguments):
        return json.loads(self.start(language, *arguments).communicate(timeout=RUN_SECONDS_MAX)[0].splitlines()[-1])

    def start(self, language, *arguments):
        if language == "node":
            command = ["node", str(HERE / "servers.mjs")]
        elif language == "browser":
            command = ["node", str(HERE / "browser.mjs")]
        else:
            command = [str(INSTALLED / "python/bin/python"), str(HERE / "servers.py")]
        return subprocess.Popen([*command, *map(str, arguments)], cwd=INSTALLED, stdout=subprocess.PIPE, text=True)


def install(*options):
    done = subprocess.run([HERE / "install.sh", *options], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("the SDKs could not be installed: " + done.stderr.strip()[-300:])


@pytest.fixture(scope="session")
def sdks():
    install()
    return Sdks()


@pytest.fixture(scope="session")
def browser_sdks():
    install("--browser")
    if not shutil.which("chromium"):
        pytest.skip("Chromium is not there and Debian's package could not be installed")
    return Sdks()


class KeyedServer(Tidemark):
    """Without --dev; asks with the key that its first start printed."""

    key = ""

    def start(self, *more):
        super().start(*more)
        self.key = next((word for word in self.banner.split() if word.startswith("tm_")), self.key)
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, path, body=None, headers=None, timeout=60):
        return super().request(method, path, body, {"X-API-Key": self.key, **(headers or {})}, timeout)


@pytest.fixture
def server(tmp_path):
    with KeyedServer(tmp_path / "data", dev=False) as running:
        yield running
