"""Whatever the shipped OpenAPI document allows to be sent, and much that it does not: never a 5xx, never an answer that the document does not tell.

The keys and schemas that it makes, changes and deletes are those of its own server. It learns ids from answers: the keys that it ends and renews
are two that nothing else needs, or it would end its own and be refused all that follows.

A statement that is given 1 ms has none of them to answer in: 504 is what is asked for then, and the one 5xx that is no error of the server.

Three of the tool's checks ask for something else than that and are off: that all that the document allows is accepted (an event may be refused for what
a schema cannot say), that all else is refused (clients' malformed events are taken as far as they can be understood), and that methods which HTTP/1.1's
parser does not know are 405 (they are 400).
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import pytest
from jsonschema import Draft202012Validator

from services.outside import Keyed
from support.server import ROOT

EXAMPLES = int(os.environ.get("TM_OPENAPI_EXAMPLES", "3"))  # `make long`: 200, and the thousands of `coverage`.
PHASES = "examples,fuzzing" if EXAMPLES < 10 else "examples,coverage,fuzzing"
DOCUMENT = json.loads((ROOT / "docs/reference/openapi.json").read_text())
# The tool leaves out where it has read the document.
OPERATIONS = sorted(one["operationId"] for path, methods in DOCUMENT["paths"].items() for one in methods.values() if path != "/openapi.json")
PART, PARTS = map(int, os.environ.get("TM_OPENAPI_PART", "1/1").split("/"))  # 2/4: the second of every four operations.
CONFIG = """[[operations]]
include-name = "POST /v1/sql"
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 504]
[[operations]]
include-name = "DELETE /v1/keys/{{id}}"
parameters = {{ id = "{ended}" }}
[[operations]]
include-name = "POST /v1/keys/{{id}}/rotate"
parameters = {{ id = "{renewed}" }}
"""
TOOL = pathlib.Path(sys.executable).with_name("schemathesis")


def test_the_document_is_the_one_of_the_sources(server):
    document = server.get("/openapi.json")
    assert document.status == 200 and document.headers["Content-Type"] == "application/json"
    assert document.json() == DOCUMENT


def test_no_answer_is_a_server_error_or_against_the_document(tmp_path):
    if not TOOL.exists():
        pytest.skip("schemathesis of tests/requirements.txt is not installed")
    asked = OPERATIONS[PART - 1::PARTS]
    chosen = [word for one in asked for word in ("--include-operation-id", one)] if PARTS > 1 else []
    with Keyed(tmp_path / "data") as server:
        ended, renewed = (server.post("/v1/keys", {"scopes": ["query"]}).json()["id"] for _ in range(2))
        (tmp_path / "schemathesis.toml").write_text(CONFIG.format(ended=ended, renewed=renewed))
        done = subprocess.run(
            [TOOL, "run", f"http://127.0.0.1:{server.port}/openapi.json", "--seed", "1", "--max-examples", str(EXAMPLES), "--phases", PHASES,
             "--checks", "all", "--exclude-checks", "unsupported_method,positive_data_acceptance,negative_data_rejection", "--request-timeout", "60",
             "--generation-database", "none", "-H", f"X-API-Key: {server.admin}", *chosen], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert re.search(rf"Tested: {len(asked)}\b", done.stdout), done.stdout[-3000:]
        assert server.get("/livez").status == 200
        assert "401 Unauthorized" not in done.stdout, done.stdout[-6000:]  # Or nothing but that was looked at.
        assert server.verify()["ok"]


def resolved(part):
    return DOCUMENT["components"][part["$ref"].split("/")[-2]][part["$ref"].split("/")[-1]] if "$ref" in part else part


def operations():
    """Method, path and operation: what makes things before what asks for them, and what deletes them at the end, from the inside out."""
    found = [(method, path, one) for path, methods in DOCUMENT["paths"].items() for method, one in methods.items()]
    makes = ["registerSchema", "registerVersion", "createKey", "sendEvents"]
    order = ["put", "post", "get", "delete"]
    return sorted(found, key=lambda one: (one[2]["operationId"] not in makes, order.index(one[0]), -len(one[1]) if one[0] == "delete" else 0))


def check(answer, operation):
    """The answer is one that the document tells."""
    told = resolved(operation["responses"][str(answer.status)])
    shapes = {kind.split(";")[0]: shape for kind, shape in told["content"].items()}
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    assert kind in shapes, (kind, list(shapes))
    if kind.endswith("json"):
        schema = {**shapes[kind]["schema"], "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(answer.json())


class Client:
    """Sends what the document shows as examples, about things that are there."""

    def __init__(self, server):
        self.server = server
        self.known = {}
        self.pinned = server.post("/v1/keys", {"scopes": ["ingest"], "dialect": "posthog"}).json()["key"]
        made = server.post("/v1/keys", {"scopes": ["query"]}).json()
        kept = server.post("/v1/events", {"event_type": "order", "timestamp": "never"}).json()["quarantineId"]
        dropped = server.post("/v1/events", {"event_type": "order", "timestamp": "ever"}).json()["quarantineId"]
        receipt = server.post("/v1/events", {"event_type": "order", "properties": {"amount": 5}}).headers["X-Tidemark-Receipt"]
        server.settle()
        for path, one in (("/v1/keys/", made["id"]), ("/v1/quarantine/{id}/drop", dropped), ("/v1/quarantine/", kept), ("/v1/receipts/", receipt)):
            self.known.setdefault(path, one)

    def address(self, path, operation):
        known = next((one for start, one in self.known.items() if path.startswith(start)), None)
        query = {}
        for parameter in map(resolved, operation.get("parameters", [])):
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", known or parameter["example"])
            elif parameter["in"] == "query" and "example" in parameter:
                query[parameter["name"]] = parameter["example"]
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def send(self, method, path, operation):
        if method == "delete" and "{subject}" in path:  # There is something to delete once more.
            schema = {"title": operation["operationId"], "type": "object"}
            assert self.server.post("/v1/schemas/order?compatibility=NONE", schema).status == 201
        if operation["operationId"] == "clearSubjectLevel":
            self.server.request("PUT", "/config/order", {"compatibility": "FULL"})
        content = resolved(operation.get("requestBody", {})).get("content", {"": {}})
        for kind, shown in content.items():
            body = shown.get("example")
            body = body if body is None or isinstance(body, str) else json.dumps(body)
            headers = {"Content-Type": kind} if kind else {}
            if path == "/track":  # Of two dialects: the key says which.
                headers["X-API-Key"] = self.pinned
            yield self.server.request(method.upper(), self.address(path, operation), body, headers)


def test_every_operation_does_what_its_example_asks(tmp_path):
    with Keyed(tmp_path / "data") as server:
        client = Client(server)
        for method, path, operation in operations():
            for answer in client.send(method, path, operation):
                assert answer.status // 100 == 2, (method, path, answer.status, answer.body)
                check(answer, operation)
