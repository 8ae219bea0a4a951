"""Tables of format v3: DuckDB makes one, deletes from it by deletion vectors, and what it then sees is what the server's SQL sees."""
import json
import subprocess

import pytest

from services import installed
from services.test_engines import PACKAGES
from support.server import BINARY, Tidemark

SCRIPT = '''
import sys
from services.engines import DuckDb
duck = DuckDb(sys.argv[1])
table = 'ice."default".three'
duck.sql(f"CREATE TABLE {table} (id BIGINT, name VARCHAR) WITH ('format-version' = '3')")
duck.sql(f"INSERT INTO {table} SELECT i, 'n' || i FROM range(20000) t(i)")
duck.sql(f"INSERT INTO {table} SELECT i, 'n' || i FROM range(20000, 30000) t(i)")
duck.sql(f"DELETE FROM {table} WHERE id % 7 = 0")
duck.sql(f"DELETE FROM {table} WHERE id BETWEEN 9000 AND 15000")
duck.sql(f"UPDATE {table} SET name = 'changed' WHERE id < 10")
for row in duck.sql(f"SELECT id, name FROM {table} ORDER BY id"):
    print(*row)
'''

PLANNED = '''
import sys
from pyiceberg.catalog import load_catalog
from pyiceberg.table import DataScan
DataScan._plan_files_local = None  # The server's plan or none.
table = load_catalog("tidemark", type="rest", uri=sys.argv[1], **{"scan-planning-mode": "server"}).load_table("default.three")
ids = table.scan().to_arrow()["id"].to_pylist()
print(len(ids), sum(ids))
'''


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


def tidemark(server, action, table="default.events", code=0):
    done = subprocess.run([BINARY, "iceberg", action, table, "--json", "--url", f"http://127.0.0.1:{server.port}"], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_deletion_vectors_of_duckdb(tmp_path, python):
    with Tidemark(tmp_path / "data") as server:
        uri = f"http://127.0.0.1:{server.port}/iceberg"
        done = subprocess.run([python, "-c", SCRIPT, uri], capture_output=True, text=True, cwd=installed.ROOT / "tests", timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        theirs = [(int(line.split()[0]), line.split()[1]) for line in done.stdout.splitlines()]
        assert server.rows("select id, name from iceberg.three order by id") == theirs
        proof = tidemark(server, "verify", "default.three")
        assert proof["rows"] == len(theirs) and proof["deleted-rows"] > 9000, proof
        # As planned by the server: each file with the vector that is its own.
        plan = server.post("/iceberg/v1/namespaces/default/tables/three/plan", {}).json()
        deletes = plan["delete-files"]
        assert {one["file-format"] for one in deletes} == {"puffin"}
        kept = 0
        for task in plan["file-scan-tasks"]:
            kept += task["data-file"]["record-count"]
            for place in task.get("delete-file-references", []):
                vector = deletes[place]
                assert vector["referenced-data-file"] == task["data-file"]["file-path"] and vector["content-size-in-bytes"] > 0, vector
                kept -= vector["record-count"]
        assert kept == len(theirs)
        assert all("first-row-id" in task["data-file"] for task in plan["file-scan-tasks"]), plan
        planned = subprocess.run([python, "-c", PLANNED, uri], capture_output=True, text=True, timeout=300)
        assert planned.returncode == 0, planned.stderr[-3000:]
        assert planned.stdout.split() == [str(len(theirs)), str(sum(row[0] for row in theirs))]
        # A vector that is damaged is an error that names its file, never other rows.
        server.kill()
        for path in (tmp_path / "data").rglob("*.puffin"):
            content = bytearray(path.read_bytes())
            content[20] ^= 1
            path.write_bytes(content)
        server.start()
        answer = server.post("/v1/sql", {"query": "select count(*) from iceberg.three"})
        assert answer.status == 500 and ".puffin" in answer.json()["message"], answer.body
        damaged = tidemark(server, "fsck", "default.three", code=8)
        assert {problem["rule"] for problem in damaged["problems"] if problem["level"] == "error"} == {"corrupt"}, damaged


EVENTS = '''
import sys
from services.engines import DuckDb
duck = DuckDb(sys.argv[1])
events = 'ice."default".events'
duck.sql(f"DELETE FROM {events} WHERE event_type = 'view'")
duck.sql(f"DELETE FROM {events} WHERE event_id IN ('e1', 'e5')")
print(duck.sql(f"SELECT count(*), count(DISTINCT event_id) FROM {events}")[0][0])
'''


def commit(server, *updates):
    answer = server.post("/iceberg/v1/namespaces/default/tables/events", {"requirements": [], "updates": list(updates)})
    return answer.status, answer.body.decode()


def test_events_in_version_3(tmp_path, python):
    upgrade = {"action": "upgrade-format-version", "format-version": 3}
    with Tidemark(tmp_path / "data") as server:
        def send(first, count):
            assert server.post("/v1/events", [{"event_id": f"e{n}", "event_type": "view" if n % 3 == 0 else "click"} for n in range(first, first + count)]).status == 202
            server.settle()

        send(0, 30)
        status, message = commit(server, upgrade)
        assert status == 400 and "tidemark.format-upgrade" in message
        allow = {"tidemark.format-upgrade": "allow", "write.delete.mode": "merge-on-read"}
        assert commit(server, {"action": "set-properties", "updates": allow}, )[0] == 200
        assert commit(server, upgrade)[0] == 200
        send(30, 30)
        found = tidemark(server, "fsck")
        assert found["format-version"] == 3 and found["records"] == 60 and not found["problems"], found
        done = subprocess.run([python, "-c", EVENTS, f"http://127.0.0.1:{server.port}/iceberg"], capture_output=True, text=True, cwd=installed.ROOT / "tests", timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.split() == ["38"]
        send(60, 30)
        expected = [(f"e{n}",) for n in range(90) if n >= 60 or (n % 3 != 0 and n not in (1, 5))]
        assert server.rows("select event_id from events order by cast(substr(event_id, 2) as int)") == expected
        assert server.verify()["ok"]
        found = tidemark(server, "fsck")
        assert found["deletion-vectors"] > 0 and found["delete-files"] == found["deletion-vectors"] and not found["errors"], found
        proof = tidemark(server, "verify")
        assert proof["rows"] == len(expected) and proof["deleted-rows"] == 22, proof
        server.kill()
        server.start()
        assert server.rows("select event_id from events order by cast(substr(event_id, 2) as int)") == expected
        metadata = server.get("/iceberg/v1/namespaces/default/tables/events").json()["metadata"]
        flushes = [snapshot for snapshot in metadata["snapshots"] if "first-row-id" in snapshot]
        assert metadata["next-row-id"] == 90 and sum(snapshot["added-rows"] for snapshot in flushes) == 90
