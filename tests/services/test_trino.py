"""Trino uses the server as its catalog, by the configuration and the scripts of docs/engines/trino.md: tables of its own, the others'
tables, views, and the events table."""
import os

import pytest

from services import installed, sql_script
from services.engines import content
from services.outside import HERE, Keyed, Trino
from services.test_engines import PACKAGES, make_lab, run
from services.test_managed_tables import Engine
from services.test_spark import LAB, send

# A Java machine takes a minute to start beside other work: not in the ordinary run.
pytestmark = pytest.mark.skipif(not os.environ.get("TM_NIGHTLY"), reason="TM_NIGHTLY is not set: `make services` runs it")


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


@pytest.fixture(scope="module")
def server(tmp_path_factory, python):
    installed.trino()
    with Keyed(tmp_path_factory.mktemp("trino") / "data") as running:
        running.catalog_key = os.environ["TIDEMARK_KEY"] = running.key("catalog")
        send(running, 0, 300)
        running.settle()
        make_lab(python, running, tmp_path_factory.mktemp("lab"))
        yield running
        del os.environ["TIDEMARK_KEY"]


@pytest.fixture(scope="module")
def trino(server, tmp_path_factory):
    with Trino(server, server.catalog_key, tmp_path_factory.mktemp("server")) as running:
        yield running


def test_tables_of_its_own(server, trino, python):
    sql_script.run((HERE / "trino/tables.sql").read_text(), trino.rows)
    for engine in ("pyiceberg", "duckdb"):
        assert run(python, engine, "rows", server, "trino", "remark") == content(LAB), engine


def test_tables_of_the_others(server, trino):
    for name in ("pyiceberg", "duckdb"):
        assert content(trino.rows(f"SELECT id, name, note FROM tidemark.lab.{name}")) == content(LAB), name
        trino.rows(f"DELETE FROM tidemark.lab.{name} WHERE id = 1")
    # In the project's namespace SQL has it too, with Trino's position deletes and its partitions of two specs.
    trino.rows("CREATE TABLE tidemark.default.notes AS SELECT * FROM tidemark.lab.trino")
    trino.rows("ALTER TABLE tidemark.default.notes SET PROPERTIES partitioning = ARRAY['truncate(name, 2)']")
    trino.rows("INSERT INTO tidemark.default.notes VALUES (1000, 'n1000', 'new'), (1001, 'n1001', NULL)")
    trino.rows("DELETE FROM tidemark.default.notes WHERE id IN (1, 111, 1001)")
    rows = [row for row in LAB if row[0] not in (1, 111)] + [(1000, "n1000", "new")]
    assert content(server.rows('select id, name, remark from "default".notes')) == content(rows)
    assert content(trino.rows("SELECT id, name, remark FROM tidemark.default.notes")) == content(rows)


def test_the_events(server, trino, python):
    sql_script.run((HERE / "trino/events.sql").read_text(), trino.rows)
    server.settle()
    columns = "event_id, event_type, log_offset"
    ours = content(server.rows(f"select {columns} from events"))
    assert ours[0] == 199 + 19 + 100
    assert content(trino.rows(f"SELECT {columns} FROM tidemark.default.events")) == ours
    with Engine(python, "pyiceberg", server) as engine:
        assert content(engine.do("rows")) == ours
    proof = server.verify()
    assert proof["ok"], proof
    assert (proof["projects"][0]["foreign_rows"], proof["projects"][0]["erased_rows"]) == (19, 1)
    for sql, words in [("DROP TABLE tidemark.default.events", "the server feeds it"),
                       ("ALTER TABLE tidemark.default.events DROP COLUMN event_id", "G10"),
                       ("INSERT INTO tidemark.default.events SELECT * FROM tidemark.default.events", "log_offset")]:
        _, error = trino.run(sql)
        assert error, sql
        print(sql, error)  # Trino keeps most of the server's words to its own log.
    assert server.verify()["ok"]


def test_tables_of_format_v3(server, trino, python):
    """Trino knows no deletion vectors: it reads and appends where there are none, and says so where there are some."""
    rows = "SELECT count(*), sum(id) FROM tidemark.default.three"
    with Engine(python, "duckdb", server) as duckdb:
        for sql in ("CREATE TABLE {} (id BIGINT) WITH ('format-version' = '3')", "INSERT INTO {} SELECT i FROM range(100) t(i)"):
            duckdb.do("sql", statement=sql.format('ice."default".three'))
        assert trino.rows(rows) == [(100, 4950)]
        trino.rows("INSERT INTO tidemark.default.three VALUES (1000), (1001)")
        _, error = trino.run("DELETE FROM tidemark.default.three WHERE id = 5")
        assert "Must use DVs" in error, error
        assert trino.rows(rows) == server.rows("select count(*), sum(id) from iceberg.three") == [(102, 6951)]
        duckdb.do("sql", statement='DELETE FROM ice."default".three WHERE id % 10 = 0')
        theirs = duckdb.do("sql", statement='SELECT id, _row_id, _last_updated_sequence_number FROM ice."default".three')
    ours = server.rows("select id, _row_id, _last_updated_sequence_number from iceberg.three")
    assert content(ours) == content(theirs)
    assert len({row[1] for row in ours}) == len(ours) == 91
    _, error = trino.run(rows)
    assert "PUFFIN" in error, error
