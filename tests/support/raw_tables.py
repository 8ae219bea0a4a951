"""Tables of which every byte is the test's: manifests, lists, Puffin files and metadata by hand, as no sound writer would make them, and of
format v3, which PyIceberg does not write. Format: Iceberg table spec, "Manifests", "Table Metadata Fields"; Puffin spec; Avro 1.12."""
import json
import pathlib
import struct
import time
import uuid
import zlib

import pyarrow
import pyarrow.parquet as parquet
import pyroaring

SYNC = b"tidemark-by-hand"
TYPES = {"long": pyarrow.int64(), "int": pyarrow.int32(), "string": pyarrow.string(), "timestamp_ns": pyarrow.timestamp("ns"), "double": pyarrow.float64(),
         "boolean": pyarrow.bool_(), "date": pyarrow.date32(), "timestamptz": pyarrow.timestamp("us", "UTC"), "binary": pyarrow.binary()}
FIELDS = (("id", 1, "long"), ("name", 2, "string"))
ROW_ID, ROW_UPDATED = 2147483540, 2147483539


def optional(name, field_id, kind):
    return {"name": name, "type": ["null", kind], "default": None, "field-id": field_id}


def required(name, field_id, kind):
    return {"name": name, "type": kind, "field-id": field_id}


def data_file_type(partition, version):
    fields = [required("content", 134, "int"), required("file_path", 100, "string"), required("file_format", 101, "string"),
              required("partition", 102, {"type": "record", "name": "r102", "fields": [optional(name, one, kind) for name, one, kind in partition]}),
              required("record_count", 103, "long"), required("file_size_in_bytes", 104, "long"),
              optional("equality_ids", 135, {"type": "array", "items": "int", "element-id": 136}), optional("referenced_data_file", 143, "string")]
    if version >= 3:
        fields += [optional("first_row_id", 142, "long"), optional("content_offset", 144, "long"), optional("content_size_in_bytes", 145, "long")]
    return {"type": "record", "name": "r2", "fields": fields}


def entry_type(partition=(), version=2):
    return {"type": "record", "name": "manifest_entry", "fields": [
        required("status", 0, "int"), optional("snapshot_id", 1, "long"), optional("sequence_number", 3, "long"), optional("file_sequence_number", 4, "long"),
        required("data_file", 2, data_file_type(partition, version))]}


def list_type(version=2):
    counts = (("added_files_count", 504), ("existing_files_count", 505), ("deleted_files_count", 506), ("added_rows_count", 512),
              ("existing_rows_count", 513), ("deleted_rows_count", 514))
    fields = [required("manifest_path", 500, "string"), required("manifest_length", 501, "long"), required("partition_spec_id", 502, "int"),
              required("content", 517, "int"), required("sequence_number", 515, "long"), required("min_sequence_number", 516, "long"),
              required("added_snapshot_id", 503, "long"), *(required(name, one, "int" if "files" in name else "long") for name, one in counts)]
    return {"type": "record", "name": "manifest_file", "fields": [*fields, *([optional("first_row_id", 520, "long")] if version >= 3 else [])]}


def zigzag(value):
    value = (value << 1) ^ (value >> 63)
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def encode(kind, value):
    if isinstance(kind, list):
        return zigzag(0) if value is None else zigzag(1) + encode(kind[1], value)
    if isinstance(kind, dict):
        if kind["type"] == "record":
            return b"".join(encode(field["type"], value.get(field["name"])) for field in kind["fields"])
        items = b"".join(encode(kind["items"], item) for item in value)
        return (zigzag(len(value)) + items if value else b"") + zigzag(0)
    if kind == "null":
        return b""
    if kind == "string":
        return zigzag(len(value.encode())) + value.encode()
    return zigzag(value)


def avro(schema, records, header=(), count=None):
    """The bytes of an Avro file. `records`: values of the schema, or the bytes of a block; `count`: what it says it has."""
    head = {"avro.schema": json.dumps(schema), "avro.codec": "null", **dict(header)}
    out = b"Obj\x01" + zigzag(len(head)) + b"".join(encode("string", text) for pair in head.items() for text in pair) + zigzag(0) + SYNC
    block = records if isinstance(records, bytes) else b"".join(encode(schema, one) for one in records)
    return out + zigzag(len(records) if count is None else count) + zigzag(len(block)) + block + SYNC


def vector(places):
    """The blob of a deletion vector of places below 2^32."""
    body = b"\xd1\xd3\x39\x64" + struct.pack("<QI", 1, 0) + pyroaring.BitMap(places).serialize()
    return struct.pack(">I", len(body)) + body + struct.pack(">I", zlib.crc32(body))


