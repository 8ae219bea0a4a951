"""What another engine does to the events table that the server feeds: `managed.py ENGINE`.

Runs in the environment that test_managed_tables.py makes. Reads one step a line, a JSON object with
the server's address, its name and arguments, and answers each with a line of JSON: the step's result, or its error. A
step that lost a race against the server's own commits is tried again, as an engine's user would.
"""
import datetime
import json
import sys

from services.engines import DuckDb, PyIceberg

NAME = "default.events"
TRIES = 20


def row(event_id, event_type, hour=0):
    time = datetime.datetime(2026, 3, 1, hour % 24, 5, tzinfo=datetime.timezone.utc)
    return {"event_id": event_id, "event_type": event_type, "timestamp": time, "received_at": time, "project_id": "default"}


class Python:
    def __init__(self, uri):
        self.catalog = PyIceberg(uri).catalog

    def arrow(self, table, rows):
        import pyarrow

        return pyarrow.Table.from_pylist(rows, schema=table.schema().as_arrow())

    def append(self, table, first, count, event_type):
        table.append(self.arrow(table, [row(f"{event_type}-{n}", event_type, n) for n in range(first, first + count)]))

    def append_branch(self, table, branch, count):
        table.append(self.arrow(table, [row(f"b-{n}", "branch", n) for n in range(count)]), branch=branch)

    def delete(self, table, where):
        table.delete(where)

    def overwrite_with_itself(self, table):
        """What a compaction does: the same rows in other files, their offsets among them."""
        table.overwrite(table.scan().to_arrow())

    def rewrite(self, table, event_type):
        """The same for the rows of one type."""
        where = f"event_type == '{event_type}'"
        table.overwrite(table.scan(row_filter=where).to_arrow(), overwrite_filter=where)

    def copy_of_events(self, table, event_type):
        """A mistake: rows of the server are added a second time, offsets and all."""
        table.append(table.scan(row_filter=f"event_type == '{event_type}'").to_arrow())

    def upsert(self, table, event_ids):
        table.upsert(self.arrow(table, [row(event_id, "upserted") for event_id in event_ids]), join_cols=["event_id"])

    def note(self, table, event_ids, note):
        """An update of a column of one's own: the rows are read, changed and written back, offsets and all."""
        where = "event_id in (" + ", ".join(f"'{event_id}'" for event_id in event_ids) + ")"
        rows = table.scan(row_filter=where).to_arrow()
        at = rows.schema.get_field_index("note")
        import pyarrow

        table.overwrite(rows.set_column(at, "note", pyarrow.array([note] * len(rows))), overwrite_filter=where)

    def add_column(self, table, name):
        from pyiceberg.types import StringType

        with table.update_schema() as update:
            update.add_column(name, StringType())

    def drop_column(self, table, name):
        with table.update_schema(allow_incompatible_changes=True) as update:
            update.delete_column(name)

    def rename_column(self, table, name, to):
        with table.update_schema() as update:
            update.rename_column(name, to)

    def set_property(self, table, key, value):
        with table.transaction() as transaction:
            transaction.set_properties({key: value})

    def tag(self, table, name):
        table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, name).commit()

    def branch(self, table, name):
        table.manage_snapshots().create_branch(table.current_snapshot().snapshot_id, name).commit()

    def expire(self, table):
        keep = {ref.snapshot_id for ref in table.refs().values()}
        old = [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.snapshot_id not in keep]
        table.maintenance.expire_snapshots().by_ids(old).commit()
        return len(old)

    def head(self, table):
        return table.current_snapshot().snapshot_id

    def set_main(self, table, snapshot):
        from pyiceberg.table.update import AssertTableUUID, SetSnapshotRefUpdate

        update = SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot)
        self.catalog.commit_table(table, (AssertTableUUID(uuid=table.metadata.table_uuid),), (update,))

    def offsets(self, table):
        """That every snapshot says which offsets it stands for."""
        return [snapshot.summary.additional_properties.get("tidemark.offsets") for snapshot in table.snapshots()]

    def rows(self, table, snapshot=None):
        rows = table.scan(selected_fields=("event_id", "event_type", "log_offset"), snapshot_id=snapshot).to_arrow().to_pylist()
        return sorted((one["event_id"], one["event_type"], one["log_offset"]) for one in rows)

    def run(self, step, arguments):
        from pyiceberg.exceptions import CommitFailedException, ValidationException

        for left in reversed(range(TRIES)):
            table = self.catalog.load_table(NAME)
            try:
                return getattr(self, step)(table, **arguments)
            except (CommitFailedException, ValidationException):  # The second: its own check of what came in between.
                if left == 0:
                    raise


class Sql:
    def __init__(self, uri):
        self.duckdb = DuckDb(uri)

    def run(self, step, arguments):
        assert step == "sql"
        for left in reversed(range(TRIES)):
            try:
                return self.duckdb.sql(arguments["statement"])
            except Exception as error:
                # Every statement is a transaction: a lost race has changed nothing.
                if left == 0 or "CommitFailed" not in str(error):
                    raise


def main():
    kind = {"pyiceberg": Python, "duckdb": Sql}[sys.argv[1]]
    print(json.dumps("ready"), flush=True)
    connected = None
    for line in sys.stdin:
        arguments = json.loads(line)
        uri = arguments.pop("uri")
        try:
            if uri != connected:  # A server that was started again has another port.
                engine, connected = kind(uri), uri
            answer = {"result": engine.run(arguments.pop("step"), arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
