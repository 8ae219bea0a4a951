"""Tables, metadata and deletion vectors that other implementations wrote: read as they are, or refused with the reason.

The files come from the Iceberg projects (Java, Rust, DuckDB's extension) and lie outside this repository.
"""
import json
import os
import pathlib
import re
import struct
import subprocess
import tarfile

import pytest

from support.archives import unpack
from support.server import BINARY, ROOT, Tidemark

SHARED = pathlib.Path(os.environ.get("TIDEMARK_SHARED", ROOT / "../shared"))
SUITES = next((path for path in (SHARED / "data/suites", ROOT.parents[1] / "shared/data/suites") if (path / "iceberg-tables.tar.gz").exists()), None)

pytestmark = pytest.mark.skipif(SUITES is None, reason="the suites are not there")

# Refused, and why. generated_bounds has metadata alone: its files are in a bucket that never was.
REFUSED = {
    "generated_bounds": "s3://fake-bucket",
}
# What neither reader of the suite's makers opened, by hand from the files: 3 rows of a v1 table whose snapshot names its manifests itself, 2 of
# BigQuery's whose partition is null, 3 of which a deletion vector without a Puffin file around it deletes the second.
BY_HAND = {"iceberg_v1_deprecated/default/legacy_v1": 3, "big_query_error": 2,
           "legacy_bare_deletion_vector/warehouse/default/legacy_bare_deletion_vector": 2}


