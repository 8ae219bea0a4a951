"""The past of events: by snapshot, time, tag and receipt; what appends added between two snapshots."""
import json
import subprocess

import pyarrow
import pytest
from pyiceberg.catalog import load_catalog
from pyiceberg.types import LongType, StringType

from support.server import BINARY


def send(server, *ids):
    lines = "\n".join(json.dumps({"event_id": name, "event_type": "t", "timestamp": "2024-01-01T00:00:00Z"}) for name in ids)
    answer = server.post("/v1/events", lines, {"Content-Type": "application/x-ndjson"})
    assert answer.status == 202, answer.body
    return answer.headers["X-Tidemark-Receipt"]


def ids(server, relation="events", **options):
    return "".join(row[0] for row in server.rows(f"select event_id from {relation} order by event_id", **options))


@pytest.fixture
def past(server):
    """a and b settled, c settled, d hot: two snapshots and their times."""
    server.receipts = [send(server, "a", "b")]
    server.settle()
    server.receipts.append(send(server, "c"))
    server.cut = server.query("select count(*) from events")["receipt"]
    server.settle()
    server.receipts.append(send(server, "d"))
    server.snapshots = server.rows("select snapshot_id, committed_at from system.snapshots order by sequence_number")
    assert len(server.snapshots) == 2
    return server


def test_a_snapshot_is_what_was_settled_then(past):
    (first, _), (second, _) = past.snapshots
    assert ids(past, f"events at (version => {first})") == "ab"
    assert ids(past, f"iceberg.events at (version => {second})") == "abc"
    assert ids(past, "events at (version => 'main')") == "abc"
    assert ids(past) == "abcd"
    answer = past.query("select count(*) n from events", as_of=first)
    assert answer["data"] == [{"n": 2}] and answer["route"] == "batch"
    assert answer["receipt"]["snapshot_id"] == first and answer["receipt"]["offsets"] == {"0": 2}
    assert answer["metadata"]["as_of"]["snapshot_id"] == first


def test_a_time_is_the_snapshot_that_was_current(past):
    (first, at), (_, later) = past.snapshots
    if at != later:  # Two commits of one millisecond have one time.
        assert ids(past, f"events at (timestamp => '{at}')") == "ab"
        assert ids(past, as_of=at) == "ab"
    assert ids(past, "events at (timestamp => now() + interval 1 hour)") == "abc"
    early = past.post("/v1/sql", {"query": "select 1 from events at (timestamp => date '2001-01-01')"})
    assert early.status == 404 and str(first) in early.json()["message"], early.body


def test_two_times_in_one_statement(past):
    (first, _), (second, _) = past.snapshots
    new = f"select event_id from events x at (version => {second}) where event_id not in (select event_id from events at (version => {first}))"
    assert past.rows(new) == [("c",)]
    assert past.rows(f"select count(*) from events a join events b at (version => {first}) using (event_id)") == [(2,)]


def test_a_receipt_holds_its_rows_wherever_they_are(past):
    for receipt, expected in zip(past.receipts, ("ab", "abc", "abcd")):
        assert ids(past, as_of=receipt) == expected
        assert ids(past, f"events at (version => '{receipt}')") == expected
    assert ids(past, as_of=past.cut) == "abc"
    before = past.query("select event_id from events order by 1", as_of=past.receipts[2])
    assert before["route"] == "hybrid" and before["metadata"]["as_of"] == {"end_offset": 4, "removed_since": []}
    past.settle()
    after = past.query("select event_id from events order by 1", as_of=past.receipts[2])
    assert after["data"] == before["data"] and after["route"] == "batch"
    past.kill()
    past.start()
    assert ids(past, as_of=past.receipts[1]) == "abc"


