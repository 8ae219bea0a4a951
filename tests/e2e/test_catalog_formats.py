"""In which form tables are made and told: the format's version by the server's option and the namespace, metadata files and answers as gzip."""
import gzip
import json
import pathlib

import pyarrow.parquet
import pytest
from pyiceberg.table import StaticTable

from support.server import Tidemark

BASE = "/iceberg/v1"
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "x", "required": False, "type": "long"}]}
CODEC = "write.metadata.compression-codec"


def make(server, name, ns="a", **properties):
    answer = server.post(f"{BASE}/namespaces/{ns}/tables", {"name": name, "schema": SCHEMA, "properties": properties})
    assert answer.status == 200, answer.body
    return answer.json()


def change(server, path, **properties):
    answer = server.post(f"{BASE}/namespaces/{path}", {"updates": [{"action": "set-properties", "updates": properties}]})
    assert answer.status == 200, answer.body
    return answer.json()


def file_of(loaded):
    return pathlib.Path(loaded["metadata-location"].removeprefix("file://"))


def send(server, project, first, count):
    body = [{"event_id": f"e{n}", "event_type": "click"} for n in range(first, first + count)]
    assert server.post("/v1/events", body, {"X-Tidemark-Project": project}).status == 202
    server.settle()


def version(server, project, table="events"):
    return server.get(f"{BASE}/namespaces/{project}/tables/{table}").json()["metadata"]["format-version"]


def rows_of(server, project):
    answer = server.post("/v1/sql", {"query": "select count(*) n, count(distinct event_id) d from events"}, {"X-Tidemark-Project": project})
    return tuple(answer.json()["data"][0].values())


def data_files(server, project):
    """Of the table's head, the oldest first."""
    loaded = server.get(f"{BASE}/namespaces/{project}/tables/events").json()
    tasks = StaticTable.from_metadata(loaded["metadata-location"]).scan().plan_files()
    return sorted((task.file.file_path.removeprefix("file://") for task in tasks), key=lambda path: pathlib.Path(path).stat().st_mtime_ns)


