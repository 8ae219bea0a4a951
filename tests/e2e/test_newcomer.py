"""What goes wrong at first: every message says what happened and what to do next, and nothing is left half made."""
import json
import os
import signal
import socket
import subprocess

import pyarrow
import pyarrow.ipc
import pytest

from services.outside import Keyed
from support.server import BINARY, Tidemark


def run(folder, *arguments, text=None, **environment):
    stdin = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run([BINARY, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, **stdin)
    return done.returncode, done.stdout, done.stderr


def closed_port():
    """One where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("arguments,code,said", [
    ([], 2, ["tidemark: ", "subcommand is required", "`tidemark --help`"]),
    (["serv"], 2, ["no command `serv`; did you mean `serve`?", "--help"]),
    (["sevre"], 2, ["no command `sevre`; did you mean `serve`?", "--help"]),
    (["elephants"], 2, ["tidemark: there is no command `elephants`\n", "--help"]),
    (["table", "lst"], 2, ["tidemark table: there is no command `lst`; did you mean `list`?", "`tidemark table --help`"]),
    (["event", "quarantine", "repaly", "x"], 2, ["tidemark event quarantine: ", "did you mean `replay`?"]),
    (["serve", "--port", "9000"], 2, ["--port", "--help"]),
    (["serve", "--http-listen", "9000"], 2, ["'9000' is no address", "127.0.0.1:8080"]),
    (["serve", "--http-listen", "no.such.host.invalid:1"], 5, ["no.such.host.invalid", "127.0.0.1:8080"]),
    (["serve", "--memory", "lots"], 2, ["--memory", "a size like"]),
    (["serve", "-X", "flush.sise=1"], 2, ["there is no option flush.sise", "did you mean flush.size?"]),
    (["serve", "-X", "elephants=1"], 2, ["there is no option elephants", "`tidemark config print`"]),
    (["serve", "-X", "flush.size"], 2, ["section.key=value"]),
    (["serve", "--config", "nowhere.toml"], 2, ["nowhere.toml", "No such file", "may read"]),
    (["serve", "--config", "."], 2, ["Is a directory", "may read"]),
    (["serve", "-X", "auth.jwks_file=file", "--data-dir", "data", "--http-listen", "127.0.0.1:0"], 2, ["auth.jwks_file", '{"keys":[...]}']),
    (["serve", "-X", "auth.secret_file=file", "--data-dir", "data", "--http-listen", "127.0.0.1:0"], 2, ["auth.secret_file", "32 bytes"]),
    (["serve", "--data-dir", "file/data"], 1, ["data directory file/data", "--data-dir"]),
    (["serve", "--data-dir", "file"], 1, ["data directory file", "--data-dir"]),
    (["sql", "select 1", "--url", "https://127.0.0.1:1"], 2, ["http://127.0.0.1:8080"]),
    (["sql", "select 1", "--url", "no.such.host.invalid:1"], 5, ["no.such.host.invalid", "--url"]),
    (["sql"], 2, ["tidemark sql: ", "statement", "`tidemark sql --help`"]),
    (["sql", "select $x", "--param", "x"], 2, ["tidemark sql: ", "name=value, not `x`"]),
    (["table", "tag", "events"], 2, ["tidemark table tag: ", "name is required", "`tidemark table tag --help`"]),
    (["schema", "mode", "order", "strict"], 2, ["tidemark schema mode: ", "strict", "enforce"]),
    (["demo", "--rate", "-5"], 2, ["tidemark demo: ", "--rate"]),
    (["demo", "--users", "0"], 2, ["tidemark demo: ", "--users"]),
    (["demo", "--days", "1e300"], 2, ["tidemark demo: ", "--days"]),
    (["demo", "--as", "segment", "--batch", "10"], 2, ["tidemark demo: ", "--as", "--batch"]),
    (["doctor", "--data-dir", "nowhere"], 3, ["no data directory nowhere", "--data-dir"]),
    (["iceberg", "fsck", "nowhere.metadata.json"], 3, ["tidemark iceberg fsck: ", "no file nowhere.metadata.json"]),
    (["send", "--file", "nowhere.json"], 3, ["nowhere.json", "No such file", "may read"]),
    (["send", "--file", "."], 3, ["Is a directory", "may read"]),
    (["schema", "register", "order", "nowhere.json"], 3, ["nowhere.json", "may read"]),
])
def test_what_is_wrong_is_named_and_how_it_is_put_right(tmp_path, arguments, code, said):
    (tmp_path / "file").write_text("x")
    got, out, errors = run(tmp_path, *arguments)
    assert got == code, (got, out, errors)
    for words in said:
        assert words in errors, errors
    assert len(errors.splitlines()) <= 3 and "terminate" not in errors, errors


@pytest.mark.parametrize("command", [["sql", "select 1"], ["send", '{"event_type":"a"}'], ["settle"], ["verify"], ["key", "list"], ["table", "list"],
                                     ["schema", "list"], ["event", "quarantine", "list"], ["demo", "--count", "1"]])
def test_a_command_without_a_server_says_how_to_start_or_find_one(tmp_path, command):
    code, out, errors = run(tmp_path, *command, "--url", f"http://127.0.0.1:{closed_port()}")
    assert code == 5 and (not out or command[0] == "demo"), (code, out, errors)
    assert "no server at 127.0.0.1:" in errors and "start `tidemark serve`" in errors and "--url" in errors, errors


@pytest.mark.parametrize("command", [["sql", "select 1"], ["send", '{"event_type":"a"}'], ["settle"], ["verify"], ["key", "list"], ["table", "list"],
                                     ["schema", "list"], ["event", "quarantine", "list"], ["demo", "--count", "1"]])
def test_a_data_directory_without_a_server_is_asked_nowhere_else(tmp_path, command):
    """Its server has gone, or there never was one: another one that listens somewhere has other events."""
    with Tidemark(tmp_path / "data") as server:
        assert (tmp_path / "data/http.address").read_text() == f"127.0.0.1:{server.port}\n"
        assert server.terminate() == 0
        assert not (tmp_path / "data/http.address").exists()
    for folder in ["nowhere"] if command[0] == "key" else ["data", "nowhere"]:
        code, out, errors = run(tmp_path, *command, "--data-dir", folder)
        assert code == 5 and (not out or command[0] == "demo"), (code, out, errors)
        assert f"no server runs on the data directory {folder};" in errors and "--url" in errors, errors


def test_a_terminal_that_goes_stops_the_server_as_it_should_be(tmp_path):
    class Kept(Tidemark):
        def command(self):
            return ["nohup", *super().command()]

    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", {"event_type": "a"})
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(timeout=60) == 0
    with Kept(tmp_path / "data") as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.post("/v1/events", {"event_type": "a"}).status == 202
        assert server.rows("select count(*) from events") == [(2,)]
        assert server.terminate() == 0


def test_versions_are_told(tmp_path):
    code, text, _ = run(tmp_path, "version")
    assert code == 0 and run(tmp_path, "--version") == (0, text, "")
    assert f"tidemark {json.loads(run(tmp_path, 'version', '--json')[1])['version']}\n" == text


def test_a_busy_port_is_named_and_the_next_start_still_tells_the_first_key(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, out, errors = run(tmp_path, "serve", "--data-dir", "data", "--http-listen", address)
        assert code == 5 and f"{address} is in use" in errors and "--http-listen" in errors, errors
        assert "ready" not in out and "admin key" not in out
    with Keyed(tmp_path / "data") as server:
        assert server.admin.startswith("tm_")
        assert server.get("/v1/keys").status == 200


def test_a_directory_that_another_server_owns(server, tmp_path):
    code, _, errors = run(tmp_path, "serve", "--data-dir", str(server.folder), "--http-listen", "127.0.0.1:0")
    assert code == 6 and f"(pid {server.process.pid})" in errors and "--data-dir" in errors, errors


def test_a_command_without_a_key_says_where_it_takes_one(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        for command in (["sql", "select 1"], ["send", '{"event_type":"a"}'], ["settle"]):
            code, _, errors = run(tmp_path, *command, "--data-dir", str(server.folder), TIDEMARK_KEY="")
            assert code == 4 and "an API key is needed" in errors and "--key" in errors and "TIDEMARK_KEY" in errors, errors


def test_events_that_are_none(server, tmp_path):
    (tmp_path / "empty.json").write_text("\n\n")
    (tmp_path / "bad.json").write_text("event_type=a\n")
    at = ["--data-dir", str(server.folder)]
    code, _, errors = run(tmp_path, "send", "--file", "empty.json", *at)
    assert code == 2 and "no event" in errors and "--file" in errors, errors
    code, _, errors = run(tmp_path, "send", "--file", "bad.json", *at)
    assert code == 4 and "hint: " in errors, errors
    code, _, errors = run(tmp_path, "send", "-", *at, text='{"event_type":"a"}\n')
    assert code == 0 and "1 accepted" in errors, errors
    code, _, errors = run(tmp_path, "send", *at, text='{"event_type":"a"}\n')
    assert code == 0 and "1 accepted, 0 refused" in errors, errors
    code, _, errors = run(tmp_path, "send", '{"event_type":"a"}', '{"type_of_event":"a"}', *at)
    assert code == 0 and "missing_field" in errors and "1 accepted, 0 refused, 1 quarantined" in errors and "quarantine list" in errors, errors
    code, _, errors = run(tmp_path, "send", '{"type_of_event":"a"}', *at)
    assert code == 0 and "missing_field" in errors and "0 accepted, 0 refused, 1 quarantined" in errors, errors
    code, _, errors = run(tmp_path, "sql", "selec 1", *at)
    assert code == 4 and "hint: " in errors, errors
    code, _, errors = run(tmp_path, "sql", "select * from evnts", *at)
    assert code == 3 and "evnts" in errors and "hint: system.tables" in errors, errors
    code, _, errors = run(tmp_path, "sql", "select * from events at (version => 'nowhere')", *at)
    assert code == 3 and "hint: system.tables" in errors and "system.refs" in errors, errors
    code, _, errors = run(tmp_path, "sql", "insert into events values (1)", *at)
    assert code == 4 and "hint: SQL reads" in errors and "POST /v1/events" in errors, errors
    code, _, errors = run(tmp_path, "sql", "select $n", *at)
    assert code == 4 and "params" in errors, errors
    code, _, errors = run(tmp_path, "table", "describe", "nowhere", *at)
    assert code == 3 and "`tidemark table list`" in errors, errors
    code, _, errors = run(tmp_path, "iceberg", "verify", "default.nowhere", *at)
    assert code == 3 and errors.startswith("tidemark iceberg verify: "), errors


def test_statements_of_files_and_pipes(server, tmp_path):
    (tmp_path / "q.sql").write_text("-- The answer.\nselect 6 * $n as n;\n")
    at = ["--data-dir", str(server.folder), "--param", "n=7"]
    for place, text in (["-f", "q.sql"], None), (["--file", "-"], "select 6 * $n as n"), ([], "select 6 * $n as n"), (["-"], "select 6 * $n as n"):
        assert run(tmp_path, "sql", *place, *at, text=text) == (0, "n\n42\n", ""), place
    code, _, errors = run(tmp_path, "sql", "-f", "no.sql", *at)
    assert code == 3 and "no.sql" in errors, errors
    code, _, errors = run(tmp_path, "sql", "select 1", "-f", "q.sql", *at)
    assert code == 2 and "--file" in errors, errors
    code, _, errors = run(tmp_path, "sql", *at, text=" \n")
    assert code == 2 and "no statement" in errors and "--file" in errors, errors
    done = subprocess.run([BINARY, "sql", "select 42 as n", "-o", "arrow", "--data-dir", str(server.folder)], capture_output=True, timeout=60)
    assert pyarrow.ipc.open_stream(done.stdout).read_all().to_pydict() == {"n": [42]}, done.stderr


def test_help_of_everything_has_every_command_with_its_options(tmp_path):
    code, out, _ = run(tmp_path, "--help-all")
    assert code == 0
    for words in ("Usage: tidemark [", "Usage: tidemark serve [", "Usage: tidemark key create [", "--scope", "Usage: tidemark event quarantine replay [", "--event-type"):
        assert words in out, words
    code, out, _ = run(tmp_path, "key", "--help-all")
    assert code == 0 and "Usage: tidemark key [" in out and "Usage: tidemark key rotate [" in out and "--overlap" in out and "tidemark serve" not in out


@pytest.mark.parametrize("statement,status,said", [
    ("SELECT properties.amount FROM events", 400, ["struct", "properties->>'$.a.b'", "::double"]),
    ("SELECT count(*) FROM events WHERE properties.amount > 5", 400, ["properties->>'$.a.b'"]),
    ("PIVOT events ON event_type USING count(*) GROUP BY user_id", 400, ["PIVOT needs the values", "ON event_type IN ("]),
    ("SELECT * FROM information_schema.schemata", 403, ["may not be read", "SHOW TABLES", "DESCRIBE"]),
    ("SHOW TABLES FROM information_schema", 403, ["SHOW TABLES", "DESCRIBE"]),
])
def test_statements_that_others_answer_get_the_way_here(server, statement, status, said):
    answer = server.post("/v1/sql", statement)
    told = answer.json()
    assert answer.status == status, told
    for words in said:
        assert words in told["message"] + told["hint"], told


def test_what_others_sent_does_not_steer_a_terminal(server):
    text = "\x1b[2J\x1b]0;owned\x07\u009b31m\u202eevil\x7f"
    shown = r"\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eevil\u007f"
    server.post("/v1/events", {"event_type": "steers", "user_id": text, "page_title": "caf\u00e9 \u2603 \U0001f600"})
    server.post("/v1/events", {"event_type": text, "properties": 1})
    at = ["--data-dir", str(server.folder), "-o", "table"]
    out = subprocess.run([BINARY, "sql", *at, "select user_id, page_title from events where event_type = 'steers'"], capture_output=True, text=True).stdout
    assert f"| {shown} | caf\u00e9 \u2603 \U0001f600 " in out, repr(out)
    kept = subprocess.run([BINARY, "event", "quarantine", "list", *at], capture_output=True, text=True).stdout
    assert shown in kept
    for letter in text:
        assert letter.isalnum() or letter in "[]; " or letter not in out + kept, repr(letter)


def test_tables_for_people_are_boxes(server, tmp_path):
    server.post("/v1/events", [{"event_type": "a"}, {"type_of_event": "a"}])
    server.settle()
    at = ["--data-dir", str(server.folder), "-o", "table"]
    for command, columns in ((["table", "list"], "| namespace | name"), (["table", "snapshots", "events"], "| committed_at"), (["schema", "list"], "| subject "),
                             (["event", "quarantine", "list"], "| quarantine_id "), (["sql", "select 1 as one"], "| one |")):
        code, out, errors = run(tmp_path, *command, *at)
        lines = out.splitlines()
        assert code == 0 and lines[0].startswith("+--") and lines[1].startswith(columns), (command, out, errors)
        width = len(lines[0])
        assert all(len(line) == width for line in lines if line[0] in "|+"), out


@pytest.mark.parametrize("options,requests", [(["--rate", "500"], 4), (["--rate", "500", "--batch", "100"], 2), (["--rate", "100000"], 1), ([], 1)])
def test_a_low_rate_of_the_demo_is_no_burst(server, tmp_path, options, requests):
    code, out, errors = run(tmp_path, "demo", "--data-dir", str(server.folder), "--count", "200", *options, "--report")
    assert code == 0 and json.loads(out)["requests"] == requests, (out, errors)
