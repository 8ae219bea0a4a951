"""The system tables: what they say is what the tables' own metadata says, documented by column."""
import datetime
import decimal
import json

import pyarrow
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform, IdentityTransform, MonthTransform, TruncateTransform, YearTransform
from pyiceberg.types import BinaryType, BooleanType, DateType, DecimalType, DoubleType, LongType, NestedField, StringType, TimeType, StructType

from support.server import ROOT, Tidemark

TABLES = ("tables", "columns", "snapshots", "history", "refs", "files", "partitions", "metrics_reports")


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


def test_columns_are_those_that_statements_see(server):
    described = server.rows("select column_name, column_type from (describe events)")
    assert server.rows("select column_name, data_type from system.columns where table_name = 'events' order by ordinal_position") == described
    asked = "select column_name, data_type from information_schema.columns where table_schema = 'default' and table_name = 'events' order by ordinal_position"
    assert server.rows(asked) == described
    assert server.rows("select iceberg_type, is_nullable from system.columns where column_name = 'timestamp'") == [("timestamptz", False)]
    assert server.rows("select table_catalog, table_type from information_schema.tables where table_name = 'events'") == [("tidemark", "BASE TABLE")]
    past = server.post("/v1/sql", "select * from information_schema.columns at (version => 1)")
    assert past.status == 400 and "information_schema.columns has no past" in past.json()["message"], past.body
    other = server.post("/v1/sql", "select * from information_schema.schemata")
    assert other.status == 403 and "SHOW TABLES" in other.json()["message"], other.body


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


def test_partitions_of_any_type_are_told_apart(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        catalog = load_catalog("tidemark", type="rest", uri=f"http://{server.address}/iceberg")
        schema = Schema(NestedField(1, "s", StringType()), NestedField(2, "d", DateType()), NestedField(3, "n", LongType()), NestedField(4, "b", BooleanType()),
                        NestedField(5, "c", DecimalType(9, 2)), NestedField(6, "h", TimeType()), NestedField(7, "f", DoubleType()), NestedField(8, "x", BinaryType()))
        for name, source, transform in (("s", 1, IdentityTransform()), ("d", 2, IdentityTransform()), ("n", 3, TruncateTransform(10)),
                                        ("b", 4, IdentityTransform()), ("t", 1, TruncateTransform(1)), ("c", 5, IdentityTransform()),
                                        ("ct", 5, TruncateTransform(1000)), ("h", 6, IdentityTransform()), ("f", 7, IdentityTransform()), ("x", 8, IdentityTransform())):
            table = catalog.create_table(f"default.by_{name}", schema, partition_spec=PartitionSpec(PartitionField(source, 1000, transform, "p")))
            table.append(pyarrow.Table.from_pylist(
                [{"s": "é\"x", "d": datetime.date(2026, 1, 2), "n": 2**40, "b": True, "c": decimal.Decimal("14.20"), "h": datetime.time(1, 2, 3), "f": 0.1, "x": b"\0\xff"},
                 {"s": "other", "d": datetime.date(1969, 12, 31), "n": -1, "b": False, "c": decimal.Decimal("-0.05"), "h": datetime.time(23, 59, 59, 7), "f": -2.5, "x": b"a"}, {}],
                schema=table.schema().as_arrow()))
            told = server.rows(f"select partition, record_count from system.partitions where table_name = 'by_{name}'")
            values = {"s": ("é\"x", "other"), "d": ("2026-01-02", "1969-12-31"), "n": (str(2**40 // 10 * 10), "-10"), "b": ("true", "false"), "t": ("é", "o"),
                      "c": ("14.20", "-0.05"), "ct": ("10.00", "-10.00"), "h": ("01:02:03.000000", "23:59:59.000007"), "f": ("0.1", "-2.5"), "x": ("0x00ff", "0x61")}[name]
            assert sorted((json.loads(text).get("p"), count) for text, count in told if text != "{}") == sorted((one, 1) for one in values), name
            assert ("{}", 1) in told
            columns = server.rows(f"select column_name, data_type from information_schema.columns where table_name = 'by_{name}' order by ordinal_position")
            assert columns == server.rows(f'select column_name, column_type from (describe "default".by_{name})')


def test_early_years_have_four_digits(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://{server.address}/iceberg")
    schema = Schema(*(NestedField(n, name, DateType()) for n, name in enumerate("abc", 1)))
    spec = PartitionSpec(PartitionField(1, 1000, YearTransform(), "y"), PartitionField(2, 1001, MonthTransform(), "m"), PartitionField(3, 1002, DayTransform(), "t"))
    table = catalog.create_table("default.early", schema, partition_spec=spec)
    table.append(pyarrow.table({name: [datetime.date(1, 2, 3), datetime.date(476, 9, 4)] for name in "abc"}))
    told = server.rows("select partition from system.partitions where table_name = 'early' order by 1")
    assert [json.loads(text) for text, in told] == [{"y": "0001", "m": "0001-02", "t": "0001-02-03"}, {"y": "0476", "m": "0476-09", "t": "0476-09-04"}]


def test_partitions_by_fields_of_structs_are_as_people_write_them(server):
    catalog = load_catalog("tidemark", type="rest", uri=f"http://{server.address}/iceberg")
    place = StructType(NestedField(3, "town", StringType()), NestedField(4, "at", StructType(NestedField(5, "day", DateType()))))
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "place", place))
    spec = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "town"), PartitionField(5, 1001, IdentityTransform(), "day"))
    table = catalog.create_table("default.nested", schema, partition_spec=spec)
    table.append(pyarrow.Table.from_pylist([{"id": 1, "place": {"town": "é", "at": {"day": datetime.date(2026, 1, 2)}}}], schema=table.schema().as_arrow()))
    told = server.scalar("select partition from system.partitions where table_name = 'nested'")
    assert json.loads(told) == {"town": "é", "day": "2026-01-02"}


