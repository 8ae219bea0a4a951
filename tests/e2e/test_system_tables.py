"""The system tables: what they say is what the tables' own metadata says, documented by column."""
import json

import pytest

from support.server import ROOT, Tidemark

TABLES = ("tables", "snapshots", "history", "refs", "files", "partitions")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("system") / "data") as running:
        for n in range(3):
            events = [json.dumps({"event_id": f"{n}-{hour}", "event_type": "t", "timestamp": f"2024-01-15T{hour:02}:30:00Z"}) for hour in range(n + 1)]
            running.post("/v1/events", "\n".join(events), {"Content-Type": "application/x-ndjson"})
            running.settle()
        running.post("/v1/events", {"event_id": "hot", "event_type": "t"})
        yield running


def test_every_column_is_documented(server):
    page = (ROOT / "docs/reference/tables.md").read_text()
    for table in TABLES:
        for name, kind in server.rows(f"select column_name, column_type from (describe system.{table})"):
            assert f"`{name}`" in page, f"system.{table}.{name}"
            assert kind.split("(")[0] in page, f"system.{table}.{name} is {kind}"


def test_tables_are_those_of_the_cut(server):
    [row] = server.query("select * from system.tables where table_name = 'events'")["data"]
    assert (row["table_schema"], row["table_type"], row["format_version"], row["snapshot_count"]) == ("default", "managed", 2, 3)
    assert (row["settled_offset"], row["end_offset"], row["record_count"]) == (6, 7, 6)
    assert row["metadata_location"] == server.events_metadata()
    assert row["properties"]["tidemark.managed"] == "true"
    statement = "select (select end_offset from system.tables where table_name = 'events') = (select count(*) from events)"
    assert server.scalar(statement) is True


def test_snapshots_files_and_partitions_agree(server):
    snapshots = server.query("select * from system.snapshots order by sequence_number")["data"]
    assert [one["settled_offset"] for one in snapshots] == [1, 3, 6] and [one["is_current"] for one in snapshots] == [False, False, True]
    assert snapshots[1]["parent_id"] == snapshots[0]["snapshot_id"] and snapshots[0]["parent_id"] is None
    assert server.scalar("select summary['added-records'] from system.snapshots where is_current") == "3"
    assert server.rows("select name, type, snapshot_id from system.refs") == [("main", "BRANCH", snapshots[2]["snapshot_id"])]
    assert server.scalar("select count(*) from system.history where is_current_ancestor") == 3
    files = server.query("select * from system.files order by log_offset_min")["data"]
    assert sum(one["record_count"] for one in files) == 6
    assert all(one["timestamp_min"] <= one["timestamp_max"] and one["content"] == "data" for one in files)
    partitions = server.rows("select sum(record_count), sum(file_count), sum(total_data_file_size_in_bytes) from system.partitions")
    assert partitions == [(6, len(files), sum(one["file_size_in_bytes"] for one in files))]
    [newest] = server.rows("select min(partition) from system.partitions")
    assert json.loads(newest[0]).popitem()[1].startswith("2024-01")
    joined = "select count(*) from system.files f join system.partitions p using (table_name, spec_id, partition)"
    assert server.scalar(joined) == len(files)


def test_another_project_sees_its_own(server):
    headers = {"X-Tidemark-Project": "other"}
    answer = server.post("/v1/sql", {"query": "select count(*) n from system.files"}, headers)
    assert answer.status == 200 and answer.json()["data"] == [{"n": 0}], answer.body
    answer = server.post("/v1/sql", {"query": "select table_schema, end_offset from system.tables"}, headers)
    assert answer.json()["data"] == [{"table_schema": "other", "end_offset": 0}]


def test_what_is_no_system_table_does_not_exist(server):
    for name in ("system.nothing", "system.tables.files", "information_schema.tables"):
        assert server.post("/v1/sql", {"query": f"select * from {name}"}).status in (403, 404), name
    assert server.post("/v1/sql", {"query": "select * from system.files at (version => 1)"}).status == 400
