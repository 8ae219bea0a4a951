"""The pages of docs/engines show what the tests run: configuration and scripts, to the letter."""
import pathlib
import re

import pytest

from services import installed, sql_script
from services.outside import HERE
from services.test_engines import PACKAGES

PAGES = pathlib.Path(__file__).resolve().parents[2] / "docs/engines"


@pytest.mark.parametrize("engine", ["duckdb", "polars", "pyiceberg", "spark", "trino"])
def test_the_page_shows_what_is_run(engine):
    page = (PAGES / f"{engine}.md").read_text()
    for path in sorted((HERE / engine).iterdir()):
        assert f"\n{path.read_text().rstrip()}\n```" in page, f"{path.name} is not what docs/engines/{engine}.md shows"


def test_pages_name_the_versions_that_are_tested():
    duckdb, polars, pyiceberg, spark, trino = ((PAGES / f"{name}.md").read_text() for name in ("duckdb", "polars", "pyiceberg", "spark", "trino"))
    pinned = dict(re.sub(r"\[.*\]", "", package).split("==") for package in PACKAGES)
    assert f"DuckDB {pinned['duckdb']} " in duckdb and f"Polars {pinned['polars']} " in polars
    assert f"pyiceberg[pyarrow]=={installed.PYICEBERG}" in pyiceberg and f"pyiceberg[pyarrow,pyiceberg-core]=={installed.PYICEBERG}" in polars
    assert f"Spark {installed.SPARK} " in spark and f"pyspark=={installed.SPARK}" in spark and f"_2.13:{installed.SPARK_ICEBERG}\n" in spark
    assert f"Trino {installed.TRINO}," in trino


def test_scripts_are_read_by_statement():
    script = "-- one:\nSELECT 1;  -- A number.\nSELECT :one,\n  'x;y', a::int;\n-- 1 x\n-- null y\n"
    first, second = sql_script.parse(script)
    assert (first.text, first.name, first.rows) == ("SELECT 1", "one", [])
    assert (second.text, second.rows) == ("SELECT :one,\n  'x;y', a::int", [("1", "x"), ("null", "y")])
    asked = []
    sql_script.run(script, lambda sql: asked.append(sql) or ([(5,)] if len(asked) == 1 else [(1, "x"), (None, "y")]))
    assert asked[1] == "SELECT 5,\n  'x;y', a::int"
    with pytest.raises(AssertionError, match="returned"):
        sql_script.run("SELECT 1;\n-- 2\n", lambda sql: [(1,)])
