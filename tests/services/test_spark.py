"""Spark with Iceberg's runtime uses the server as its catalog, by the configuration and the scripts of docs/engines/spark.md: tables of
its own, the others' tables, views, and the events table while events come in, in format v2 and raised to v3."""
import json
import os
import pathlib
import subprocess
import threading

import pytest

from services import installed, sql_script
from services.engines import content
from services.outside import HERE, Keyed, Spark
from services.recording_proxy import RecordingProxy
from services.test_engines import LAB, PACKAGES, make_lab, run
from services.test_managed_tables import Engine
from support.server import BINARY

# A Java machine takes a minute to start beside other work: not in the ordinary run.
pytestmark = pytest.mark.skipif(not os.environ.get("TM_NIGHTLY"), reason="TM_NIGHTLY is not set: `make services` runs it")
PAUSE_SECONDS = 1
LINEAGE = "_row_id, _last_updated_sequence_number"


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


@pytest.fixture(scope="module")
def server(tmp_path_factory, python):
    installed.spark()
    with Keyed(tmp_path_factory.mktemp("spark") / "data") as running:
        running.catalog_key = os.environ["TIDEMARK_KEY"] = running.key("catalog")
        send(running, 0, 300)
        running.settle()
        make_lab(python, running, tmp_path_factory.mktemp("lab"))
        yield running
        del os.environ["TIDEMARK_KEY"]


@pytest.fixture(scope="module")
def spark(server, tmp_path_factory):
    with Spark(server, server.catalog_key, tmp_path_factory.mktemp("session")) as session:
        yield session


def send(server, first, count):
    events = [{"event_id": f"e{n}", "event_type": "click" if n % 3 else "view"} for n in range(first, first + count)]
    answer = server.post("/v1/events", events)
    assert answer.status in (200, 202), answer.body


def agree(server, spark, python):
    """SQL, Spark, PyIceberg and DuckDB have the same events, and the ledger accounts for all of them."""
    server.settle()
    columns = "event_id, event_type, log_offset"
    ours = content(server.rows(f"select {columns} from events"))
    assert content(spark.rows(f"SELECT {columns} FROM `default`.events")) == ours
    for name in ("pyiceberg", "duckdb"):
        with Engine(python, name, server) as engine:
            theirs = engine.do("rows") if name == "pyiceberg" else engine.do("sql", statement=f'SELECT {columns} FROM ice."default".events')
        assert content(theirs) == ours, name
    proof = server.verify()
    assert proof["ok"], proof
    assert proof["projects"][0]["lake_rows"] == ours[0]
    return proof["projects"][0]


def test_tables_of_its_own(server, spark, python):
    sql_script.run((HERE / "spark/tables.sql").read_text(), spark.rows)
    tables = run(python, "duckdb", "rows", server, "spark", "remark")
    assert tables == run(python, "pyiceberg", "rows", server, "spark", "remark") == content(LAB)


def test_tables_of_the_others(spark, server):
    for name in ("pyiceberg", "duckdb"):
        assert content(spark.rows(f"SELECT id, name, note FROM lab.{name}")) == content(LAB), name
        spark.rows(f"DELETE FROM lab.{name} WHERE id = 1")
    # In the project's namespace SQL has it too, with Spark's deletes of both kinds and its partitions of two specs.
    spark.rows("CREATE TABLE `default`.notes USING iceberg TBLPROPERTIES ('write.delete.mode' = 'merge-on-read') AS SELECT * FROM lab.spark")
    spark.rows("ALTER TABLE `default`.notes ADD PARTITION FIELD truncate(2, name)")
    spark.rows("INSERT INTO `default`.notes VALUES (1000, 'n1000', 'new'), (1001, 'n1001', NULL)")
    spark.rows("DELETE FROM `default`.notes WHERE id IN (1, 111, 1001)")
    rows = [row for row in LAB if row[0] not in (1, 111)] + [(1000, "n1000", "new")]
    assert content(server.rows('select id, name, remark from "default".notes')) == content(rows)
    assert content(spark.rows("SELECT id, name, remark FROM `default`.notes")) == content(rows)


def test_the_events(server, spark, python):
    sql_script.run((HERE / "spark/events.sql").read_text(), spark.rows)
    assert server.rows("select event_type, count(*), count(note) from events group by 1 order by 1") == [("click", 199, 0), ("spark", 19, 1)]
    proof = agree(server, spark, python)
    assert (proof["foreign_rows"], proof["erased_rows"]) == (19, 101)


def test_what_would_break_the_events_is_refused(server, spark):
    for sql, words in [("DROP TABLE `default`.events", "the server feeds it"), ("ALTER TABLE `default`.events DROP COLUMN event_id", "G10"),
                       ("ALTER TABLE `default`.events SET TBLPROPERTIES ('gc.enabled' = 'true')", "G9"),
                       ("INSERT INTO `default`.events SELECT * FROM `default`.events WHERE log_offset IS NOT NULL LIMIT 5", "log_offset")]:
        assert words in spark.refused(sql), sql
    assert server.verify()["ok"]


