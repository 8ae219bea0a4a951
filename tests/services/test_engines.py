"""DuckDB, PyIceberg and Polars use the server as their catalog and read what the others wrote."""
import json
import pathlib
import subprocess

import pytest

from services import installed
from services.engines import FIRST, MORE, content
from support.server import Tidemark

PACKAGES = [f"pyiceberg[pyarrow,pyiceberg-core]=={installed.PYICEBERG}", "polars==2.1.0", "duckdb==1.5.5", "duckdb-extension-avro==1.5.5",
            "duckdb-extension-httpfs==1.5.5", "duckdb-extension-iceberg==1.5.5"]
ENGINES = ["duckdb", "pyiceberg", "polars"]
SECONDS_MAX = 120


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


def run(python, engine, action, server, *more):
    script = pathlib.Path(__file__).parent / "engines.py"
    done = subprocess.run([python, script, engine, action, f"http://127.0.0.1:{server.port}/iceberg", *more], capture_output=True, text=True,
                          timeout=SECONDS_MAX)
    assert done.returncode == 0, f"{engine} {action}: {done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def test_engines_share_their_tables(tmp_path, python):
    rows = [(i, f"n{i}", "late" if i >= FIRST else None) for i in range(FIRST + MORE) if i % 10 != 0]
    # As the rows themselves sort: None never meets a text, because ids differ.
    expected = dict.fromkeys(ENGINES, content(rows))
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", [{"event_id": f"e{n}", "event_type": "click" if n % 3 else "view"} for n in range(300)])
        server.settle()
        expected["events"] = content(server.rows("select event_id, event_type from events"))
        for engine in ENGINES:
            # Time travel sees the table before its column, its second half and its deletes.
            assert run(python, engine, "write", server) == {"first": FIRST}, engine
        for engine in [*ENGINES, "planned"]:  # The last: PyIceberg with plans of the server, of DuckDB's deletes too.
            assert run(python, engine, "read", server) == expected, engine
        # Their statements left the server's own table alone.
        assert server.verify()