@pytest.fixture(scope="module")
def suites(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suites")
    for name in ("iceberg-tables", "iceberg-metadata"):
        unpack(SUITES / f"{name}.tar.gz", folder)
    return folder


def run(folder, *arguments):
    done = subprocess.run([BINARY, "iceberg", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode >= 0, done.stderr  # No crash.
    return done


def tables():
    if SUITES is None:
        return []
    with tarfile.open(SUITES / "iceberg-tables.tar.gz") as archive:
        return json.load(archive.extractfile("expected.json"))["tables"]


@pytest.mark.parametrize("table", tables(), ids=lambda table: table["table"].split("/")[0] + "/" + table["table"].split("/")[-1])
def test_a_table_gives_its_rows(suites, table):
    metadata = f"data/persistent/{table['table']}/metadata/{table['metadata']}"
    done = run(suites, "verify", "--json", metadata)
    if table["table"] in REFUSED:
        assert done.returncode == 4 and REFUSED[table["table"]] in done.stderr, done
        return
    assert done.returncode == 0, done.stdout + done.stderr
    rows = table["rows"] if table["rows"] is not None else BY_HAND[table["table"]]
    proof = json.loads(done.stdout)
    assert proof["rows"] == rows, proof
    assert proof["records"] - proof["deleted-rows"] == rows


def test_what_a_deletion_vector_deletes(suites):
    folder = suites / "iceberg-java/core/src/test/resources/org/apache/iceberg/deletes"
    expected = {"empty": (0, []), "small-alternating-values": (5, [1, 3, 5, 7, 9]),
                "small-and-large-values": (4, [100, 101, 2147483747, 2147483748]), "all-container-types": (None, [5, 7])}
    for name, (count, first) in expected.items():
        blob = (folder / f"{name}-position-index.bin").read_bytes()
        footer = json.dumps({"blobs": [{"type": "deletion-vector-v1", "fields": [], "snapshot-id": -1, "sequence-number": -1, "offset": 4, "length": len(blob)}]}).encode()
        (suites / "dv.puffin").write_bytes(b"PFA1" + blob + b"PFA1" + footer + struct.pack("<iI", len(footer), 0) + b"PFA1")
        done = run(suites, "dump", "dv.puffin")
        assert done.returncode == 0, done.stderr
        [read] = json.loads(done.stdout)["blobs"]
        assert read["places"][:len(first)] == first, name
        assert count is None or read["deleted-rows"] == count == len(read["places"])


def test_puffin_files(suites):
    for folder in ("iceberg-java/core/src/test/resources/org/apache/iceberg/puffin/v1", "iceberg-rust/crates/iceberg/testdata/puffin/java-generated"):
        for path in sorted((suites / folder).glob("*.bin")):
            done = run(suites, "dump", str(path))
            assert done.returncode == 0, done.stderr
            types = [blob["type"] for blob in json.loads(done.stdout)["blobs"]]
            assert types == ([] if path.name.startswith("empty") else ["some-blob", "some-other-blob"])


# What the specification says is wrong with each.
INVALID = {
    "TableMetadataV2MissingSortOrder": "sort-orders",
    "TableMetadataUnsupportedVersion": "format version|schemas",  # One says 3, and has nothing else of it.
    "TableMetadataV2CurrentSchemaNotFound": "current schema|last-partition-id",  # The Java project's lacks both.
    "TableMetadataV2MissingPartitionSpecs": "partition-specs",
    "TableMetadataV2MissingSchemas": "schemas",
    "TableMetadataV2MissingLastPartitionId": "last-partition-id",
    "TableMetadataV1MissingSchemaType": "schema",
    "TableMetadataV1NoValidSchema": "schema",
    "bad_iceberg_metadata": "table metadata",
}


def test_table_metadata(suites):
    seen = set()
    folders = ["iceberg-java/core/src/test/resources", "iceberg-rust/crates/iceberg/testdata/table_metadata", "iceberg-rust/crates/iceberg/testdata", "data/persistent/bad_data"]
    for path in sorted(path for folder in folders for path in (suites / folder).glob("*.json")):
        if path.name.startswith("avro_schema"):
            continue
        done = run(suites, "fsck", "--json", str(path))
        if path.stem in INVALID:
            seen.add(path.stem)
            assert done.returncode == 8 and not done.stdout and re.search(INVALID[path.stem], done.stderr), (path.name, done)
        else:
            # Their files are nowhere; what the document says of itself must agree.
            rules = {problem["rule"] for problem in json.loads(done.stdout)["problems"]} if done.stdout else done.stderr
            # The examples have fields above their own last-column-id, which no reader looks at.
            wrong = {"schema"} if path.stem.startswith("example_") else set()
            assert rules <= {"missing", "place", "corrupt", "unread", *wrong}, (path.name, rules)
    assert seen == set(INVALID)


# Views' and tables' documents as the catalog takes them: registered, or refused with the reason.
INVALID_VIEWS = {"ViewMetadataInvalidCurrentSchema", "ViewMetadataMultipleSQLsForDialect", "ViewMetadataMissingLocation", "ViewMetadataMissingCurrentVersion",
                 "ViewMetadataInvalidCurrentVersion", "ViewMetadataUnsupportedVersion", "ViewMetadataV1SchemaNotFound", "ViewMetadataV1MissingSchema",
                 "ViewMetadataV1MissingCurrentVersion", "ViewMetadataV1CurrentVersionNotFound"}


@pytest.mark.parametrize("kind, folders", [
    ("register", ["iceberg-java/core/src/test/resources", "iceberg-rust/crates/iceberg/testdata/table_metadata"]),
    ("register-view", ["iceberg-java/core/src/test/resources/org/apache/iceberg/view", "iceberg-rust/crates/iceberg/testdata/view_metadata"]),
])
def test_the_catalog_takes_the_valid_ones_alone(suites, tmp_path, kind, folders):
    with Tidemark(tmp_path / "data", "-X", f"catalog.locations={tmp_path}") as server:
        paths = [path for folder in folders for path in sorted((suites / folder).glob("*.json"))]
        for number, path in enumerate(paths):
            document = json.loads(path.read_text())
            name = f"{path.stem}{number}"
            if "location" in document:
                document["location"] = f"file://{tmp_path}/tables/{name}"
            for uuid in ("table-uuid", "view-uuid"):
                if uuid in document:  # The documents are of one table, and a table is there once.
                    document[uuid] = f"{number:08x}" + document[uuid][8:]
            copy = tmp_path / "tables" / name / "metadata" / "00000-a.metadata.json"
            copy.parent.mkdir(parents=True)
            copy.write_text(json.dumps(document))
            answer = server.post(f"/iceberg/v1/namespaces/default/{kind}", {"name": name, "metadata-location": f"file://{copy}"})
            if path.stem in INVALID or path.stem in INVALID_VIEWS:
                assert answer.status == 400, (path.name, answer.body)
                assert answer.json()["error"]["message"], path.name
            else:
                assert answer.status == 200, (path.name, answer.body)


def test_manifest_lists(suites):
    folder = suites / "iceberg-rust/crates/iceberg/testdata/manifests_lists"
    for name in ("manifest-list-v2-1", "manifest-list-v2-2"):
        done = run(suites, "dump", str(folder / f"{name}.avro"))
        assert done.returncode == 0, done.stderr
        assert all(record["manifest_path"] for record in json.loads(done.stdout)["records"])
    encrypted = run(suites, "dump", str(folder / "manifest-list-v3-encrypted.avro"))
    assert encrypted.returncode == 8 and "no Avro" in encrypted.stderr
