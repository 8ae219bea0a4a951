"""Promoted properties: registering a schema gives events typed columns, while they are sent and asked,
in every engine, and across a kill."""
import datetime
import json
import re
import subprocess
import threading

import pyarrow
import pyarrow.parquet as parquet
import pytest

from pyiceberg.catalog import load_catalog
from pyiceberg.table import StaticTable
from support import own_commits
from support.server import BINARY, Tidemark

AMOUNT = {"type": "integer", "x-tidemark-column": True}


def schema(**properties):
    return {"type": "object", "properties": properties}


def register(server, body, subject="order", query="?compatibility=NONE"):
    answer = server.post(f"/v1/schemas/{subject}{query}", json.dumps(body))
    return answer.status, answer.json()


def send(server, first, count, **more):
    lines = [json.dumps({"event_id": f"e{n}", "event_type": "order", "properties": {"amount": n, "plan": f"p{n % 3}", **more}}) for n in range(first, first + count)]
    answer = server.post("/v1/events", "\n".join(lines).encode(), {"Content-Type": "application/x-ndjson"})
    assert answer.status == 202, answer.body
    return answer


def tool(server, *arguments, stdin=""):
    return subprocess.run([str(BINARY), *arguments[:2], "--url", f"http://127.0.0.1:{server.port}", *arguments[2:]], input=stdin, capture_output=True, text=True)