def test_data_files_are_compressed_as_the_table_says(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        found = []
        for codec in (None, "snappy", "uncompressed", "gzip"):
            if codec:
                change(server, "a/tables/events", **{"write.parquet.compression-codec": codec})
            first = 2_000 * len(found)
            body = [{"event_id": f"e{n}", "event_type": "click", "properties": {"n": n, "text": "again " * 9}} for n in range(first, first + 2_000)]
            assert server.post("/v1/events", body, {"X-Tidemark-Project": "a"}).status == 202
            server.settle()
            newest = pyarrow.parquet.ParquetFile(data_files(server, "a")[-1])
            assert newest.metadata.num_rows == 2_000
            group = newest.metadata.row_group(0)
            column = next(group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == "properties")
            found.append((column.compression, column.total_compressed_size))
        # Of gzip, which is not written, the name is the only thing known.
        assert [codec for codec, _ in found] == ["ZSTD", "SNAPPY", "UNCOMPRESSED", "ZSTD"]
        assert found[0][1] < found[1][1] < found[2][1]
        assert rows_of(server, "a") == (8_000, 8_000)
        loaded = server.get(f"{BASE}/namespaces/a/tables/events").json()
        assert StaticTable.from_metadata(loaded["metadata-location"]).scan().to_arrow().num_rows == 8_000


def test_events_tables_are_made_in_the_format_of_their_namespace(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        assert server.post(f"{BASE}/namespaces", {"namespace": ["three"], "properties": {"format-version": "3"}}).status == 200
        for project in ("three", "two"):
            send(server, project, 0, 5)
            send(server, project, 5, 5)
            assert rows_of(server, project) == (10, 10)
        assert (version(server, "three"), version(server, "two")) == (3, 2)
        metadata = server.get(f"{BASE}/namespaces/three/tables/events").json()["metadata"]
        assert metadata["next-row-id"] == 10 and [one["first-row-id"] for one in metadata["snapshots"]] == [0, 5]
        # A namespace changes what is made from now on, never what is there.
        answer = server.post(f"{BASE}/namespaces/two/properties", {"updates": {"format-version": "3"}})
        assert answer.status == 200
        send(server, "two", 10, 1)
        assert version(server, "two") == 2
        server.kill()
        server.start()
        send(server, "three", 10, 5)
        assert rows_of(server, "three") == (15, 15)
        assert server.verify()["ok"]


def test_the_option_is_for_namespaces_that_say_nothing(tmp_path):
    with Tidemark(tmp_path / "data", "-X", "catalog.format_version=3", "--flush-seconds", "86400") as server:
        assert server.post(f"{BASE}/namespaces", {"namespace": ["two"], "properties": {"format-version": "2"}}).status == 200
        assert server.post(f"{BASE}/namespaces", {"namespace": ["one"], "properties": {"format-version": "1"}}).status == 200
        for project in ("default", "two", "one"):
            send(server, project, 0, 3)
        assert [version(server, project) for project in ("default", "two", "one")] == [3, 2, 3]
        # Plain tables are as their request or namespace says, else v2.
        assert make(server, "plain", "default")["metadata"]["format-version"] == 2
        assert make(server, "plain", "one")["metadata"]["format-version"] == 1
        assert make(server, "plain", "two", **{"format-version": "3"})["metadata"]["format-version"] == 3
        # Other engines read what was made.
        assert StaticTable.from_metadata(server.events_metadata()).scan().to_arrow().num_rows == 3


@pytest.fixture
def catalog(server):
    assert server.post(f"{BASE}/namespaces", {"namespace": ["a"]}).status == 200
    return server


@pytest.mark.parametrize("codec", ["gzip", "GZIP", "none", "None"])
def test_metadata_files_are_as_the_property_says(catalog, codec):
    loaded = make(catalog, "t", **{CODEC: codec})
    other = "none" if codec.lower() == "gzip" else "gzip"
    for expected in (codec.lower(), codec.lower(), other):
        path = file_of(loaded)
        assert path.name.endswith(".gz.metadata.json") == (expected == "gzip")
        bytes_ = path.read_bytes()
        metadata = json.loads(gzip.decompress(bytes_) if expected == "gzip" else bytes_)
        assert metadata == catalog.get(f"{BASE}/namespaces/a/tables/t").json()["metadata"]
        last = loaded
        loaded = change(catalog, "a/tables/t", **({CODEC: other} if "n" in metadata["properties"] else {"n": "1"}))
    # Another server's file of either form is registered, loaded and committed to.
    assert catalog.request("DELETE", f"{BASE}/namespaces/a/tables/t").status == 204
    registered = catalog.post(f"{BASE}/namespaces/a/register", {"name": "again", "metadata-location": last["metadata-location"]})
    assert registered.status == 200, registered.body
    assert registered.json()["metadata"] == last["metadata"]
    assert change(catalog, "a/tables/again", k="v")["metadata"]["properties"]["k"] == "v"


def test_an_unknown_codec_is_refused(catalog):
    answer = catalog.post(f"{BASE}/namespaces/a/tables", {"name": "t", "schema": SCHEMA, "properties": {CODEC: "lzma"}})
    assert answer.status == 400 and "gzip or none" in answer.json()["error"]["message"]
    make(catalog, "t")
    answer = catalog.post(f"{BASE}/namespaces/a/tables/t", {"updates": [{"action": "set-properties", "updates": {CODEC: "lzma"}}]})
    assert answer.status == 400
    assert change(catalog, "a/tables/t", k="v")["metadata"]["properties"] == {"k": "v"}


def test_large_answers_are_gzip_for_those_who_take_it(catalog):
    large = {f"key{n}": "value " * 20 for n in range(300)}
    make(catalog, "large", **large)
    make(catalog, "small")
    path = f"{BASE}/namespaces/a/tables/large"
    plain = catalog.get(path)
    assert "Content-Encoding" not in plain.headers and plain.headers["Vary"] == "Accept-Encoding"
    packed = catalog.get(path, {"Accept-Encoding": "br, gzip;q=0.5"})
    assert packed.headers["Content-Encoding"] == "gzip" and len(packed.body) < len(plain.body) / 10
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert catalog.get(path, {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}).status == 304
    for refused in ("identity", "gzip;q=0", "deflate"):
        assert "Content-Encoding" not in catalog.get(path, {"Accept-Encoding": refused}).headers
    assert "Content-Encoding" not in catalog.get(f"{BASE}/namespaces/a/tables/small", {"Accept-Encoding": "gzip"}).headers
    commit = catalog.post(path, {"updates": [{"action": "set-properties", "updates": {"k": "v"}}]}, {"Accept-Encoding": "gzip"})
    assert commit.status == 200 and json.loads(gzip.decompress(commit.body))["metadata"]["properties"]["k"] == "v"