class RawTable:
    """A table in `folder`. What is added is written at once; `register` writes the metadata too."""

    def __init__(self, folder, version=2, fields=FIELDS):
        self.folder, self.version = pathlib.Path(folder), version
        self.uri = f"file://{self.folder}"
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "metadata").mkdir()
        self.sequence = 0
        self.schema = {"type": "struct", "schema-id": 0, "fields": [
            {"id": one, "name": name, "required": False, "type": kind, **dict(*more)} for name, one, kind, *more in fields]}
        self.metadata = {
            "format-version": version, "table-uuid": str(uuid.uuid4()), "location": self.uri, "last-sequence-number": 0, "last-updated-ms": 0,
            "last-column-id": max(one for _, one, *_ in fields), "current-schema-id": 0, "schemas": [self.schema], "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": []}], "last-partition-id": 999, "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}], "properties": {}, "refs": {}, "snapshots": [], "snapshot-log": [], "metadata-log": []}
        if version >= 3:
            self.metadata["next-row-id"] = 0

    def put(self, name, content):
        (self.folder / name).write_bytes(content)
        return f"{self.uri}/{name}"

    def rows(self, *rows, fields=None, name=None):
        """A manifest entry of a Parquet file with these rows, each a value a field; `fields`: (name, id, type)."""
        fields = fields or [(one["name"], one["id"], one["type"]) for one in self.schema["fields"]]
        columns = [pyarrow.field(text, TYPES[kind], metadata={"PARQUET:field_id": str(one)}) for text, one, kind in fields]
        table = pyarrow.table([pyarrow.array([row[i] for row in rows], field.type) for i, field in enumerate(columns)], schema=pyarrow.schema(columns))
        path = self.folder / f"data/{name or uuid.uuid4()}.parquet"
        parquet.write_table(table, path)
        return self.file(f"{self.uri}/data/{path.name}", len(rows), path.stat().st_size)

    @staticmethod
    def file(path, rows, size, **more):
        return {"status": 1, "data_file": {"content": 0, "file_path": path, "file_format": "PARQUET", "partition": {}, "record_count": rows,
                                           "file_size_in_bytes": size, **more}}

    def positions(self, path, places):
        """An entry of a position delete file."""
        made = self.rows(*((path, place) for place in places), fields=(("file_path", 2147483546, "string"), ("pos", 2147483545, "long")))
        made["data_file"].update(content=1, referenced_data_file=path)
        return made

    def equalities(self, field, values):
        """An entry of an equality delete file: (name, id, type) and what is deleted of it."""
        made = self.rows(*((value,) for value in values), fields=[field])
        made["data_file"].update(content=2, equality_ids=[field[1]])
        return made

    def deletion(self, path, places, blob=None, **more):
        """An entry of a deletion vector in a Puffin file of its own."""
        blob = vector(places) if blob is None else blob
        footer = json.dumps({"blobs": [{"type": "deletion-vector-v1", "fields": [], "snapshot-id": -1, "sequence-number": -1, "offset": 4, "length": len(blob),
                                        "properties": {"referenced-data-file": path, "cardinality": str(len(places))}}]}).encode()
        content = b"PFA1" + blob + b"PFA1" + footer + struct.pack("<iI", len(footer), 0) + b"PFA1"
        uri = self.put(f"data/{uuid.uuid4()}.puffin", content)
        return self.file(uri, len(places), len(content), **{"content": 1, "file_format": "PUFFIN", "referenced_data_file": path, "content_offset": 4,
                                                           "content_size_in_bytes": len(blob), **more})

    def manifest(self, *entries, deletes=False, version=None, partition=(), spec=0, content=None, **more):
        """A record of a manifest list; the manifest has these entries, or this content."""
        version = version or self.version
        content = avro(entry_type(partition, version), entries, {"content": "deletes" if deletes else "data", "format-version": str(version)}) if content is None else content
        uri = self.put(f"metadata/{uuid.uuid4()}-m0.avro", content)
        rows = sum(max(one["data_file"]["record_count"], 0) for one in entries)
        counts = {name: 0 for name in ("existing_files_count", "deleted_files_count", "existing_rows_count", "deleted_rows_count")}
        return {"manifest_path": uri, "manifest_length": len(content), "partition_spec_id": spec, "content": int(deletes), "sequence_number": self.sequence + 1,
                "min_sequence_number": self.sequence + 1, "added_snapshot_id": self.sequence + 1, "added_files_count": len(entries), "added_rows_count": rows,
                **counts, **more}

    def commit(self, *manifests, content=None, operation="append", **more):
        """A snapshot of these manifests, which becomes the current one; returns its id. v3: data manifests without row ids get them."""
        self.sequence += 1
        first = self.metadata.get("next-row-id", 0)
        row = first
        if self.version >= 3:
            for one in manifests:
                if one["content"] == 0 and one.get("first_row_id") is None:
                    one["first_row_id"] = row
                    row += one["added_rows_count"] + one["existing_rows_count"]
        content = avro(list_type(self.version), manifests) if content is None else content
        listed = self.put(f"metadata/snap-{self.sequence}-{uuid.uuid4()}.avro", content)
        parent = self.metadata.get("current-snapshot-id")
        snapshot = {"snapshot-id": self.sequence, "sequence-number": self.sequence, "timestamp-ms": int(time.time() * 1000) - 60_000 + self.sequence,
                    "manifest-list": listed, "summary": {"operation": operation}, "schema-id": self.metadata["current-schema-id"]}
        if parent:
            snapshot["parent-snapshot-id"] = parent
        if self.version >= 3:
            snapshot.update({"first-row-id": first, "added-rows": row - first})
            self.metadata["next-row-id"] = row
        snapshot.update(more)
        self.metadata["snapshots"].append(snapshot)
        self.metadata["snapshot-log"].append({"snapshot-id": snapshot["snapshot-id"], "timestamp-ms": snapshot["timestamp-ms"]})
        self.metadata.update({"current-snapshot-id": snapshot["snapshot-id"], "last-sequence-number": self.sequence, "last-updated-ms": snapshot["timestamp-ms"]})
        self.metadata["refs"]["main"] = {"snapshot-id": snapshot["snapshot-id"], "type": "branch"}
        return snapshot["snapshot-id"]

    def upgrade(self):
        """To format v3: rows get their ids with the next commit."""
        self.version = 3
        self.metadata.update({"format-version": 3, "next-row-id": 0})

    def register(self, server, name, headers=None, ns="default"):
        """The catalog's answer."""
        path = self.folder / f"metadata/{self.sequence:05}-{uuid.uuid4()}.metadata.json"
        path.write_text(json.dumps(self.metadata))
        return server.post(f"/iceberg/v1/namespaces/{ns}/register", {"name": name, "metadata-location": f"file://{path}"}, headers)