def test_rows_after_the_promotion_have_the_column_and_other_engines_see_it(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        send(server, 0, 10)
        status, made = register(server, schema(amount=AMOUNT, plan={"type": "string", "x-tidemark-column": "plan_name"}))
        assert status == 201
        assert [(c["name"], c["property"], c["type"]) for c in made["columns"]] == [("amount", "amount", "long"), ("plan_name", "plan", "string")]
        send(server, 10, 10)
        rows = "select event_id, amount, plan_name from events order by log_offset"
        wanted = [(f"e{n}", n if n >= 10 else None, f"p{n % 3}" if n >= 10 else None) for n in range(20)]
        assert server.rows(rows) == wanted
        server.kill()
        server.start()
        assert server.rows(rows) == wanted
        server.settle()
        send(server, 20, 5)
        wanted += [(f"e{n}", n, f"p{n % 3}") for n in range(20, 25)]
        assert server.query(rows)["route"] == "hybrid"
        assert server.rows(rows) == wanted
        server.kill()
        server.start()
        server.settle()
        assert server.rows(rows) == wanted
        # The same in another engine, under the field ids that were told.
        table = StaticTable.from_metadata(server.events_metadata())
        assert {c["name"]: c["field_id"] for c in made["columns"]} == {name: table.schema().find_field(name).field_id for name in ("amount", "plan_name")}
        arrow = table.scan().to_arrow()
        assert sorted(zip(arrow["event_id"].to_pylist(), arrow["amount"].to_pylist(), arrow["plan_name"].to_pylist())) == sorted(wanted)
        assert server.verify()["ok"]
        # Registered again, nothing moves.
        status, again = register(server, schema(amount=AMOUNT, plan={"type": "string", "x-tidemark-column": "plan_name"}))
        assert (status, again["new"], again["columns"]) == (200, False, made["columns"])


def test_a_promotion_holds_before_any_event_and_after_a_kill(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        assert register(server, schema(amount=AMOUNT))[0] == 201
        server.kill()
        server.start()
        send(server, 0, 3)
        assert server.rows("select amount from events order by 1") == [(0,), (1,), (2,)]
        assert server.verify()["ok"]


def test_what_cannot_be_a_column_is_refused_and_nothing_registered(server):
    def refused(body, *words, query="?compatibility=NONE"):
        status, answer = register(server, body, query=query)
        assert status == 400, answer
        assert all(word in answer["message"] for word in words), answer
        assert answer["hint"]
        assert server.get("/v1/schemas/order").status == 404

    refused(schema(cart={"type": "object", "x-tidemark-column": True}), "cart", "type must be")
    refused(schema(user_id={"type": "string", "x-tidemark-column": True}), "user_id", "column of every event")
    refused(schema(a={"type": "string", "x-tidemark-column": "Event_ID"}), "Event_ID", "case")
    refused(schema(a={"type": "string", "x-tidemark-column": "userId"}), "another column")
    refused(schema(a={"type": "string", "x-tidemark-column": "kept"}), "kept")
    for name in ("_file", "_pos", "_partition", "_Row_Id", "_deleted", "_spec_id"):
        refused(schema(a={"type": "string", "x-tidemark-column": name}), name, "Iceberg keeps this name")
    refused(schema(a={"type": "string", "x-tidemark-column": "one two"}), "letters")
    refused(schema(a={"type": "string", "x-tidemark-column": 7}), "true, false or a name")
    refused(schema(a={"type": "string", "x-tidemark-column": "x"}, b={"type": "string", "x-tidemark-column": "X"}), "case")
    refused(schema(**{f"p{n}": {"type": "string", "x-tidemark-column": True} for n in range(101)}), "at most 100")
    refused(schema(a={"type": "string"}), "no such property", query="?promote=b")
    # A name that is there with another type or property.
    assert register(server, schema(amount=AMOUNT), subject="other")[0] == 201
    refused(schema(amount={"type": "number", "x-tidemark-column": True}), "amount", "another property or type")
    refused(schema(sum={"type": "integer", "x-tidemark-column": "AMOUNT"}), "AMOUNT")


def test_a_name_that_comes_again_is_another_column(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        first = register(server, schema(amount=AMOUNT))[1]["columns"][0]["field_id"]
        send(server, 0, 2)
        server.settle()
        send(server, 2, 2)
        assert server.rows("select amount from events order by log_offset") == [(0,), (1,), (2,), (3,)]
        done = tool(server, "table", "alter", "events", "--drop", "amount", "--yes")
        assert done.returncode == 0, done.stderr
        answer = server.post("/v1/sql", {"query": "select amount from events"})
        assert answer.status == 400
        send(server, 4, 2)
        second = register(server, schema(amount=AMOUNT))[1]["columns"][0]["field_id"]
        assert second > first
        send(server, 6, 2)
        wanted = [(None,)] * 6 + [(6,), (7,)]
        assert server.rows("select amount from events order by log_offset") == wanted
        server.kill()
        server.start()
        assert server.rows("select amount from events order by log_offset") == wanted
        server.settle()
        assert server.rows("select amount from events order by log_offset") == wanted
        assert server.verify()["ok"]


def test_wishes_promote_beside_the_schema_and_the_command_and_confluents_door(server):
    body = schema(amount={"type": "integer"}, plan={"type": "string"}, cart={"type": "object"}, userId={"type": "string"}, secret={"type": "string", "x-tidemark-column": False})
    done = tool(server, "schema", "register", "order", "-", "--promote", "plan", stdin=json.dumps(body))
    assert done.returncode == 0, done.stderr
    assert [c["name"] for c in json.loads(done.stdout)["columns"]] == ["plan"]
    assert [c["name"] for c in register(server, {"schema": body, "promote": True}, query="")[1]["columns"]] == ["amount", "plan"]
    assert [c["name"] for c in register(server, {"schema": body, "promote": ["amount"]}, query="")[1]["columns"]] == ["amount"]
    assert register(server, {"schema": body, "promote": 7}, query="")[0] == 400
    confluent = {"schemaType": "JSON", "schema": json.dumps(schema(rate={"type": "number", "x-tidemark-column": True}))}
    answer = server.post("/subjects/rates/versions", json.dumps(confluent))
    assert answer.status == 200, answer.body
    send(server, 0, 1, rate=0.5)
    assert server.rows("select amount, plan, rate from events") == [(0, "p0", 0.5)]
    # A proposal is made from what was sent, not from the copies.
    proposed = server.post("/v1/schemas/order/infer", "").json()["schema"]
    assert proposed["properties"]["amount"]["type"] == "integer"


def test_each_event_is_on_one_side_of_a_promotion_under_load(tmp_path):
    """What was acknowledged before the request lacks the column, what is sent after its answer has it, whatever dies."""
    with Tidemark(tmp_path / "data", "--flush-seconds", "1") as server:
        sent, stop = {}, threading.Event()  # First number of a batch: when it was sent and answered.
        failed = []

        def load():
            number = 0
            try:
                while not stop.is_set():
                    before = len(marks)
                    send(server, number, 20)
                    sent[number] = (before, len(marks))
                    number += 20
            except Exception as error:  # Shown by the test's own thread.
                failed.append(error)

        marks = []
        thread = threading.Thread(target=load)
        thread.start()
        for name in ("one", "two", "three"):
            marks.append(name + " asked")
            status, made = register(server, schema(amount={"type": "integer", "x-tidemark-column": name}), subject=name)
            assert status == 201, made
            marks.append(name + " answered")
            server.settle()
        stop.set()
        thread.join()
        assert not failed
        seen = None
        for restart in (False, True):
            if restart:
                server.kill()
                server.start()
            rows = server.rows("select amount_sent, one, two, three from (select *, (properties->>'amount')::int as amount_sent from events) order by amount_sent")
            assert seen is None or rows == seen
            seen = rows
        assert [row[0] for row in rows] == list(range(20 * len(sent)))
        for number, (before, after) in sent.items():
            for at, _ in enumerate(("one", "two", "three")):
                values = [row[1 + at] for row in rows[number:number + 20]]
                assert values in ([None] * 20, list(range(number, number + 20)))
                if after <= 2 * at:  # Answered before it was asked for.
                    assert values[0] is None
                if before >= 2 * at + 2:  # Sent after it was answered.
                    assert values[0] is not None
        assert server.verify()["ok"]


@pytest.mark.parametrize("step", ["manifests", "before_commit", "in_commit", "after_commit", "after_publish"])
def test_a_server_that_dies_in_a_promotion_has_it_or_not(tmp_path, step):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        send(server, 0, 3)
        server.kill()
        server.start("--crash-at", step)
        try:
            register(server, schema(amount=AMOUNT))
        except OSError:
            pass
        server.process.wait(timeout=60)
        server.start()
        status, made = register(server, schema(amount=AMOUNT))
        assert status in (200, 201), made
        send(server, 3, 3)
        server.settle()
        assert server.rows("select amount from events order by log_offset") == [(None,)] * 3 + [(3,), (4,), (5,)]
        assert server.verify()["ok"]


def test_a_backfill_gives_older_rows_the_column_in_one_commit(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        for first in (0, 10, 20):
            send(server, first, 10)
            if first < 20:
                server.settle()
        assert register(server, schema(amount=AMOUNT))[0] == 201
        send(server, 30, 5)
        rows = "select amount from events order by log_offset"
        assert server.rows(rows) == [(None,)] * 30 + [(n,) for n in range(30, 35)]
        snapshots = len(StaticTable.from_metadata(server.events_metadata()).snapshots())
        before = server.rows("select count(*), sum(length(properties)) from events")
        done = tool(server, "schema", "backfill")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"files": 3, "rows": 35, "files_left": 0}
        wanted = [(n,) for n in range(35)]
        assert server.rows(rows) == wanted
        assert server.rows("select count(*), sum(length(properties)) from events") == before
        table = StaticTable.from_metadata(server.events_metadata())
        assert sorted(table.scan().to_arrow()["amount"].to_pylist()) == list(range(35))
        added = table.snapshots()[snapshots:]
        assert [s.summary.operation.value for s in added] == ["append", "replace"]
        assert float(re.search(r"^tidemark_compactions (\S+)$", server.get("/metrics").body.decode(), re.M)[1]) == 1
        assert server.verify()["ok"]
        # The past is as it was.
        assert sorted(table.scan(snapshot_id=added[0].snapshot_id).to_arrow()["amount"].to_pylist(), key=str) == sorted([None] * 30 + list(range(30, 35)), key=str)
        # Nothing is left to do; what comes later has the column anyway.
        assert server.post("/v1/backfill", "").json() == {"files": 0, "rows": 0, "files_left": 0}
        send(server, 35, 2)
        server.kill()
        server.start()
        assert server.rows(rows) == wanted + [(35,), (36,)]
        server.settle()
        assert server.rows(rows) == wanted + [(35,), (36,)]
        # A later promotion is filled as well.
        assert register(server, schema(plan={"type": "string", "x-tidemark-column": True}), subject="plans")[0] == 201
        assert server.post("/v1/backfill", "").json()["files_left"] == 0
        assert server.rows("select amount, plan from events order by log_offset") == [(n, f"p{n % 3}") for n in range(37)]
        assert server.verify()["ok"]


def test_a_backfill_leaves_what_others_wrote_and_repeats_nothing(tmp_path):
    """Beside rows and files of another engine and files with deletes answers stay exact, and it says how many files it left."""
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        for first in (0, 10, 20):
            send(server, first, 10)
            server.settle()
        assert register(server, schema(amount=AMOUNT))[0] == 201
        catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
        table = catalog.load_table("default.events")
        # Rows that never were in the log, one row deleted by its place, one by rewriting its file.
        now = datetime.datetime.now(datetime.timezone.utc)
        table.append(pyarrow.Table.from_pylist([{"event_id": "theirs", "event_type": "order", "timestamp": now, "received_at": now, "project_id": "default", "amount": 77}],
                                               schema=table.schema().as_arrow()))
        table.refresh()
        ids = {task.file: parquet.read_table(task.file.file_path.removeprefix("file://")).column("event_id").to_pylist() for task in table.scan().plan_files()}
        [(file, inside)] = [(file, inside) for file, inside in ids.items() if "e13" in inside]
        deletes = own_commits.position_file(table, "by-place", file.file_path, [inside.index("e13")], [file.partition[0]])
        answer = own_commits.commit(server, table, [deletes])
        assert answer.status == 200, answer.body
        catalog.load_table("default.events").delete("event_id = 'e25'")
        rows = "select event_id, amount from events order by event_id"
        names = sorted(f"e{n}" for n in range(30) if n not in (13, 25))
        assert server.rows(rows) == [(name, None) for name in names] + [("theirs", 77)]
        assert server.post("/v1/backfill", "").json() == {"files": 1, "rows": 10, "files_left": 2}
        wanted = [(name, int(name[1:]) if int(name[1:]) < 10 else None) for name in names] + [("theirs", 77)]
        assert server.rows(rows) == wanted
        assert sorted(catalog.load_table("default.events").scan().to_arrow().select(["event_id", "amount"]).to_pylist(), key=lambda one: one["event_id"]) == \
            [{"event_id": name, "amount": amount} for name, amount in wanted]
        assert server.verify()["ok"]
        # Again: nothing is left to do, and no commit is made.
        metadata = server.events_metadata()
        for _ in range(2):
            assert server.post("/v1/backfill", "").json() == {"files": 0, "rows": 0, "files_left": 2}
            server.kill()
            server.start()
        assert server.events_metadata() == metadata
        # What came meanwhile has the column by its record; only a later promotion writes the file once more.
        send(server, 30, 5)
        server.settle()
        assert server.post("/v1/backfill", "").json() == {"files": 0, "rows": 0, "files_left": 2}
        assert register(server, schema(plan={"type": "string", "x-tidemark-column": True}), subject="plans")[0] == 201
        assert server.post("/v1/backfill", "").json() == {"files": 2, "rows": 15, "files_left": 2}
        assert server.post("/v1/backfill", "").json() == {"files": 0, "rows": 0, "files_left": 2}
        filled = "select event_id, amount, plan from events where amount is not null and amount < 77 order by amount"
        assert server.rows(filled) == [(f"e{n}", n, f"p{n % 3}") for n in [*range(10), *range(30, 35)]]
        assert server.scalar("select count(*) from events where plan is null") == 19
        assert server.verify()["ok"]


@pytest.mark.parametrize("step", ["data_files", "manifests", "before_commit", "in_commit", "after_commit", "after_publish"])
def test_a_server_that_dies_in_a_backfill_has_done_it_or_nothing(tmp_path, step):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        send(server, 0, 5)
        server.settle()
        send(server, 5, 5)
        server.settle()
        assert register(server, schema(amount=AMOUNT))[0] == 201
        server.kill()
        server.start("--crash-at", step)
        try:
            server.post("/v1/backfill", "")
        except OSError:
            pass
        server.process.wait(timeout=60)
        server.start()
        rows = "select amount from events order by log_offset"
        assert server.rows(rows) in ([(None,)] * 10, [(n,) for n in range(10)])
        assert server.post("/v1/backfill", "").json()["files_left"] == 0
        assert server.rows(rows) == [(n,) for n in range(10)]
        assert server.verify()["ok"]


def test_events_go_on_while_a_backfill_runs(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        send(server, 0, 4)
        server.settle()
        assert register(server, schema(amount=AMOUNT))[0] == 201
        send(server, 4, 4)

        def load():
            number = 8
            for _ in range(20):
                send(server, number, 10)
                number += 10

        thread = threading.Thread(target=load)
        thread.start()
        report = server.post("/v1/backfill", "").json()
        thread.join()
        assert report["files_left"] == 0 and report["files"] >= 1
        assert server.rows("select amount from events order by log_offset") == [(n,) for n in range(208)]
        assert server.verify()["ok"]
