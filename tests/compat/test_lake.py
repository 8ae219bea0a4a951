#!/usr/bin/env python3
"""Other engines read what lake/ writes: PyIceberg, fastavro, DuckDB's iceberg extension.

usage: test_lake.py LAKE_TOOL   (needs pyiceberg[pyarrow], fastavro, duckdb and its avro and iceberg
extensions; skips what is not installed)
"""
import glob
import json
import pathlib
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

TYPES = {
    "timestamp": pa.timestamp("us", tz="UTC"), "received_at": pa.timestamp("us", tz="UTC"),
    "value": pa.float64(), "log_partition": pa.int32(), "log_offset": pa.int64(),
}


def table_schema(lake):
    """Names and field ids as the table's own metadata gives them."""
    import gzip
    path = glob.glob(f"{lake}/default/events-*/metadata/00000-*.gz.metadata.json")[0]
    return json.loads(gzip.open(path).read())["schemas"][0]["fields"]


def make_parquet(lake):
    fields = table_schema(lake)
    schema = pa.schema([
        pa.field(f["name"], TYPES.get(f["name"], pa.string()), nullable=not f["required"],
                 metadata={"PARQUET:field_id": str(f["id"])}) for f in fields])
    rows = []
    for path in glob.glob(f"{lake}/default/**/*.ndjson", recursive=True):
        these = [json.loads(line) for line in open(path)]
        columns = [pa.array([r.get(f.name) for r in these], f.type) for f in schema]
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), path.removesuffix(".ndjson"))
        rows += these
        pathlib.Path(path).unlink()
    return rows


def check_pyiceberg(metadata, rows):
    from pyiceberg.table import StaticTable
    table = StaticTable.from_metadata(metadata)
    assert len(table.scan().to_arrow()) == len(rows)
    assert table.metadata.default_spec_id == 0 and len(table.metadata.partition_specs) == 3
    got = {r["event_id"]: r for r in table.scan().to_arrow().to_pylist()}
    for row in rows:
        for name, value in row.items():
            if name not in ("timestamp", "received_at"):
                assert got[row["event_id"]][name] == value, (name, value)
    middle = sorted(r["log_offset"] for r in rows)[len(rows) // 2]
    kind, user = rows[5]["event_type"], next(r["user_id"] for r in rows if "user_id" in r)
    newest = max(r["timestamp"] for r in rows)
    import datetime
    hour = datetime.datetime.fromtimestamp((newest // 3_600_000_000) * 3600, datetime.timezone.utc)
    for text, expected, files_max in [
        (f"log_offset < {middle}", sum(r["log_offset"] < middle for r in rows), 9),
        (f"event_type == '{kind}'", sum(r["event_type"] == kind for r in rows), 15),
        (f"user_id == '{user}'", sum(r.get("user_id") == user for r in rows), 15),
        ("event_type == 'zzz'", 0, 0), ("user_id == 'a'", 0, 0),
        ("country is null", sum("country" not in r for r in rows), 15),
        ("utm_source is not null", 0, 0),
        ("value > 99.5", sum(r["value"] > 99.5 for r in rows), 15), ("value > 100", 0, 0),
        (f"timestamp >= '{hour.isoformat()}'", 5 * 3000, 5),
        (f"timestamp < '{hour.isoformat()}'", 10 * 3000, 10),
    ]:
        scan = table.scan(row_filter=text)
        assert len(scan.to_arrow()) == expected, (text, len(scan.to_arrow()), expected)
        assert len(list(scan.plan_files())) <= files_max, (text, len(list(scan.plan_files())))
    for snapshot in table.metadata.snapshots:
        end = json.loads(snapshot.summary["tidemark.offsets"])["p"]["0"]
        scan = table.scan(snapshot_id=snapshot.snapshot_id).to_arrow()
        assert len(scan) == end and max(scan["log_offset"].to_pylist()) == end - 1
    assert len(table.inspect.files()) == 15
    return f"pyiceberg: {len(rows)} rows, {len(table.metadata.snapshots)} snapshots"


def check_fastavro(lake):
    import fastavro
    manifests = glob.glob(f"{lake}/default/events-*/metadata/*-m*.avro")
    for path in manifests:
        reader = fastavro.reader(open(path, "rb"))
        assert reader.metadata["format-version"] == "2" and reader.metadata["content"] == "data"
        names = json.loads(reader.metadata["avro.schema"])
        assert names["name"] == "manifest_entry"
        assert [f["type"]["name"] for f in names["fields"] if f["name"] == "data_file"] == ["r2"]
        for entry in reader:
            assert entry["status"] == 1 and entry["sequence_number"] is None
            assert entry["data_file"]["record_count"] == 3000
            assert {e["key"] for e in entry["data_file"]["value_counts"]} == set(range(1, 32))
    for path in glob.glob(f"{lake}/default/events-*/metadata/snap-*.avro"):
        for entry in fastavro.reader(open(path, "rb")):
            assert entry["added_rows_count"] + entry["existing_rows_count"] > 0
            assert pathlib.Path(entry["manifest_path"].removeprefix("file://")).stat().st_size \
                == entry["manifest_length"]
    return f"fastavro: {len(manifests)} manifests"


def check_duckdb(metadata, rows):
    import duckdb
    try:
        import duckdb_extension_avro
        import duckdb_extension_iceberg
    except ImportError:
        return "duckdb: no iceberg extension, skipped"
    db = duckdb.connect()
    for module in (duckdb_extension_avro, duckdb_extension_iceberg):
        name = module.__name__.removeprefix("duckdb_extension_")
        path = glob.glob(f"{pathlib.Path(module.__file__).parent}/**/{name}.duckdb_extension",
                         recursive=True)[0]
        db.execute(f"LOAD '{path}'")
    scan = f"iceberg_scan('{metadata}')"
    assert db.execute(f"SELECT count(*), count(DISTINCT log_offset) FROM {scan}").fetchone() \
        == (len(rows), len(rows))
    newest = max(r["timestamp"] for r in rows) // 3_600_000_000 * 3_600_000_000
    assert db.execute(f"SELECT count(*) FROM {scan} WHERE timestamp >= make_timestamptz({newest})"
                      ).fetchone() == (15000,)
    kind = rows[5]["event_type"]
    assert db.execute(f"SELECT count(*), sum(value) FROM {scan} WHERE event_type = ?", [kind]
                      ).fetchone()[0] == sum(r["event_type"] == kind for r in rows)
    files = db.execute(f"SELECT count(*) FROM iceberg_metadata('{metadata}')").fetchone()[0]
    return f"duckdb {duckdb.__version__}: {len(rows)} rows, {files} files"


def main():
    tool = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([tool, "rows", folder], check=True)
        rows = make_parquet(f"{folder}/lake")
        metadata = subprocess.run([tool, "commit", folder], check=True, capture_output=True,
                                  text=True).stdout.strip()
        print(check_pyiceberg(metadata, rows))
        print(check_fastavro(f"{folder}/lake"))
        print(check_duckdb(metadata, rows))


if __name__ == "__main__":
    main()
