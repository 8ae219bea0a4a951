"""Tables of format v3: DuckDB makes one, deletes from it by deletion vectors, and what it then sees is what the server's SQL sees."""
import subprocess

import pytest

from services import installed
from services.test_engines import PACKAGES
from support.server import Tidemark

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


@pytest.fixture(scope="module")
def python():
    return installed.python("engines", PACKAGES)


def test_deletion_vectors_of_duckdb(tmp_path, python):
    with Tidemark(tmp_path / "data") as server:
        uri = f"http://127.0.0.1:{server.port}/iceberg"
        done = subprocess.run([python, "-c", SCRIPT, uri], capture_output=True, text=True, cwd=installed.ROOT / "tests", timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        theirs = [(int(line.split()[0]), line.split()[1]) for line in done.stdout.splitlines()]
        assert server.rows("select id, name from iceberg.three order by id") == theirs
