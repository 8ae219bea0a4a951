"""Commits that PyIceberg does not make: of delete files, and of data files wherever they lie. The file with pyarrow, its manifest with
PyIceberg's writers, the commit over the REST catalog. Format: Iceberg table spec, "Delete Formats", "Manifests", "Sequence Number Inheritance"."""
import pathlib
import time
import urllib.parse
import uuid

import pyarrow
import pyarrow.parquet as parquet
from pyiceberg.manifest import (DataFile, DataFileContent, FileFormat, ManifestContent, ManifestEntry, ManifestEntryStatus, ManifestWriterV2,
                                write_manifest_list)
from pyiceberg.typedef import Record

POSITION_COLUMNS = (("file_path", 2147483546, pyarrow.string()), ("pos", 2147483545, pyarrow.int64()))


class DeletesWriter(ManifestWriterV2):
    """A manifest of delete files."""

    def content(self):
        return ManifestContent.DELETES

    @property
    def _meta(self):
        return {**super()._meta, "content": "deletes"}


def with_id(name, kind, field_id):
    return pyarrow.field(name, kind, metadata={"PARQUET:field_id": str(field_id)})


def equality_file(table, name, columns, partition=()):
    """Rows with these values are deleted: `columns` maps a column's name to its values; null is equal to null."""
    schema = table.schema()
    ids = [schema.find_field(column).field_id for column in columns]
    kinds = schema.as_arrow()
    fields = [with_id(column, kinds.field(column).type, one) for column, one in zip(columns, ids)]
    rows = pyarrow.table([pyarrow.array(values, field.type) for values, field in zip(columns.values(), fields)], schema=pyarrow.schema(fields))
    return write(table, name, rows, DataFileContent.EQUALITY_DELETES, partition, equality_ids=ids)


def position_file(table, name, path, positions, partition=()):
    """Rows of one data file."""
    fields = [with_id(column, kind, one) for column, one, kind in POSITION_COLUMNS]
    rows = pyarrow.table([pyarrow.array([path] * len(positions)), pyarrow.array(positions, pyarrow.int64())], schema=pyarrow.schema(fields))
    bound = {POSITION_COLUMNS[0][1]: path.encode()}
    return write(table, name, rows, DataFileContent.POSITION_DELETES, partition, lower_bounds=bound, upper_bounds=bound)


def write(table, name, rows, content, partition, **more):
    path = f"{table.location()}/data/{name}.parquet"
    local = path.removeprefix("file://")
    parquet.write_table(rows, local)
    size = pathlib.Path(local).stat().st_size
    made = DataFile.from_args(_table_format_version=2, content=content, file_path=path, file_format=FileFormat.PARQUET, partition=Record(*partition),
                              record_count=rows.num_rows, file_size_in_bytes=size, **more)
    made.spec_id = table.metadata.default_spec_id
    return made


def data_file(table, path, rows, partition=()):
    """A file that is there."""
    size = pathlib.Path(path.removeprefix("file://")).stat().st_size
    made = DataFile.from_args(_table_format_version=2, content=DataFileContent.DATA, file_path=path, file_format=FileFormat.PARQUET, partition=Record(*partition),
                              record_count=rows, file_size_in_bytes=size)
    made.spec_id = table.metadata.default_spec_id
    return made


def request(table, files, more=()):
    """The commit of a snapshot that adds these files, all data or all deletes, and the manifests `more` to the table's head. Its manifests are written."""
    head = table.metadata.current_snapshot()
    snapshot, sequence = uuid.uuid4().int >> 66, table.metadata.last_sequence_number + 1
    folder = f"{table.location()}/metadata"
    deletes = files[0].content != DataFileContent.DATA
    kind = DeletesWriter if deletes else ManifestWriterV2
    with kind(table.spec(), table.schema(), table.io.new_output(f"{folder}/{uuid.uuid4()}-m0.avro"), snapshot, "null") as writer:
        for file in files:
            writer.add(ManifestEntry.from_args(_table_format_version=2, status=ManifestEntryStatus.ADDED, snapshot_id=snapshot, sequence_number=None,
                                               file_sequence_number=None, data_file=file))
    manifests = [writer.to_manifest_file(), *more, *(head.manifests(table.io) if head else [])]
    listed = f"{folder}/snap-{snapshot}-{uuid.uuid4()}.avro"
    with write_manifest_list(2, table.io.new_output(listed), snapshot, head.snapshot_id if head else None, sequence, "null") as writer:
        writer.add_manifests(manifests)
    one = {"snapshot-id": snapshot, "sequence-number": sequence, "timestamp-ms": int(time.time() * 1000), "manifest-list": listed,
           "summary": {"operation": "delete" if deletes else "append"}, "schema-id": table.metadata.current_schema_id}
    if head:
        one["parent-snapshot-id"] = head.snapshot_id
    return {"requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": head.snapshot_id if head else None}],
            "updates": [{"action": "add-snapshot", "snapshot": one},
                        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot}]}


def commit(server, table, files, headers=None, more=()):
    """The answer of the catalog. `table` is as it was before."""
    *ns, name = table.name()
    path = "/iceberg/v1/namespaces/" + urllib.parse.quote("\x1f".join(ns), safe="") + "/tables/" + urllib.parse.quote(name, safe="")
    return server.post(path, request(table, files, more), headers)
