"""PyIceberg's own contract test of catalogs, unchanged from its source distribution, against ours."""
import os
import re
import subprocess

import pytest

from services import installed
from support.server import Tidemark

SECONDS_MAX = 300
PACKAGES = [f"pyiceberg[pyarrow,sql-sqlite]=={installed.PYICEBERG}", "pytest==8.4.2", "pytest-lazy-fixtures==1.4.1", "thrift==0.25.0",
            "fastavro==1.13.1", "requests-mock==1.12.1", "boto3", "moto==5.2.5"]


@pytest.fixture(scope="module")
def python():
    return installed.python(f"pyiceberg-{installed.PYICEBERG}", PACKAGES)


@pytest.fixture(scope="module")
def source():
    return installed.source_of("pyiceberg", installed.PYICEBERG)


def test_catalog_contract(tmp_path, python, source):
    with Tidemark(tmp_path / "data", "-X", f"catalog.locations={tmp_path}") as server:
        environment = {**os.environ, "PYICEBERG_TEST_CATALOG": "test", "PYICEBERG_CATALOG__TEST__TYPE": "rest",
                       "PYICEBERG_CATALOG__TEST__URI": f"http://127.0.0.1:{server.port}/iceberg"}
        done = subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/integration/test_catalog.py", "-k",
                               "rest_test_catalog", "-m", "integration"], cwd=source, env=environment, capture_output=True, text=True,
                              timeout=SECONDS_MAX)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    assert passed and int(passed[1]) >= 37, done.stdout[-1000:]