def test_another_project_sees_its_own(server):
    headers = {"X-Tidemark-Project": "other"}
    answer = server.post("/v1/sql", {"query": "select count(*) n from system.files"}, headers)
    assert answer.status == 200 and answer.json()["data"] == [{"n": 0}], answer.body
    answer = server.post("/v1/sql", {"query": "select table_schema, end_offset from system.tables"}, headers)
    assert answer.json()["data"] == [{"table_schema": "other", "end_offset": 0}]


def test_what_is_no_system_table_does_not_exist(server):
    for name in ("system.nothing", "system.tables.files", "information_schema.schemata"):
        assert server.post("/v1/sql", {"query": f"select * from {name}"}).status in (403, 404), name
    assert server.post("/v1/sql", {"query": "select * from system.files at (version => 1)"}).status == 400


REPORTS = "/iceberg/v1/namespaces/default/tables/{}/metrics"
# As Java's ScanReportParser and CommitReportParser write them.
SCAN = {"report-type": "scan-report", "table-name": "tidemark.default.events", "snapshot-id": 7, "filter": {"type": "eq", "term": "event_type", "value": "t"},
        "schema-id": 3, "projected-field-ids": [2, 3], "projected-field-names": ["event_type", "user_id"],
        "metrics": {"total-planning-duration": {"count": 1, "time-unit": "nanoseconds", "total-duration": 2644235116}, "result-data-files": {"unit": "count", "value": 5}, "later": [1]},
        "metadata": {"engine-name": "spark"}}
COMMIT = {"report-type": "commit-report", "table-name": "tidemark.default.events", "snapshot-id": 8, "sequence-number": 4, "operation": "append",
          "metrics": {"total-duration": {"count": 1, "time-unit": "milliseconds", "total-duration": 12}, "attempts": {"unit": "count", "value": 2}}}


def reports(server, columns="*", **options):
    return server.query(f"select {columns} from system.metrics_reports order by received_at, report_type desc", **options)["data"]