def test_the_events_while_they_come_in(server, spark, python):
    stop, sent = threading.Event(), [300]

    def ingest():
        while not stop.is_set():
            send(server, sent[0], 30)
            sent[0] += 30
            server.settle()
            stop.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=ingest)
    thread.start()
    try:
        for n in range(3):
            spark.rows("INSERT INTO `default`.events (event_id, event_type, timestamp, received_at, project_id) "
                       f"SELECT concat('amid', {n}, '-', id), 'amid', now(), now(), 'default' FROM range(10)")
        spark.rows("DELETE FROM `default`.events WHERE event_type = 'amid' AND event_id LIKE 'amid1%'")
        spark.rows("ALTER TABLE `default`.events SET TBLPROPERTIES ('write.delete.mode' = 'copy-on-write')")
        spark.rows("DELETE FROM `default`.events WHERE event_id = 'amid2-3'")
        spark.rows("CALL tidemark.system.rewrite_data_files(table => 'default.events', options => map('rewrite-all', 'true'))")
        spark.rows("CALL tidemark.system.rewrite_manifests('default.events')")
    finally:
        stop.set()
        thread.join()
    assert server.rows("select count(*) from events where event_type = 'amid'") == [(19,)]
    assert server.scalar("select count(*) from events where event_type in ('click', 'view')") == 199 + sent[0] - 300
    agree(server, spark, python)


def test_events_are_staged_and_published(server, spark, python):
    """Write, audit, publish: what is staged is in no answer, the feed goes on beside it, and what is published is there once."""
    events = "`default`.events"
    spark.rows(f"ALTER TABLE {events} SET TBLPROPERTIES ('write.wap.enabled' = 'true')")
    for audit, prefix in (("good", "kept"), ("bad", "dropped")):
        spark.rows(f"SET spark.wap.id = {audit}")
        spark.rows(f"INSERT INTO {events} (event_id, event_type, timestamp, received_at, project_id) "
                   f"SELECT concat('{prefix}', id), 'staged', now(), now(), 'default' FROM range(7)")
        spark.rows("RESET spark.wap.id")
    assert server.scalar("select count(*) from events where event_type = 'staged'") == 0
    staged = "select snapshot_id from system.snapshots where table_name = 'events' and summary['wap.id'] is not null"
    assert len(server.rows(staged)) == 2
    before = server.scalar("select count(*) from events")
    send(server, 50_000, 20)
    agree(server, spark, python)
    spark.rows("CALL tidemark.system.publish_changes('default.events', 'good')")
    assert "good" in spark.refused("CALL tidemark.system.publish_changes('default.events', 'good')")
    spark.rows(f"ALTER TABLE {events} UNSET TBLPROPERTIES ('write.wap.enabled')")
    send(server, 50_020, 10)
    agree(server, spark, python)
    assert server.rows("select event_id from events where event_type = 'staged' order by 1") == [(f"kept{n}",) for n in range(7)]
    assert server.scalar("select count(*) from events") == before + 30 + 7


def test_a_text_that_is_none_is_taken_out(server, spark, python):
    """As a version of old may have settled it: Spark does not look into texts, and writes the file again without the row."""
    good = [{"event_id": name, "event_type": "text", "user_id": user} for name, user in (("neighbour", "n"), ("broken", "bqzxjw"))]
    assert server.post("/v1/events", good).status == 202
    server.settle()
    [(path,)] = server.rows("select file_path from system.files where table_name = 'events' and log_offset_max is not null order by log_offset_max desc limit 1")
    file = pathlib.Path(path.removeprefix("file://"))
    file.write_bytes(file.read_bytes().replace(b"bqzxjw", b"bq\xff\xfejw"))
    answer = server.post("/v1/sql", {"query": "select user_id from events"})
    assert answer.status == 500 and file.name in answer.json()["message"] and "not UTF-8" in answer.json()["message"], answer.body
    assert server.scalar("select count(*) from events where event_type = 'text'") == 2
    spark.rows("ALTER TABLE `default`.events SET TBLPROPERTIES ('write.delete.mode' = 'copy-on-write')")
    assert {row[0] for row in spark.rows(f"SELECT event_id FROM `default`.events WHERE _file LIKE '%/{file.name}'")} == {"neighbour", "broken"}
    spark.rows("DELETE FROM `default`.events WHERE event_id = 'broken'")
    assert server.rows("select event_id, user_id from events where event_type = 'text'") == [("neighbour", "n")]
    assert server.verify()["ok"]