def test_the_past_in_the_words_of_other_engines(past):
    (first, _), (second, _) = past.snapshots
    assert ids(past, f"events for version as of {first}") == "ab"  # Trino.
    assert ids(past, f"events version as of {first} as x") == "ab"  # Spark.
    assert ids(past, "events for system_time as of now() + interval 1 hour") == "abc"  # SQL:2011.
    assert ids(past, "events timestamp as of timestamp '2999-01-01 00:00:00'") == "abc"
    assert ids(past, "events as of branch 'main'") == "abc"
    assert ids(past, f"events at (version => {first}) as x left join events at(version => {second}) y using (event_id)") == "ab"  # Snowflake.
    assert ids(past, f"events as of receipt '{past.receipts[2]}'") == "abcd"
    new = f"events x for version as of {second} where event_id not in (select event_id from events as of snapshot {first})"
    assert ids(past, new) == "c"
    gone = past.post("/v1/sql", {"query": "select 1 from events version as of 5"})
    assert gone.status == 404 and "no snapshot 5; it keeps 2, from " in gone.json()["message"]


def test_unknown_pasts_say_what_there_is(past):
    def refused(as_of):
        answer = past.post("/v1/sql", {"query": "select * from events", "as_of": as_of})
        return answer.status, answer.json()["message"]

    status, message = refused(5)
    assert status == 404 and "no snapshot 5; it keeps 2, from " in message and "main" in message
    assert refused("nowhere") == (404, refused("nowhere")[1]) and '"nowhere"' in refused("nowhere")[1]
    log, partition, *_ = past.receipts[0].rsplit(".", 3)
    assert refused(f"{log}.{partition}.90.99")[0] == 503
    assert refused(f"other.{partition}.0.1")[0] == 400
    assert refused({"what": 1})[0] == 400
    both = past.post("/v1/sql", {"query": "select 1", "as_of": 5, "route": "batch"})
    assert both.status == 400


def test_nothing_settled_has_no_past(server):
    send(server, "a")
    answer = server.post("/v1/sql", {"query": "select * from events at (version => 1)"})
    assert answer.status == 404 and "settle" in answer.json()["message"]
    assert server.rows("select count(*) from system.snapshots") == [(0,)]


def test_what_was_added_between_two_snapshots(past):
    (first, _), (second, _) = past.snapshots
    past.settle()
    assert ids(past, f"events_between({first}, {second})") == "c"
    assert ids(past, f"events_between({first}, 'main')") == "cd"
    assert ids(past, f"events_between({second}, {second})") == ""
    wrong = past.post("/v1/sql", {"query": f"select * from events_between({second}, {first})"})
    assert wrong.status == 400 and "ancestor" in wrong.json()["message"]
    assert past.post("/v1/sql", {"query": "select * from events_between(1)"}).status == 400
    assert past.post("/v1/sql", {"query": "select * from events_between()"}).status == 400


def test_the_command_takes_every_form(past):
    def sql(as_of):
        run = subprocess.run([BINARY, "sql", "--url", f"http://127.0.0.1:{past.port}", "-o", "csv", "--as-of", as_of, "select count(*) as n from events"],
                             capture_output=True, text=True)
        return run.returncode, run.stdout.split()

    assert sql(str(past.snapshots[0][0])) == (0, ["n", "2"])
    assert sql("main") == (0, ["n", "3"])
    assert sql(past.receipts[1]) == (0, ["n", "3"])
    assert sql(json.dumps(past.cut)) == (0, ["n", "3"])
    assert sql("nowhere") == (3, [])


def refused(server, statement, **options):
    answer = server.post("/v1/sql", {"query": statement, **options})
    assert answer.status >= 400, answer.body
    return answer.status, answer.json()["message"]


def loaded(server, name="default.events"):
    return load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg").load_table(name)


def commit(server, *updates, table="events"):
    answer = server.post(f"/iceberg/v1/namespaces/default/tables/{table}", {"updates": list(updates)})
    assert answer.status == 200, answer.body


