"""Metadata, manifests, data and delete files that are damaged or made to harm: a clear error each, at SQL, plans and registration; never other
rows, an end of the server, or a loop without one; and what is wrong with one table is no other table's affair."""
import gzip
import pathlib
import re
import struct
import time

import pytest

from support.raw_tables import RawTable, avro, entry_type, list_type, required, vector, zigzag
from support.server import Tidemark

SECONDS_MAX = 30  # Of one answer: that of a loop without end is none.
MEMORY_MAX = 900 << 20  # That the server may have grown by.


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    (folder / "tables").mkdir()
    with Tidemark(folder / "data", "-X", f"catalog.locations={folder}/tables") as server:
        server.tables = folder / "tables"
        server.made = 0
        server.sound = RawTable(server.tables / "sound")
        server.sound.commit(server.sound.manifest(server.sound.rows((1, "a"), (2, "b"))))
        assert server.sound.register(server, "sound").status == 200
        server.memory = resident(server)
        yield server


def resident(server):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1]) << 10


@pytest.fixture
def table(world):
    """Three rows in one file; `entry`, `first` and `data` are its manifest's."""
    world.made += 1
    made = RawTable(world.tables / f"t{world.made}")
    made.name = f"t{world.made}"
    made.entry = made.rows((1, "a"), (2, "b"), (3, "c"))
    made.path = made.entry["data_file"]["file_path"]
    return made


@pytest.fixture(autouse=True)
def unharmed(world):
    yield
    assert world.process.poll() is None, world.stderr()[-2000:]
    assert world.rows("select id from iceberg.sound order by id") == [(1,), (2,)]
    for system in ("tables", "snapshots", "history", "refs", "files", "partitions"):
        assert world.rows(f"select count(*) > 0 from system.{system} where table_name = 'sound'") == [(True,)]
    assert world.get("/health").json()["status"] == "healthy"
    assert resident(world) - world.memory < MEMORY_MAX


def message(answer):
    body = answer.json()
    return body["error"]["message"] if isinstance(body["error"], dict) else body["message"]


def refused(answer, words):
    assert 400 <= answer.status <= 501, (answer.status, answer.body[:500])
    assert re.search(words, message(answer)), answer.body[:800]


def sql(world, table, what="*", more=""):
    start = time.monotonic()
    answer = world.post("/v1/sql", {"query": f"select {what} from iceberg.{table.name} {more}"})
    assert time.monotonic() - start < SECONDS_MAX
    return answer


def broken(world, table, words, plan=None):
    """It is taken over, and then nobody gets rows of it. `plan`: what the server's plan says of it, if anything."""
    taken = table.register(world, table.name)
    assert taken.status == 200, taken.body
    for what in ("*", "count(*)", "max(id)"):
        refused(sql(world, table, what), words)
    if plan:
        refused(world.post(f"/iceberg/v1/namespaces/default/tables/{table.name}/plan", {}), plan)


# --- Metadata that no two readers would read alike.

def twice(key, change):
    def apply(metadata):
        metadata[key].append({**metadata[key][0], **change})
    return apply


