"""DuckDB, PyIceberg and Polars use the server as their catalog, by the configuration and the scripts of their pages in docs/engines, and
read what the others wrote."""
import json
import os
import subprocess

import pytest

from services import installed
from services.engines import FIRST, MORE, content
from services.outside import EXAMPLE, HERE, Keyed

PACKAGES = [f"pyiceberg[pyarrow,pyiceberg-core]=={installed.PYICEBERG}", "polars==2.1.0", "duckdb==1.5.5", "duckdb-extension-avro==1.5.5",
            "duckdb-extension-httpfs==1.5.5", "duckdb-extension-iceberg==1.5.5"]
ENGINES = ["duckdb", "pyiceberg", "polars"]
SECONDS_MAX = 120
LAB = [(i, f"n{i}", "late" if i >= FIRST else None) for i in range(FIRST + MORE) if i % 10 != 0]


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


def call(python, script, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run([python, script, *arguments], capture_output=True, text=True, timeout=SECONDS_MAX, env=environment)
    assert done.returncode == 0, f"{script} {arguments}: {done.stderr[-3000:]}"
    return done.stdout


def run(python, engine, action, server, *more):
    return json.loads(call(python, HERE / "engines.py", engine, action, f"http://{server.address}/iceberg", *more).splitlines()[-1])


def run_page(python, engine, names, server, folder):
    """What the engine's page shows, with the server's own address and a key."""
    scripts = []
    for name in names:
        script = folder / f"{engine}-{name}"
        script.write_text((HERE / engine / name).read_text().replace(EXAMPLE, server.address).replace("tm_...", server.catalog_key))
        scripts.append(script)
    if engine == "duckdb":
        call(python, HERE / "duckdb_script.py", *scripts)
    for script in scripts if engine != "duckdb" else []:
        call(python, script)


def make_lab(python, server, folder, engines=("pyiceberg", "duckdb")):
    """lab.<ENGINE> of each, with the rows of LAB."""
    for engine in engines:
        run_page(python, engine, ["attach.sql", "tables.sql"] if engine == "duckdb" else ["tables.py"], server, folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory, python):
    with Keyed(tmp_path_factory.mktemp("engines") / "data") as running:
        running.catalog_key = os.environ["TIDEMARK_KEY"] = running.key("catalog")
        running.post("/v1/events", [{"event_id": f"e{n}", "event_type": "click" if n % 3 else "view"} for n in range(300)])
        running.settle()
        yield running
        del os.environ["TIDEMARK_KEY"]


def agree(python, server, tables):
    expected = dict.fromkeys(tables, content(LAB))
    expected["events"] = content(server.rows("select event_id, event_type from events"))
    for engine in [*ENGINES, "planned"]:  # The last: PyIceberg with plans of the server, of DuckDB's deletes too.
        assert run(python, engine, "read", server) == expected, engine


def test_engines_share_their_tables(server, python, tmp_path):
    make_lab(python, server, tmp_path, ENGINES)
    agree(python, server, ENGINES)
    # Their statements left the server's own table alone.
    assert server.verify()["ok"]


def test_the_events(server, python, tmp_path):
    for engine in ENGINES:
        run_page(python, engine, ["attach.sql", "events.sql"] if engine == "duckdb" else ["events.py"], server, tmp_path)
    counts = server.rows("select event_type, count(*), count(log_offset), count(country) from events group by 1 order by 1")
    assert counts == [("click", 200, 200, 0), ("duck", 19, 0, 1), ("polars", 19, 0, 0), ("python", 19, 0, 1), ("view", 100, 100, 0)]
    agree(python, server, ENGINES)
    proof = server.verify()
    assert proof["ok"] and (proof["projects"][0]["foreign_rows"], proof["projects"][0]["erased_rows"]) == (57, 0), proof
