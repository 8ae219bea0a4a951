"""`tidemark iceberg`: a sound table is found sound, and every damage is named, with a server or without one."""
import json
import pathlib
import shutil
import subprocess
import uuid

import pyarrow
import pyarrow.parquet as parquet
import pytest

from pyiceberg.catalog import load_catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

from support.server import BINARY

SCHEMA = Schema(NestedField(1, "part", LongType()), NestedField(2, "name", StringType()))


def run(*arguments, code=0):
    done = subprocess.run([BINARY, "iceberg", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code in (0, 8) and done.stdout else done.stderr


def report(*arguments, code=0):
    return json.loads(run(*arguments, "--json", code=code))


def of(rules, found):
    """The problems are of exactly these rules."""
    assert {problem["rule"] for problem in found["problems"]} == set(rules), found
    return found["problems"]


@pytest.fixture
def table(server):
    catalog = load_catalog("t", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    spec = PartitionSpec(PartitionField(source_id=1, field_id=1000, transform=IdentityTransform(), name="part"))
    table = catalog.create_table("default.walked", SCHEMA, partition_spec=spec)
    for part in range(2):
        table.append(pyarrow.table({"part": [part] * 3, "name": ["a", None, f"c{part}"]}))
    table.delete("name = 'c1'")
    return table


@pytest.fixture
def copied(table, tmp_path):
    """The table's folder elsewhere, and its newest metadata file there."""
    folder = tmp_path / "copy"
    location = pathlib.Path(table.location().removeprefix("file://"))
    shutil.copytree(location, folder)
    return folder, folder / "metadata" / pathlib.Path(table.metadata_location).name


def test_a_sound_table_is_sound_by_its_name_and_by_its_file(server, table):
    assert table.metadata_location.startswith("file://")
    for target in (["default.walked", "--url", f"http://127.0.0.1:{server.port}"], [table.metadata_location.removeprefix("file://")],
                   [table.metadata_location]):
        found = report("fsck", *target)
        assert found["ok"] and found["records"] == 5 and found["snapshots"] == 3, found
        proof = report("verify", *target)
        assert proof["ok"] and proof["rows"] == proof["records"] == 5
    first = table.metadata.snapshots[0].snapshot_id
    assert report("verify", table.metadata_location.removeprefix("file://"), "--snapshot", str(first))["rows"] == 3
    assert "5 rows" in run("verify", table.metadata_location.removeprefix("file://"))


def test_the_events_are_sound(server):
    assert server.post("/v1/events", {"event_id": "a", "event_type": "t"}).status == 202
    server.settle()
    target = ["default.events", "--url", f"http://127.0.0.1:{server.port}"]
    assert report("fsck", *target)["problems"] == []
    assert report("verify", *target)["rows"] == 1


def test_what_is_not_there_is_3(server):
    run("fsck", "default.none", "--url", f"http://127.0.0.1:{server.port}", code=3)
    run("fsck", "/nowhere/metadata.json", code=3)
    run("dump", "/nowhere/metadata.json", code=3)


@pytest.mark.parametrize("name", ["c/d", "x.json", "a b", 'q"', "ünï", "a.b"])
def test_names_in_quotes_are_no_paths(server, name):
    catalog = load_catalog("t", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    catalog.create_table(("default", name), SCHEMA).append(pyarrow.table({"part": [1], "name": ["a"]}))
    quoted = 'default."' + name.replace('"', '""') + '"'
    for action in ("fsck", "verify"):
        assert report(action, quoted, "--url", f"http://127.0.0.1:{server.port}")["ok"]


def test_a_copied_table_is_read_where_it_is(copied, table):
    folder, metadata = copied
    shutil.rmtree(pathlib.Path(table.location().removeprefix("file://")) / "data")
    assert report("fsck", str(metadata), "--moved")["problems"] == []
    assert report("verify", str(metadata), "--moved")["rows"] == 5
    of({"missing", "orphan"}, report("fsck", str(metadata), code=8))


def test_missing_corrupt_and_orphaned_files(copied):
    folder, metadata = copied
    data = sorted(folder.glob("data/**/*.parquet"))
    (folder / "data/nobody.parquet").write_bytes(b"x")
    [orphan] = of({"orphan"}, report("fsck", str(metadata), "--moved"))
    assert orphan["where"].endswith("data/nobody.parquet") and orphan["level"] == "warning"
    data[0].write_bytes(data[0].read_bytes() + b"x")
    assert of({"orphan", "count"}, report("fsck", str(metadata), "--moved", code=8))
    data[0].unlink()
    assert of({"orphan", "missing"}, report("fsck", str(metadata), "--moved", code=8))
    manifest = next(folder.glob("metadata/*-m0.avro"))
    manifest.write_bytes(manifest.read_bytes()[:-20])
    rules = {problem["rule"] for problem in report("fsck", str(metadata), "--moved", code=8)["problems"]}
    assert {"corrupt", "count"} <= rules
    next(folder.glob("metadata/snap-*.avro")).write_bytes(b"no list")
    assert "no Avro" in run("fsck", str(metadata), "--moved", code=8)


def test_what_a_lost_manifest_names_is_no_orphan(copied):
    """Whoever removes orphans would lose the rows for good."""
    folder, metadata = copied
    (folder / "data/nobody.parquet").write_bytes(b"x")
    manifest = next(folder.glob("metadata/*-m0.avro"))
    whole = manifest.read_bytes()
    for damage in (lambda: manifest.write_bytes(whole[:-20]), manifest.unlink, next(folder.glob("metadata/snap-*.avro")).unlink):
        damage()
        found = report("fsck", str(metadata), "--moved", code=8)["problems"]
        assert not [problem for problem in found if problem["rule"] == "orphan"], found
        unread = [problem for problem in found if problem["rule"] == "unread"]
        assert [problem["level"] for problem in unread] == ["warning"] and "not looked for" in unread[0]["what"], found
        missing = {problem["where"] for problem in found if problem["rule"] == "missing"}
        assert not missing & {problem["where"] for problem in found if problem["rule"] == "corrupt"}


def test_a_table_whose_metadata_file_is_gone_is_told_from_none(server, table):
    pathlib.Path(table.metadata_location.removeprefix("file://")).unlink()
    said = run("fsck", "default.walked", "--url", f"http://127.0.0.1:{server.port}", code=3)
    assert "Failed to open" in said and "table list" not in said
    files = subprocess.run([BINARY, "table", "files", "default.walked", "--url", f"http://127.0.0.1:{server.port}", "--json"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert files.returncode == 0 and len(json.loads(files.stdout)) == 2, files.stderr


def test_sql_names_the_command_that_tells_of_damage(server, table):
    for file in pathlib.Path(table.location().removeprefix("file://")).glob("data/**/*.parquet"):
        file.unlink()
    answer = server.post("/v1/sql", {"query": "select sum(part) from iceberg.walked"})
    assert answer.status == 500 and "iceberg fsck" in answer.json()["hint"], answer.body


def test_a_metadata_file_that_a_crash_left_is_an_orphan(copied):
    """Of a commit that was written and never made: nothing names it, and every reader passes over it."""
    folder, metadata = copied
    left = folder / f"metadata/00099-{uuid.uuid4()}.gz.metadata.json"
    left.write_bytes(metadata.read_bytes())
    found = report("fsck", str(metadata), "--moved")
    [orphan] = of({"orphan"}, found)
    assert orphan["where"].endswith(left.name) and orphan["level"] == "warning" and found["ok"]
    assert report("verify", str(metadata), "--moved")["rows"] == 5


def test_verify_reads_the_rows(copied):
    folder, metadata = copied
    live = [path for path in folder.glob("data/**/*.parquet") if "part=0" in str(path)]
    rows = parquet.read_table(live[0], partitioning=None)
    parquet.write_table(rows.slice(0, 2), live[0])
    found = report("verify", str(metadata), "--moved", code=8)
    assert any("2 rows, its manifest says 3" in problem for problem in found["problems"]), found
    shuffled = rows.set_column(1, rows.schema.field(1), pyarrow.array(["a", "b", "c"]))
    parquet.write_table(shuffled, live[0])
    found = report("verify", str(metadata), "--moved", code=8)
    assert any("0 nulls in column 2" in problem for problem in found["problems"]), found
    live[0].unlink()
    assert report("verify", str(metadata), "--moved", code=8)["errors"] >= 1


@pytest.mark.parametrize("change, rule", [
    (lambda m: m.update({"last-sequence-number": 1}), "sequence-number"),
    (lambda m: m["snapshots"][2].update({"sequence-number": 1}), "sequence-number"),
    (lambda m: m["snapshots"].append(m["snapshots"][0]), "duplicate"),
    (lambda m: m["snapshots"].pop(0), "snapshot-log"),
    (lambda m: m["refs"].update({"old": {"snapshot-id": 7, "type": "tag"}}), "reference"),
    (lambda m: m["refs"]["main"].update({"snapshot-id": m["snapshots"][0]["snapshot-id"]}), "reference"),
    (lambda m: m["snapshot-log"].reverse(), "snapshot-log"),
    (lambda m: m.update({"last-column-id": 1}), "schema"),
    (lambda m: m["schemas"][0]["fields"][1].update({"id": 1}), "schema"),
    (lambda m: m["partition-specs"][0]["fields"][0].update({"source-id": 99}), "partition"),
    (lambda m: m.update({"last-partition-id": 999}), "partition"),
    (lambda m: m.update({"default-sort-order-id": 5}), "reference"),
    (lambda m: m["snapshots"][2].update({"schema-id": 9}), "reference"),
    (lambda m: m["snapshots"][2]["summary"].update({"total-records": "77"}), "total"),
    (lambda m: m.update({"format-version": 3}), "row-id"),
    (lambda m: (m.update({"format-version": 3, "next-row-id": 3}), m["snapshots"][2].update({"first-row-id": 2, "added-rows": 9})), "row-id"),
])
def test_metadata_that_does_not_agree(copied, change, rule):
    folder, metadata = copied
    document = json.loads(run("dump", str(metadata)))
    change(document)
    damaged = folder / "metadata/99999-damaged.metadata.json"
    damaged.write_text(json.dumps(document))
    done = subprocess.run([BINARY, "iceberg", "fsck", str(damaged), "--moved", "--json"], capture_output=True, text=True)
    assert done.returncode == (0 if rule == "total" else 8), done.stdout + done.stderr
    assert rule in {problem["rule"] for problem in json.loads(done.stdout)["problems"]}, done.stdout


def test_every_file_is_dumped(copied):
    folder, metadata = copied
    assert json.loads(run("dump", str(metadata))) == json.loads(run("dump", f"file://{metadata}"))
    assert json.loads(run("dump", str(metadata)))["format-version"] == 2
    for path in folder.glob("metadata/*.avro"):
        dumped = json.loads(run("dump", str(path)))
        assert dumped["format"] == "avro" and dumped["header"]["avro.schema"]["type"] == "record" and dumped["records"]
        if path.name.startswith("snap-"):
            assert dumped["records"][0]["manifest_path"].startswith("file://")
        else:
            [first, *_] = dumped["records"]
            assert first["data_file"]["file_format"] == "PARQUET" and first["data_file"]["partition"]["part"] in (0, 1)
            assert {"key": 1, "value": 3} in first["data_file"]["value_counts"] or first["data_file"]["record_count"] != 3
    data = next(folder.glob("data/**/*.parquet"))
    assert "no Avro, Puffin or JSON" in run("dump", str(data), code=8)
