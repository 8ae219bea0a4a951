"""A user's first hour: an event in, an exact answer out, tables that others open."""
import json

import duckdb
import pytest
from pyiceberg.table import StaticTable

from support.server import Tidemark


def test_an_event_is_on_disk_and_visible_when_it_is_acknowledged(server):
    answer = server.post("/v1/events", {"eventId": "evt_123", "eventType": "page_view", "userId": "u1", "properties": {"page": "/"}})
    assert answer.status == 202
    assert answer.json() == {"status": "accepted", "eventId": "evt_123"}
    assert answer.headers["X-Tidemark-Receipt"]
    assert server.rows("select event_id, event_type, user_id, properties from events") == [("evt_123", "page_view", "u1", '{"page":"/"}')]


def test_a_query_takes_the_receipt_as_min_offset(server):
    receipt = server.post("/v1/events", {"event_type": "a"}).headers["X-Tidemark-Receipt"]
    answer = server.query("select count(*) as n from events", min_offset=receipt)
    assert answer["data"] == [{"n": 1}]
    assert answer["receipt"]["offsets"] == {"0": 1}
    foreign = "0" * 8 + receipt[8:]
    assert server.post("/v1/sql", {"query": "select 1", "min_offset": foreign}).status == 400


def test_the_answer_does_not_depend_on_what_is_settled(server):
    statement = "select event_type, count(*) as n, sum(value) as total from events group by 1 order by 1"
    for i in range(100):
        server.post("/v1/events", {"event_type": f"t{i % 3}", "value": i})
    hot = server.query(statement)
    assert hot["route"] == "realtime"
    server.settle()
    lake = server.query(statement)
    assert lake["route"] == "batch"
    assert lake["data"] == hot["data"]
    server.post("/v1/events", {"event_type": "t0", "value": 0})
    both = server.query(statement)
    assert both["route"] == "hybrid"
    assert [row["n"] for row in both["data"]] == [35, 33, 33]


def test_pyiceberg_and_duckdb_read_the_same_settled_rows(server):
    batch = [{"event_type": "late", "timestamp": f"20{year}-03-01T00:00:00Z", "user_id": "ü" * 20} for year in range(10, 26)]
    assert server.post("/v1/events", batch + [{"event_type": "now"}] * 84).json()["accepted"] == 100
    server.settle()
    server.post("/v1/events", [{"event_type": "hot"}] * 7)
    location = server.events_metadata()
    arrow = StaticTable.from_metadata(location).scan().to_arrow()
    assert arrow.num_rows == 100
    assert sorted(arrow.column("log_offset").to_pylist()) == list(range(100))
    engine = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for name in ("avro", "iceberg"):
        engine.execute(f"load '{extension(name)}'")
    assert engine.execute(f"select count(*), count(distinct log_offset) from iceberg_scan('{location}')").fetchone() == (100, 100)


def extension(name):
    """The signed extension that the PyPI package of this name carries."""
    import importlib.util
    import pathlib

    folder = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").submodule_search_locations[0])
    return next(folder.rglob(f"{name}.duckdb_extension"))


def test_a_second_server_on_the_directory_fails_at_once_and_names_the_pid(server):
    with pytest.raises(RuntimeError) as failure:
        Tidemark(server.folder).start()
    assert str(server.process.pid) in str(failure.value)


def test_a_missing_catalog_beside_old_data_refuses_the_start(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", {"event_type": "a"})
        server.settle()
    for path in (tmp_path / "data").glob("meta.db*"):
        path.unlink()
    with pytest.raises(RuntimeError) as failure:
        Tidemark(tmp_path / "data").start()
    assert "doctor" in str(failure.value)


def test_sigterm_drains_settles_and_exits_with_0(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", [{"event_type": "a"}] * 10)
        assert server.terminate() == 0
        server.start()
        answer = server.query("select count(*) as n from events")
        assert answer["data"] == [{"n": 10}]
        assert answer["route"] == "batch"


def test_verify_counts_and_hashes_log_hot_and_lake(server):
    server.post("/v1/events", [{"event_type": "a", "properties": {"k": i}} for i in range(50)])
    server.settle()
    server.post("/v1/events", [{"event_type": "b"}] * 5)
    proof = server.verify()
    assert proof["ok"], proof
    [project] = proof["projects"]
    assert (project["lake_rows"], project["hot_rows"], project["log_rows"]) == (50, 5, 5)


def test_without_dev_a_key_is_needed_and_the_first_start_prints_one(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        refused = server.post("/v1/events", {"event_type": "a"})
        assert refused.status == 401
        assert refused.json()["error"] == "Unauthorized"
        key = next(word for word in server.banner.split() if word.startswith("tm_"))
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            assert server.post("/v1/events", {"event_type": "a"}, headers).status == 202
        answer = server.request("POST", "/v1/sql", json.dumps({"query": "select count(*) n from events"}), {"X-API-Key": key})
        assert answer.json()["data"] == [{"n": 2}]
        assert server.post("/v1/events", {"event_type": "a", "project_id": "other"}, {"X-API-Key": key}).status == 403


def test_health_and_metrics_have_the_fields_that_are_promised(server):
    server.post("/v1/events", {"event_type": "a"})
    health = server.get("/health").json()
    assert health["status"] == "healthy" and health["buffered"] == 1
    assert isinstance(health["timestamp"], int) and health["uptime"] >= 0
    for part in ("collector", "catalog", "api"):
        assert server.get(f"/health/{part}").json()["status"] == "healthy"
    assert server.get("/livez").status == 200 and server.get("/readyz").status == 200
    assert "tidemark_accepted_events_total 1" in server.get("/metrics").body.decode()
    metrics = server.get("/metrics", {"Accept": "application/json"}).json()
    assert metrics["total_events"] == 1
    assert {"average_ms", "p50_ms", "p95_ms", "p99_ms"} <= set(metrics["latency"])
    assert {"error_count", "uptime_seconds", "throughput_per_second"} <= set(metrics)
