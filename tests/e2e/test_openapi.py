"""Whatever the shipped OpenAPI document allows to be sent, and much that it does not: never a 5xx, never an answer that the document does not tell.

Three of the tool's checks ask for something else than that and are off: that all that the document allows is accepted (an event may be refused for what
a schema cannot say), that all else is refused (clients' malformed events are taken as far as they can be understood), and that methods which HTTP/1.1's
parser does not know are 405 (they are 400).
"""
import json
import os
import pathlib
import subprocess
import sys

import pytest

from support.server import ROOT, Tidemark

EXAMPLES = int(os.environ.get("TM_OPENAPI_EXAMPLES", "5"))  # `make long`: 200, and the thousands of `coverage`; 7 min of processor time.
PHASES = "examples,fuzzing" if EXAMPLES < 10 else "examples,coverage,fuzzing"
TOOL = pathlib.Path(sys.executable).with_name("schemathesis")


def test_the_document_is_the_one_of_the_sources(server):
    document = server.get("/openapi.json")
    assert document.status == 200 and document.headers["Content-Type"] == "application/json"
    assert document.json() == json.loads((ROOT / "docs/reference/openapi.json").read_text())


def test_no_answer_is_a_server_error_or_against_the_document(tmp_path):
    if not TOOL.exists():
        pytest.skip("schemathesis of tests/requirements.txt is not installed")
    with Tidemark(tmp_path / "data", dev=False) as server:
        key = next(word for word in server.banner.split() if word.startswith("tm_"))
        done = subprocess.run(
            [TOOL, "run", f"http://127.0.0.1:{server.port}/openapi.json", "--seed", "1", "--max-examples", str(EXAMPLES), "--phases", PHASES,
             "--checks", "all", "--exclude-checks", "unsupported_method,positive_data_acceptance,negative_data_rejection", "--request-timeout", "60",
             "--generation-database", "none", "-H", f"X-API-Key: {key}"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert "Tested: " in done.stdout
        assert server.get("/livez").status == 200