def test_reports_of_engines_are_there(server):
    for report in (SCAN, COMMIT):
        answer = server.post(REPORTS.format("events"), report)
        assert answer.status == 204, answer.body
    scan, commit = reports(server)
    received = scan.pop("received_at")
    assert received >= server.scalar("select min(received_at) from events")
    assert scan == {
        "table_schema": "default", "table_name": "events", "report_type": "scan-report", "snapshot_id": 7, "sequence_number": None, "operation": None,
        "schema_id": 3, "filter": '{"type":"eq","term":"event_type","value":"t"}', "projected_field_ids": [2, 3],
        "projected_field_names": ["event_type", "user_id"], "total_duration_ns": 2644235116,
        "metrics": {"total-planning-duration": 2644235116, "result-data-files": 5}, "metadata": {"engine-name": "spark"}}
    assert (commit["report_type"], commit["sequence_number"], commit["operation"], commit["total_duration_ns"]) == ("commit-report", 4, "append", 12_000_000)
    assert commit["metrics"] == {"total-duration": 12_000_000, "attempts": 2} and commit["filter"] is None and commit["metadata"] is None
    elsewhere = server.post("/v1/sql", {"query": "select count(*) n from system.metrics_reports"}, {"X-Tidemark-Project": "other"})
    assert elsewhere.json()["data"] == [{"n": 0}]


def test_reports_are_of_a_table_and_not_of_its_name(server):
    tables, schema = "/iceberg/v1/namespaces/default/tables", {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "int"}]}
    assert server.post(tables, {"name": "one", "schema": schema}).status == 200
    for number in range(103):
        assert server.post(REPORTS.format("one"), {**SCAN, "snapshot-id": number, "filter": True}).status == 204
    kept = server.rows("select count(*), min(snapshot_id), max(snapshot_id), min(filter) from system.metrics_reports where table_name = 'one'")
    assert kept == [(100, 3, 102, "true")]
    names = {"source": {"namespace": ["default"], "name": "one"}, "destination": {"namespace": ["default"], "name": "two"}}
    assert server.post("/iceberg/v1/tables/rename", names).status == 204
    assert server.post(tables, {"name": "one", "schema": schema}).status == 200
    assert server.rows("select table_name, count(*) from system.metrics_reports where table_name <> 'events' group by 1") == [("two", 100)]


@pytest.mark.parametrize("report", [
    {}, [], {"report-type": 1}, {**SCAN, "snapshot-id": "7"}, {**SCAN, "filter": None}, {**SCAN, "filter": "x"}, {**SCAN, "projected-field-ids": ["a"]}, {**SCAN, "metrics": []},
    {**SCAN, "metadata": {"a": 1}}, {**COMMIT, "operation": None}, {**COMMIT, "sequence-number": 1.5}, {key: value for key, value in COMMIT.items() if key != "table-name"}], ids=repr)
def test_what_is_no_report_is_refused(server, report):
    before = len(reports(server))
    answer = server.post(REPORTS.format("events"), report)
    assert answer.status == 400 and answer.json()["error"]["type"] == "BadRequestException", answer.body
    assert len(reports(server)) == before


def test_of_long_and_of_later_reports_something_is_kept(server):
    long = {**SCAN, "snapshot-id": 9_000, "filter": {"type": "in", "term": "user_id", "values": ["u" * 20_000]}}
    assert server.post(REPORTS.format("events"), long).status == 204
    assert server.post(REPORTS.format("events"), {"report-type": "later-report", "what": 1}).status == 204
    assert server.rows("select filter, total_duration_ns from system.metrics_reports where snapshot_id = 9000") == [(None, 2644235116)]
    assert server.rows("select snapshot_id, metrics from system.metrics_reports where report_type = 'later-report'") == [(None, None)]
    assert server.post(REPORTS.format("nothing"), SCAN).status == 404
