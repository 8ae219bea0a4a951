"""Settings from a file, the environment, -X and flags, on the real binary."""
import os
import pathlib
import subprocess

import pytest

from support.server import BINARY, ROOT, Tidemark


def run(folder, *arguments, **environment):
    done = subprocess.run([BINARY, *arguments], cwd=folder, capture_output=True, text=True, env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


def test_the_reference_is_what_the_binary_says():
    code, page, _ = run(ROOT, "config", "docs")
    assert code == 0
    assert page == (ROOT / "docs/reference/config.md").read_text(), "run: build/tidemark config docs > docs/reference/config.md"


def test_later_sources_win_and_print_names_them(tmp_path):
    (tmp_path / "tidemark.toml").write_text("[query]\nthreads = 5\nrows = 10\n[flush]\nsize = '1MB'\nage = 2.5\n")
    code, printed, _ = run(tmp_path, "config", "print", "-X", "query.rows=30", TIDEMARK_QUERY__ROWS="20", TIDEMARK_FLUSH__SIZE="2MB")
    assert code == 0
    lines = set(printed.splitlines())
    assert {"threads = 5  # tidemark.toml:2", "rows = 30  # -X", "size = '2MB'  # TIDEMARK_FLUSH__SIZE",
            "age = '2.5'  # tidemark.toml:6", "memory = '4GiB'  # default"} <= lines, printed
    (tmp_path / "again.toml").write_text(printed)
    assert run(tmp_path, "config", "check", "--config", "again.toml")[0] == 0


@pytest.mark.parametrize("text,said", [
    ("[flush]\nsise = 1\n", "did you mean flush.size?"),
    ("[query]\nthreads = 0\n", "query.threads must be 1 to 64"),
    ("[server]\nmemory = 'lots'\n", "a size like"),
    ("[server\n", "tidemark.toml:1"),
    ("[query]\nthreads = [1, 2]\n", "must be one value"),
])
def test_a_wrong_file_is_refused_by_check_and_by_serve(tmp_path, text, said):
    (tmp_path / "tidemark.toml").write_text(text)
    code, _, errors = run(tmp_path, "config", "check")
    assert code == 8 and said in errors, errors
    code, _, errors = run(tmp_path, "serve")
    assert code == 2 and said in errors and not (tmp_path / "tidemark-data").exists()


@pytest.mark.parametrize("text,said", [
    ("[http]\nlisten = 5\n", "http.listen: '5' is no address"),
    ("[http]\ntrusted_proxies = 'here'\n", "here"),
    ("[enrich]\nip = 'shorten'\n", "enrich.ip must be truncate, keep or drop"),
    ("[limits]\nrequests = 'many'\n", "limits.requests must be written like"),
    ("[auth]\nsecret_file = 'nowhere'\n", "nowhere"),
])
def test_check_refuses_what_a_start_would(tmp_path, text, said):
    (tmp_path / "tidemark.toml").write_text(text)
    code, out, errors = run(tmp_path, "config", "check")
    assert (code, out) == (8, "") and said in errors, errors


def test_a_file_that_was_named_must_be_there(tmp_path):
    code, _, errors = run(tmp_path, "config", "check", "--config", "nowhere.toml")
    assert code == 8 and "nowhere.toml" in errors


def test_serve_keeps_to_its_limits(tmp_path):
    config = tmp_path / "limits.toml"
    config.write_text("[http]\nbody_bytes = '10KiB'\n[ingest]\nevent_bytes = '2KiB'\nevents = 5\n[query]\nrows = 3\ntime = '200ms'\n")
    with Tidemark(tmp_path / "data", "--config", str(config), "-X", "query.sql_bytes=2KiB", "--flush-seconds", "0.05") as server:
        assert server.post("/v1/events", {"event_type": "a", "properties": {"x": "y" * 3000}}).status == 413
        assert server.post("/v1/events", {"event_type": "a" * 20_000}).status == 413
        assert server.post("/v1/events", [{"event_type": "a"}] * 6).status in (400, 413)
        assert server.post("/v1/events", [{"event_type": "a"}] * 5).status == 202
        too_many = server.post("/v1/sql", "select * from range(10)")
        assert too_many.status == 400 and "query.rows" in too_many.json()["message"], too_many.body
        cut = server.query("select * from range(10)", limit=2)
        assert (cut["rows"], cut["truncated"]) == (2, True)
        assert server.post("/v1/sql", "select '" + "x" * 3000 + "'").status == 400
        endless = "select count(*) from range(1000000000) a, range(1000000000) b where a.range + b.range = -1"
        assert server.post("/v1/sql", endless).status == 504
        assert server.scalar("select 1") == 1


class Listening(Tidemark):
    """At an address of one's own choice."""

    def __init__(self, folder, listen):
        super().__init__(folder)
        self.listen = listen

    def command(self):
        return [str(BINARY), "serve", "--data-dir", str(self.folder), "--http-listen", self.listen, "--dev"]


@pytest.mark.parametrize("listen", ["[::1]:0", "[::]:0", "0.0.0.0:0", "localhost:0"])
def test_commands_reach_and_are_trusted_by_a_server_at_any_address_of_this_machine(tmp_path, listen):
    if listen.startswith("[") and not pathlib.Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with Listening(tmp_path / "data", listen) as server:
        sent = subprocess.run([BINARY, "send", "--data-dir", server.folder, '{"event_type":"near"}'], capture_output=True, text=True, timeout=60)
        assert sent.returncode == 0 and "1 accepted" in sent.stderr, sent.stderr