def planned(server, spark, *statements):
    """Scans that the server plans give what those give that Spark plans itself."""
    with RecordingProxy(server.port) as proxy:
        catalog = f"planned{proxy.port}"  # A session keeps the address of a catalog that it has used.
        name = f"spark.sql.catalog.{catalog}"
        spark.ask(conf={name: "org.apache.iceberg.spark.SparkCatalog", f"{name}.type": "rest", f"{name}.uri": f"http://127.0.0.1:{proxy.port}/iceberg",
                        f"{name}.token": server.catalog_key, f"{name}.cache-enabled": "false", f"{name}.scan-planning-mode": "server"})
        for sql in statements:
            assert content(spark.rows(sql.format(catalog))) == content(spark.rows(sql.format("tidemark"))), sql
        assert [path.rsplit("/", 1)[1] for method, path in proxy.seen if method == "POST" and "/plan" in path] == ["plan"] * len(statements)


def test_scans_that_the_server_plans(server, spark):
    planned(server, spark, "SELECT count(*) FROM {}.`default`.events WHERE event_type = 'click'", "SELECT id, name, remark FROM {}.lab.spark WHERE id > 60",
            "SELECT id, name, remark FROM {}.`default`.notes WHERE name LIKE 'n1%' AND remark IS NOT NULL",
            "SELECT event_id, log_offset FROM {}.`default`.events WHERE timestamp >= timestamp'2026-03-01 05:00:00' AND event_type = 'spark'")


def checked(server, table):
    """The server's own look at every file of a table; returns what it found."""
    command = [BINARY, "iceberg", "fsck", table, "--json", "--url", f"http://{server.address}", "--key", server.admin]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def row_ids(server, spark, python, table, columns):
    """As Spark, DuckDB and (of plain tables) SQL have them."""
    theirs = spark.rows(f"SELECT {columns}, {LINEAGE} FROM `default`.{table}")
    with Engine(python, "duckdb", server) as duckdb:
        assert content(duckdb.do("sql", statement=f'SELECT {columns}, {LINEAGE} FROM ice."default".{table}')) == content(theirs), table
    if table != "events":
        assert content(server.rows(f"select {columns}, {LINEAGE} from iceberg.{table}")) == content(theirs), table
    return {row[0]: row[-2] for row in theirs}


def test_tables_of_format_v3(server, spark, python):
    sql_script.run((HERE / "spark/v3.sql").read_text(), spark.rows)
    for table in ("three", "raised"):
        ids = row_ids(server, spark, python, table, "id, name")
        assert None not in ids.values() and len(set(ids.values())) == len(ids), table
        assert checked(server, f"default.{table}")["format-version"] == 3
    planned(server, spark, "SELECT id, name FROM {}.`default`.three WHERE id > 20", "SELECT id, name FROM {}.`default`.raised WHERE id > 20")


def test_the_events_in_format_v3(server, spark, python):
    before = len(server.rows("select event_id from events"))
    events = "`default`.events"
    refused = spark.refused(f"ALTER TABLE {events} SET TBLPROPERTIES ('format-version' = '3')")
    assert "tidemark.format-upgrade" in refused, refused
    spark.rows(f"ALTER TABLE {events} SET TBLPROPERTIES ('tidemark.format-upgrade' = 'allow')")
    spark.rows(f"ALTER TABLE {events} SET TBLPROPERTIES ('format-version' = '3', 'write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read')")
    send(server, 100_000, 60)
    agree(server, spark, python)
    ids = row_ids(server, spark, python, "events", "event_id")
    assert len(set(ids.values())) == len(ids) == before + 60 and None not in ids.values()

    spark.rows(f"INSERT INTO {events} (event_id, event_type, timestamp, received_at, project_id) "
               "SELECT concat('three', id), 'three', now(), now(), 'default' FROM range(10)")
    spark.rows(f"DELETE FROM {events} WHERE event_id LIKE 'e10000%' OR event_id = 'three1'")  # Vectors, of old files and of new ones.
    spark.rows(f"DELETE FROM {events} WHERE event_id = 'e100011'")  # One takes another's place.
    spark.rows(f"UPDATE {events} SET note = 'v3' WHERE event_id IN ('e100012', 'three2')")
    send(server, 100_060, 30)
    agree(server, spark, python)
    assert checked(server, "default.events")["deletion-vectors"] > 0
    planned(server, spark, "SELECT event_id, log_offset FROM {}.`default`.events WHERE event_id LIKE 'e1000%'")
    spark.rows("CALL tidemark.system.rewrite_data_files(table => 'default.events', options => map('rewrite-all', 'true'))")
    spark.rows("CALL tidemark.system.rewrite_manifests('default.events')")
    agree(server, spark, python)

    after = row_ids(server, spark, python, "events", "event_id")
    assert len(set(after.values())) == len(after) == before + 60 + 30 - 11 + 9
    assert {name: number for name, number in ids.items() if name in after} == {name: number for name, number in after.items() if name in ids}
    assert server.rows("select event_id from events where note = 'v3' order by 1") == [("e100012",), ("three2",)]
    assert checked(server, "default.events")["format-version"] == 3