AMBIGUOUS = {
    "a snapshot twice": (twice("snapshots", {"sequence-number": 7}), "snapshot 1 is there twice"),
    "a schema twice": (twice("schemas", {"fields": [{"id": 2, "name": "id", "required": False, "type": "string"}]}), "schema 0 is there twice"),
    "a spec twice": (twice("partition-specs", {"fields": [{"source-id": 1, "field-id": 1000, "name": "id", "transform": "identity"}]}), "spec 0 is there twice"),
    "a column's id twice": (lambda metadata: metadata["schemas"][0]["fields"][1].update(id=1), "two columns with id 1"),
    "ids of more than 32 bits": (lambda metadata: [field.update(id=(1 << 32) + field["id"]) for field in metadata["schemas"][0]["fields"]], "field without id"),
    "a schema's id of more than 32 bits": (lambda metadata: metadata.update({"schemas": [{**metadata["schemas"][0], "schema-id": 1 << 32}]}), "schema-id 4294967296 is beyond 32 bits"),
    "two heads": (lambda metadata: (metadata["snapshots"].append({**metadata["snapshots"][0], "snapshot-id": 5}), metadata["refs"]["main"].update({"snapshot-id": 5})), "main is at snapshot 5"),
    "a time beyond all": (lambda metadata: metadata["snapshots"][0].update({"timestamp-ms": 9_000_000_000_000_000_000}), "of no time"),
    "a log beyond all time": (lambda metadata: metadata["snapshot-log"][0].update({"timestamp-ms": -9_000_000_000_000_000_000}), "of no time"),
    "a negative sequence number": (lambda metadata: metadata["snapshots"][0].update({"sequence-number": -1}), "negative sequence"),
    "a head that is gone": (lambda metadata: metadata["snapshots"].clear(), "current"),
    "no schemas": (lambda metadata: metadata["schemas"].clear(), "current-schema-id"),
    "snapshots that are none": (lambda metadata: metadata["snapshots"].append(7), "snapshots"),
    "format 9": (lambda metadata: metadata.update({"format-version": 9}), "version 9"),
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_metadata_that_means_two_things_is_not_taken(world, table, what):
    change, words = AMBIGUOUS[what]
    table.commit(table.manifest(table.entry))
    change(table.metadata)
    refused(table.register(world, table.name), words)
    assert world.rows(f"select count(*) from system.tables where table_name = '{table.name}'") == [(0,)]


@pytest.mark.parametrize("content, words", [
    (b"", "no JSON"), (b"\x1f\x8b" + b"x" * 50, "Cannot read table metadata"), (gzip.compress(b" " * (300 << 20), 1), "Cannot read table metadata|larger|too large"),
    (b'{"a":' * 10_000, "no JSON"), (b"\x00" * 4096, "no JSON"),
], ids=["nothing", "broken gzip", "a bomb", "depth", "zeros"])
def test_what_is_no_metadata_is_not_taken(world, table, content, words):
    table.put("metadata/1.metadata.json", content)
    answer = world.post("/iceberg/v1/namespaces/default/register", {"name": table.name, "metadata-location": f"{table.uri}/metadata/1.metadata.json"})
    refused(answer, words)


def test_a_circle_of_parents_ends(world, table):
    """The rows of each are what they are; the line of each has an end."""
    table.commit(table.manifest(table.entry))
    second = table.rows((4, "d"))
    table.commit(table.manifest(table.entry, second))
    first, last = table.metadata["snapshots"]
    first["parent-snapshot-id"] = last["snapshot-id"]
    assert table.register(world, table.name).status == 200
    assert world.rows(f"select count(*) from iceberg.{table.name}") == [(4,)]
    assert world.rows(f"select count(*) from iceberg.{table.name} at (version => 1)") == [(3,)]
    assert world.rows(f"select count(*) from system.history where table_name = '{table.name}' and is_current_ancestor") == [(2,)]
    plan = {"start-snapshot-id": 77, "end-snapshot-id": 2}
    refused(world.post(f"/iceberg/v1/namespaces/default/tables/{table.name}/plan", plan), "77")


def test_a_long_history_is_told_in_time(world, table):
    table.commit(table.manifest(table.entry))
    [only] = table.metadata["snapshots"]
    for number in range(2, 20_000):
        table.metadata["snapshots"].append({**only, "snapshot-id": number, "parent-snapshot-id": number - 1, "sequence-number": number})
        table.metadata["snapshot-log"].append({"snapshot-id": number, "timestamp-ms": only["timestamp-ms"]})
    table.metadata.update({"current-snapshot-id": 19_999, "last-sequence-number": 19_999})
    table.metadata["refs"]["main"]["snapshot-id"] = 19_999
    assert table.register(world, table.name).status == 200
    start = time.monotonic()
    assert world.rows(f"select count(*) from system.history where table_name = '{table.name}' and is_current_ancestor") == [(19_999,)]
    assert time.monotonic() - start < SECONDS_MAX
    assert world.request("DELETE", f"/iceberg/v1/namespaces/default/tables/{table.name}").status == 204


def test_a_schema_that_is_gone_is_an_error_where_it_is_needed(world, table):
    table.commit(table.manifest(table.entry), **{"schema-id": 9})
    table.commit(table.manifest(table.entry, table.rows((4, "d"))))
    assert table.register(world, table.name).status == 200
    assert world.rows(f"select count(*) from iceberg.{table.name}") == [(4,)]
    refused(sql(world, table, "*", "at (version => 1)"), "schema 9")


def test_names_and_times_of_what_is_gone_say_so(world, table):
    table.commit(table.manifest(table.entry))
    at = table.metadata["snapshots"][0]["timestamp-ms"]
    table.metadata["refs"]["v1"] = {"snapshot-id": 77, "type": "tag"}
    table.metadata["snapshot-log"].insert(0, {"snapshot-id": 78, "timestamp-ms": at - 5_000})
    assert table.register(world, table.name).status == 200
    refused(sql(world, table, "*", "at (version => 'v1')"), 'tag "v1" of snapshot 77, which is gone')
    refused(sql(world, table, "*", f"at (timestamp => to_timestamp({(at - 3_000) / 1000}))"), "snapshot 78 .*gone|no snapshot")


def test_a_clock_that_went_back_gives_the_later_entry(world, table):
    """What was made current last of all that was current by then: as other engines have it."""
    table.commit(table.manifest(table.entry))
    table.commit(table.manifest(table.entry, table.rows((4, "d"))))
    start = 1_700_000_000_000
    for snapshot, entry, back in zip(table.metadata["snapshots"], table.metadata["snapshot-log"], (10_000, 5_000)):
        snapshot["timestamp-ms"] = entry["timestamp-ms"] = start + back
    assert table.register(world, table.name).status == 200
    counts = [world.rows(f"select count(*) from iceberg.{table.name} at (timestamp => to_timestamp({(start + after) / 1000}))") for after in (7_000, 12_000)]
    assert counts == [[(4,)], [(4,)]]


# --- Manifests and their lists.

def entries_of(table):
    return {
        "a file twice in a manifest": ([table.entry, table.entry], "twice"),
        "no number of rows": ([table.file(table.path, -1, 100)], "without a number of rows"),
        "a negative size": ([table.file(table.path, 3, -5)], "negative numbers"),
        "a negative sequence number": ([{**table.entry, "sequence_number": -3}], "negative numbers"),
        "no path": ([table.file("", 3, 5)], "without path"),
        "an unknown status": ([{**table.entry, "status": 3}], "does not decode"),
        "an unknown content": ([table.file(table.path, 3, 5, content=7)], "does not decode"),
        "a delete file among data": ([table.file(table.path, 3, 5, content=2, equality_ids=[1])], "mixes"),
    }


@pytest.mark.parametrize("what", ["a file twice in a manifest", "no number of rows", "a negative size", "a negative sequence number", "no path", "an unknown status",
                                  "an unknown content", "a delete file among data"])
def test_an_entry_that_makes_no_sense_is_an_error(world, table, what):
    entries, words = entries_of(table)[what]
    table.commit(table.manifest(*entries))
    broken(world, table, words)
    [problem] = world.rows(f"select problem from system.files where table_name = '{table.name}' and problem is not null") or [("",)]
    assert re.search(words, problem[0]) or "twice" in words or "mixes" in words, problem


def listed(table):
    good = table.manifest(table.entry)
    return {
        "a manifest twice": ([good, good], "twice"),
        "a file in two manifests": ([good, table.manifest(table.entry)], "twice"),
        "a negative length": ([{**good, "manifest_length": -1}], "negative numbers"),
        "negative rows": ([{**good, "added_rows_count": -3}], "negative numbers"),
        "a spec beyond all numbers": ([{**good, "partition_spec_id": 1 << 32}], "does not decode"),
        "an unknown content": ([{**good, "content": 5}], "does not decode"),
        "a manifest that is not there": ([{**good, "manifest_path": f"{table.uri}/metadata/none.avro"}], "missing"),
        "a manifest without a path": ([{**good, "manifest_path": ""}], "without path"),
        "a spec that is not there": ([table.manifest({**table.entry, "data_file": {**table.entry["data_file"], "partition": {"p": "x"}}}, spec=7, partition=[("p", 1000, "string")])], "spec that the table does not have"),
        "deletes of a spec that is not there": ([good, table.manifest(table.positions(table.path, [0]), deletes=True, spec=7)], "spec"),
        "data that says it is deletes": ([good, table.manifest(table.rows((4, "d")), deletes=True)], "mixes"),
    }


@pytest.mark.parametrize("what", ["a manifest twice", "a file in two manifests", "a negative length", "negative rows", "a spec beyond all numbers", "an unknown content",
                                  "a manifest that is not there", "a manifest without a path", "a spec that is not there", "deletes of a spec that is not there",
                                  "data that says it is deletes"])
def test_a_list_that_makes_no_sense_is_an_error(world, table, what):
    manifests, words = listed(table)[what]
    table.commit(*manifests)
    broken(world, table, words)


def test_a_list_or_manifest_that_names_itself_ends(world, table):
    own = f"{table.uri}/metadata/own.avro"
    record = {**table.manifest(table.entry), "manifest_path": own}
    table.put("metadata/own.avro", avro(list_type(), [record]))
    table.commit()
    table.metadata["snapshots"][0]["manifest-list"] = own
    broken(world, table, "without path|does not decode|without a number of rows")


def test_a_manifest_whose_file_is_itself_is_no_parquet(world, table):
    own = f"{table.uri}/metadata/own.avro"
    content = avro(entry_type(), [table.file(own, 3, 10)])
    table.put("metadata/own.avro", content)
    table.commit({**table.manifest(table.entry), "manifest_path": own, "manifest_length": len(content)})
    broken(world, table, "own.avro")


def nothing_but_records(depth):
    """A type of 2^depth fields, none of which has a byte: each twice the one before."""
    fields = [{"name": "f0", "type": {"type": "record", "name": "r0", "fields": [{"name": "a", "type": "null"}]}}]
    for level in range(1, depth):
        both = [{"name": name, "type": f"r{level - 1}"} for name in "ab"]
        fields.append({"name": f"f{level}", "type": {"type": "record", "name": f"r{level}", "fields": both}})
    return {"type": "record", "name": "manifest_entry", "fields": fields}


BLOBS = {
    "more entries than bytes": (avro(entry_type(), b"", count=1 << 60), "torn|does not decode"),
    "entries without a byte": (avro({"type": "record", "name": "manifest_entry", "fields": []}, b"", count=1 << 60), "without path|does not decode"),
    "entries of one byte": (avro({"type": "record", "name": "manifest_entry", "fields": [required("status", 0, "int")]}, b"\x02" * 5_000_000), "without path"),
    "fields without end": (avro(nothing_but_records(50), b"", count=1), "does not decode|without path"),
    "a type within itself": (avro({"type": "record", "name": "r", "fields": [{"name": "x", "type": "r"}]}, b"\x00", count=1), "unknown type"),
    "an array without end": (avro({"type": "record", "name": "manifest_entry", "fields": [{"name": "x", "type": {"type": "array", "items": "null"}}]}, zigzag(1 << 60), count=1), "does not decode"),
    "a text beyond its block": (avro(entry_type(), zigzag(1) + zigzag(0) * 3 + zigzag(0) + zigzag(1 << 40), count=1), "does not decode"),
    "a negative text": (avro(entry_type(), zigzag(1) + zigzag(0) * 3 + zigzag(0) + zigzag(-5), count=1), "does not decode"),
    "a fixed of a negative size": (avro({"type": "record", "name": "manifest_entry", "fields": [{"name": "x", "type": {"type": "fixed", "name": "f", "size": -1}}]}, b"", count=1), "bad size"),
    "no schema": (b"Obj\x01" + zigzag(0) + b"x" * 40, "Avro"),
    "a torn file": (avro(entry_type(), [])[:-8], "torn|block|Avro"),
    "no Avro": (b"PAR1" + b"\x00" * 100, "no Avro"),
    "nothing": (b"", "no Avro"),
}


@pytest.mark.parametrize("place", ["manifest", "list"])
@pytest.mark.parametrize("what", BLOBS)
def test_avro_that_lies_is_an_error_in_time(world, table, what, place):
    content, words = BLOBS[what]
    if place == "manifest":
        table.commit(table.manifest(content=content))
    else:
        table.commit(content=content)
    broken(world, table, words)


def test_a_small_file_does_not_become_a_large_memory(world, table):
    """100,000 bytes for each: what comes out of a block has a bound, and so have an entry's lists."""
    many = {"type": "record", "name": "manifest_entry", "fields": [required("data_file", 2, {"type": "record", "name": "r2", "fields": [
        required("file_path", 100, "string"), required("record_count", 103, "long"), {"name": "split_offsets", "type": {"type": "array", "items": "long"}, "field-id": 132}]})]}
    record = zigzag(1) + b"x" + zigzag(1) + zigzag(40_000_000) + b"\x02" * 40_000_000 + zigzag(0)
    table.commit(table.manifest(content=avro(many, record, count=1)))
    broken(world, table, "does not decode")


def test_row_ids_beyond_all_numbers_are_an_error(world, table):
    table.upgrade()
    table.commit(table.manifest(table.entry, first_row_id=(1 << 63) - 2))
    broken(world, table, "row ids")


# --- Deletes.

def vectors(table):
    blob = vector([0, 2])
    flipped = bytearray(blob)
    flipped[-1] ^= 1
    return {
        "another count": (table.deletion(table.path, [0, 2], record_count=1), "2 places where its manifest says 1"),
        "another checksum": (table.deletion(table.path, [0, 2], blob=bytes(flipped)), "checksum"),
        "a place beyond the file": (table.deletion(table.path, [0, 2], content_offset=1 << 40), "shorter"),
        "a place beyond all numbers": (table.deletion(table.path, [0, 2], content_offset=(1 << 63) - 1), "shorter"),
        "a negative place": (table.deletion(table.path, [0, 2], content_offset=-4), "without its data file or its place"),
        "a negative length": (table.deletion(table.path, [0, 2], content_size_in_bytes=-1), "without its data file or its place"),
        "a length beyond all": (table.deletion(table.path, [0, 2], content_size_in_bytes=1 << 50), "too large|shorter"),
        "no data file": (table.deletion(table.path, [0, 2], referenced_data_file=None), "without its data file or its place"),
        "a row that is not there": (table.deletion(table.path, [0, 3]), "beyond"),
        "another length inside": (table.deletion(table.path, [0, 2], blob=struct.pack(">I", 1 << 30) + blob[4:]), "length"),
        "bytes of another file": (table.deletion(table.path, [0, 2], blob=b"\x00" * len(blob)), "length|first bytes"),
    }


@pytest.mark.parametrize("what", ["another count", "another checksum", "a place beyond the file", "a place beyond all numbers", "a negative place", "a negative length",
                                  "a length beyond all", "no data file", "a row that is not there", "another length inside", "bytes of another file"])
def test_a_deletion_vector_that_does_not_hold_is_an_error(world, table, what):
    table.upgrade()
    made, words = vectors(table)[what]
    table.commit(table.manifest(table.entry), table.manifest(made, deletes=True))
    broken(world, table, words)


def test_two_vectors_of_a_file_are_an_error(world, table):
    table.upgrade()
    table.commit(table.manifest(table.entry), table.manifest(table.deletion(table.path, [0]), table.deletion(table.path, [1]), deletes=True))
    broken(world, table, "two deletion vectors", plan="two deletion vectors")


def test_a_puffin_file_that_is_gone_is_an_error(world, table):
    table.upgrade()
    made = table.deletion(table.path, [0])
    table.commit(table.manifest(table.entry), table.manifest(made, deletes=True))
    pathlib.Path(made["data_file"]["file_path"].removeprefix("file://")).unlink()
    broken(world, table, "not there")


def deletes(table):
    return {
        "positions beyond the manifest's rows": ([{**table.entry, "data_file": {**table.entry["data_file"], "record_count": 1}}], [table.positions(table.path, [2])], "beyond the 1"),
        "negative positions": ([table.entry], [table.positions(table.path, [-1])], "beyond the 3"),
        "equalities that find more rows": ([{**table.entry, "data_file": {**table.entry["data_file"], "record_count": 1}}], [table.equalities(("name", 2, "string"), ["c"])], "beyond the 1"),
        "equalities without columns": ([table.entry], [{**table.equalities(("name", 2, "string"), ["c"]), "data_file": {**table.equalities(("name", 2, "string"), ["c"])["data_file"], "equality_ids": None}}], "without columns"),
        "equalities of a column that is not in it": ([table.entry], [{**table.equalities(("name", 2, "string"), ["c"]), "data_file": {**table.equalities(("name", 2, "string"), ["c"])["data_file"], "equality_ids": [99]}}], "lacks column 99"),
        "more rows than a file with deletes has": ([{**table.entry, "data_file": {**table.entry["data_file"], "record_count": 1 << 40}}], [table.positions(table.path, [0])], "more rows"),
    }


@pytest.mark.parametrize("what", ["positions beyond the manifest's rows", "negative positions", "equalities that find more rows", "equalities without columns",
                                  "equalities of a column that is not in it", "more rows than a file with deletes has"])
def test_deletes_that_do_not_fit_are_an_error(world, table, what):
    data, gone, words = deletes(table)[what]
    table.commit(table.manifest(*data))
    later = table.manifest(*gone, deletes=True)
    table.commit(*[{**one, "sequence_number": 1, "added_snapshot_id": 1} for one in (table.manifest(*data),)], later)
    broken(world, table, words)


def test_many_files_with_many_rows_to_delete_from_have_a_bound(world, table):
    """Each within its own, together more bits than a statement may have."""
    data, gone = [], []
    for _ in range(40):
        one = table.rows((1, "a"))
        one["data_file"]["record_count"] = 1 << 28
        data.append(one)
        gone.append(table.positions(one["data_file"]["file_path"], [0]))
    table.commit(table.manifest(*data), table.manifest(*gone, deletes=True))
    broken(world, table, "MiB")


def test_what_one_table_says_of_a_file_is_not_what_another_reads(world, table):
    """Two tables share a data file and its deletes, and one of them lies about its rows and its vector."""
    table.upgrade()
    gone = table.deletion(table.path, [0])
    table.commit(table.manifest(table.entry), table.manifest(gone, deletes=True))
    assert table.register(world, table.name).status == 200
    assert world.rows(f"select id from iceberg.{table.name} order by 1") == [(2,), (3,)]
    world.made += 1
    other = RawTable(world.tables / f"t{world.made}", version=3)
    other.name = f"t{world.made}"
    lying = {**gone, "data_file": {**gone["data_file"], "record_count": 2}}
    other.commit(other.manifest(table.entry), other.manifest(lying, deletes=True))
    broken(world, other, "1 places where its manifest says 2")
    assert world.rows(f"select id from iceberg.{table.name} order by 1") == [(2,), (3,)]


# --- Data files.

def parquet_damage(content):
    size = len(content)
    footer = struct.unpack("<i", content[-8:-4])[0]
    return {
        "nothing": b"",
        "half": content[:size // 2],
        "without its end": content[:-1],
        "another magic": content[:-4] + b"PARE",
        "a footer of no size": content[:-8] + struct.pack("<i", 0) + b"PAR1",
        "a negative footer": content[:-8] + struct.pack("<i", -footer) + b"PAR1",
        "a footer beyond the file": content[:-8] + struct.pack("<i", 1 << 30) + b"PAR1",
        "a footer of zeros": content[:-8 - footer] + b"\x00" * footer + content[-8:],
        "a footer of ones": content[:-8 - footer] + b"\xff" * footer + content[-8:],
        "pages of ones": b"PAR1" + b"\xff" * (size - 12 - footer) + content[-8 - footer:],
    }


@pytest.mark.parametrize("what", ["nothing", "half", "without its end", "another magic", "a footer of no size", "a negative footer", "a footer beyond the file",
                                  "a footer of zeros", "a footer of ones", "pages of ones"])
def test_a_damaged_data_file_is_an_error(world, table, what):
    path = pathlib.Path(table.path.removeprefix("file://"))
    path.write_bytes(parquet_damage(path.read_bytes())[what])
    table.commit(table.manifest(table.entry))
    assert table.register(world, table.name).status == 200
    refused(sql(world, table), f"{path.name}|data file that the statement reads is damaged")


def test_footers_with_any_bit_turned_harm_nobody(world, table):
    """Nothing says that bytes of a footer are right: an answer may come, but the server goes on."""
    path = pathlib.Path(table.path.removeprefix("file://"))
    content = path.read_bytes()
    footer = struct.unpack("<i", content[-8:-4])[0]
    begin = len(content) - 8 - footer
    entries = []
    for number, at in enumerate(range(begin, len(content) - 8, max(1, footer // 150))):
        damaged = bytearray(content)
        damaged[at] ^= 1 << (number % 8)
        other = path.with_name(f"bit{number}.parquet")
        other.write_bytes(damaged)
        entries.append(table.file(f"file://{other}", 3, len(damaged)))
    for number, entry in enumerate(entries):
        one = RawTable(world.tables / f"{table.name}-{number}")
        one.name = f"{table.name}_{number}"
        one.commit(one.manifest(entry))
        assert one.register(world, one.name).status == 200
        assert sql(world, one).status in (200, 400, 500, 503)
        assert world.request("DELETE", f"/iceberg/v1/namespaces/default/tables/{one.name}").status == 204


def test_a_directory_in_the_place_of_a_file_is_an_error(world, table):
    path = pathlib.Path(table.path.removeprefix("file://"))
    path.unlink()
    path.mkdir()
    table.commit(table.manifest(table.entry))
    assert table.register(world, table.name).status == 200
    refused(sql(world, table), "")


def test_a_broken_table_is_told_of_where_tables_are_listed(world, table):
    table.commit(table.manifest(content=b"no manifest"))
    assert table.register(world, table.name).status == 200
    for system in ("files", "partitions"):
        [[problem]] = world.rows(f"select problem from system.{system} where table_name = '{table.name}'")
        assert "no Avro" in problem
        assert world.rows(f"select count(*) from system.{system} where table_name = 'sound' and problem is null") == [(1,)]
    assert world.rows(f"select table_type from system.tables where table_name = '{table.name}'") == [("table",)]
    assert world.get(f"/iceberg/v1/namespaces/default/tables/{table.name}").json()["metadata"]["table-uuid"] == table.metadata["table-uuid"]


def test_a_text_that_is_not_utf8_is_named_and_the_other_columns_can_be_asked_for(tmp_path):
    """What a version that did not check texts may have settled."""
    with Tidemark(tmp_path / "data") as server:
        events = [{"event_id": "a", "event_type": "t", "user_id": "u"}, {"event_id": "b", "event_type": "t", "user_id": "bqzxjw"}]
        assert server.post("/v1/events", events).status == 202
        server.settle()
        [file] = (tmp_path / "data/lake").rglob("*.parquet")
        file.write_bytes(file.read_bytes().replace(b"bqzxjw", b"bq\xff\xfejw"))
        answer = server.post("/v1/sql", {"query": "select user_id from events"})
        message = answer.json()["message"]
        assert answer.status == 500 and str(tmp_path) not in message, message
        for words in (file.name, "not UTF-8", r"bq\xFF\xFEjw", "docs/engines/managed-tables.md"):
            assert words in message, message
        assert server.rows("select event_id from events order by 1") == [("a",), ("b",)]
        assert "a data file cannot be read" in server.stderr()