def test_after_a_rollback_the_past_is_what_it_was_and_the_rest_goes_on(past):
    (first, _), (second, at) = past.snapshots
    commit(past, {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": first})
    # c was settled and is gone; d was hot and is not.
    assert ids(past) == "abd"
    send(past, "e")
    past.settle()
    assert ids(past) == "abde"
    third = past.scalar("select snapshot_id from system.snapshots where is_current")
    assert ids(past, f"events at (version => {second})") == "abc"
    # Main was at the first again: by its history, not by the order of snapshots.
    assert ids(past, "events at (version => 'main')") == "abde"
    assert past.rows(f"select is_current_ancestor from system.history where snapshot_id = {second}") == [(False,)]
    # The line of the head does not go through what was rolled back.
    assert ids(past, f"events_between({first}, {third})") == "de"
    status, message = refused(past, f"select * from events_between({second}, {third})")
    assert status == 400 and f"snapshot {second} is no ancestor of snapshot {third}" in message
    assert ids(past, f"events_between({first}, {second})") == "c"
    # A receipt is of the log: what was rolled back is missing, and the answer says so.
    answer = past.query("select event_id from events order by 1", as_of=past.receipts[1])
    assert [row["event_id"] for row in answer["data"]] == ["a", "b"] and answer["metadata"]["as_of"]["removed_since"]
    past.kill()
    past.start()
    assert ids(past) == "abde" and ids(past, f"events at (version => {second})") == "abc"
    assert at and past.verify()["ok"]


def test_expiry_by_another_engine_takes_the_past_and_nothing_else(past):
    past.settle()
    (first, at), (second, _), (third, _) = past.rows("select snapshot_id, committed_at from system.snapshots order by sequence_number")
    commit(past, {"action": "set-snapshot-ref", "ref-name": "kept", "type": "tag", "snapshot-id": first})
    commit(past, {"action": "remove-snapshots", "snapshot-ids": [second]})
    assert ids(past) == "abcd"
    assert ids(past, "events at (version => 'kept')") == "ab"
    status, message = refused(past, f"select * from events at (version => {second})")
    assert status == 404 and f"no snapshot {second}" in message and "kept" in message
    # The history before what is gone is gone: a time in it has no answer, and none is guessed.
    status, message = refused(past, f"select * from events at (timestamp => '{at}')")
    assert status == 404 and "no snapshot that was current" in message
    status, message = refused(past, f"select * from events_between({first}, {third})")
    assert status == 400 and f"snapshot {second}, which the line goes through, is not kept any more" in message
    for receipt, expected in zip(past.receipts, ("ab", "abc", "abcd")):
        assert ids(past, as_of=receipt) == expected
    past.kill()
    past.start()
    assert ids(past) == "abcd" and ids(past, as_of=past.cut) == "abc"
    send(past, "e")
    past.settle()
    assert ids(past, f"events_between({third}, 'main')") == "e"
    assert past.verify()["ok"]


def test_a_schema_that_changed_in_between(past):
    """Events have the columns of now at any time; a column that came later is null before."""
    (first, _), _ = past.snapshots
    with loaded(past).update_schema() as update:
        update.add_column("note", StringType())
    past.settle()
    assert past.rows(f"select event_id, note from events at (version => {first}) order by 1") == [("a", None), ("b", None)]
    assert past.rows(f"select event_id, note from events_between({first}, 'main') order by 1") == [("c", None), ("d", None)]
    assert past.rows("select count(*), count(note) from events", as_of=past.receipts[1]) == [(3, 0)]


def test_wrong_ends_are_told(past):
    (first, _), (second, _) = past.snapshots
    for statement, words in ((f"select * from events_between({second}, {first})", "the other way round"), ("select * from events_between('v1', 'main')", 'no branch or tag "v1"'),
                             (f"select * from events_between({first}, '2001-01-01')", "no snapshot that was current"), ("select * from events_between(1.5, 2)", "take snapshot ids"),
                             (f"select * from events_between({first})", "two snapshots")):
        assert words in refused(past, statement)[1], statement


@pytest.fixture
def plain(server):
    """A plain table of a line of three appends, an overwrite and an append after it."""
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    table = catalog.create_table("default.users", schema=pyarrow.schema([("id", pyarrow.int64()), ("name", pyarrow.string())]))
    for number in range(3):
        table.append(pyarrow.table({"id": [number], "name": [f"n{number}"]}))
    server.ids = [snapshot.snapshot_id for snapshot in table.snapshots()]
    server.table = table
    return server


def test_what_was_added_to_any_table_between_two_snapshots(plain):
    first, second, third = plain.ids
    between = "select id from rows_between('{}', {}, {}) order by id"
    assert plain.rows(between.format("iceberg.users", first, third)) == [(1,), (2,)]
    assert plain.rows(between.format('"default".users', first, "'main'")) == [(1,), (2,)]
    assert plain.rows(between.format("iceberg.users", third, third)) == []
    assert plain.rows(between.format("iceberg.users", "null", second)) == [(0,), (1,)]  # From the beginning.
    # Copy-on-write is no append: it brings nothing, and takes nothing back.
    plain.table.delete("id = 1")
    plain.table.append(pyarrow.table({"id": [3], "name": ["n3"]}))
    with plain.table.update_schema() as update:
        update.rename_column("name", "title")
        update.add_column("more", LongType())
    assert plain.rows("select id, title, more from rows_between('iceberg.users', %d, 'main') order by id" % first) == [(1, "n1", None), (2, "n2", None), (3, "n3", None)]
    assert plain.rows("select count(*) from rows_between('iceberg.users', %d, 'main') r join iceberg.users u using (id)" % first) == [(2,)]
    send(plain, "a")
    plain.settle()
    begin = plain.scalar("select snapshot_id from system.snapshots where table_name = 'events'")
    send(plain, "b")
    plain.settle()
    assert ids(plain, f"rows_between('events', {begin}, 'main')") == "b"
    assert ids(plain, "events_between(null, 'main')") == ids(plain, "rows_between('events', null, 'main')") == "ab"
    for arguments, words in ((f"'iceberg.nobody', {first}, {third}", 'no table "iceberg.nobody"'), (f"'users', {first}, {third}", "iceberg.users"), (f"'iceberg.users', {third}, {first}", "the other way round"),
                             (f"{first}, {third}", "a table's name"), ("'iceberg.users', 5, 6", "no snapshot 5"), ("'other.users', 1, 2", "no table"), (f"'iceberg.users', {first}, null", "first may be NULL")):
        assert words in refused(plain, f"select * from rows_between({arguments})")[1], arguments


def test_a_plain_table_at_a_branch_a_tag_and_a_time(plain):
    """At a tag, a time and an id it has the columns of then, on a branch those of now."""
    first, _, third = plain.ids
    plain.table.manage_snapshots().create_tag(first, "v1").create_branch(first, "audit").commit()
    with plain.table.update_schema() as update:
        update.add_column("more", LongType())
    columns = "select column_name from (describe iceberg.users at (version => {}))"
    assert plain.rows("select * from iceberg.users at (version => 'v1')") == plain.rows(f"select * from iceberg.users at (version => {first})") == [(0, "n0")]
    assert plain.rows("select * from iceberg.users at (version => 'audit')") == [(0, "n0", None)]
    at = plain.scalar(f"select made_current_at from system.history where snapshot_id = {third}")
    assert plain.rows(f"select count(*) from iceberg.users at (timestamp => '{at}')") == [(3,)]
    assert columns and plain.rows("select count(*) from iceberg.users at (version => 'main')") == [(3,)]
    commit(plain, {"action": "remove-snapshot-ref", "ref-name": "v1"}, table="users")
    status, message = refused(plain, "select * from iceberg.users at (version => 'v1')")
    assert status == 404 and 'no branch or tag "v1"' in message and "audit" in message
    receipt = send(plain, "a")
    status, message = refused(plain, f"select * from iceberg.users at (version => '{receipt}')")
    assert status == 400 and "a receipt names rows of events" in message


def test_a_past_of_events_is_not_taken_for_one_of_a_plain_table(plain):
    """Whoever asks for another time must not be given rows of now."""
    first, _, third = plain.ids
    send(plain, "a")
    plain.settle()
    now = plain.scalar("select max(made_current_at) from system.history where table_name = 'events'")
    answer = plain.post("/v1/sql", {"query": "select count(*) from iceberg.users", "as_of": now})
    assert answer.status == 400 and "iceberg.users AT" in answer.json()["message"], answer.body
    for statement in (f"select count(*) from iceberg.users at (version => {first})", "select count(*) from iceberg.users, events where id < 1", "select 1"):
        assert plain.rows(statement, as_of=now) == [(1,)], statement
