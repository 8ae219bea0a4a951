"""The commands of docs/reference/operations.md, as they are written there."""
import json
import re
import subprocess

from support.server import BINARY, ROOT

EVENTS = [
    {"event_id": "a", "event_type": "x", "user_id": "u", "timestamp": "0001-01-01T00:00:00Z", "value": 1.5},
    {"event_id": "b", "event_type": "x", "timestamp": "9999-12-31T23:59:59.999999Z", "properties": {"a.b": {"": [1, "x", None]}, "u": "\u0001\U0001f600", "e": {}}},
    {"event_id": "c", "event_type": "y", "project_id": "leaving", "timestamp": "2016-12-31T23:59:60Z", "page_url": "https://a.example/?q=%22"},
]
# Numbers that a double does not hold; Python would write them in another way.
DIGITS = '{"event_id":"d","event_type":"y","timestamp":"2024-02-29T00:00:00+05:45","properties":{"n":12345678901234567.123,"m":9223372036854775808,"z":-0.0,"e":1E400}}'
ALL = "select event_id, event_type, user_id, timestamp, value, page_url, properties from events order by event_id"


def test_what_leaves_can_be_sent_and_is_the_same(server, tmp_path):
    [block] = re.findall(r"## Leaving.*?```sh\n(.*?)```", (ROOT / "docs/reference/operations.md").read_text(), flags=re.S)
    [leave, enter] = block.splitlines()
    for event in [*map(json.dumps, EVENTS), DIGITS]:
        assert server.post("/v1/events?project=leaving", event).json()["status"] == "accepted"
    leave = leave.replace("localhost:8080", server.address).replace("?format", "?project=leaving&format")
    enter = enter.replace("tidemark send", f"{BINARY} send --url http://{server.address}")
    for command in (leave, enter):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    there = server.post("/v1/sql?project=elsewhere", ALL).json()["data"]
    assert len(there) == 4 and there == server.post("/v1/sql?project=leaving", ALL).json()["data"]
    assert [row["properties"] for row in there][3] == '{"n":12345678901234567.123,"m":9223372036854775808,"z":-0.0,"e":1E400}'
