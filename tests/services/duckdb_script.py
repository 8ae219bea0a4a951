"""Runs SQL scripts in one DuckDB, with the extensions of the environment: `duckdb_script.py FILE...`; see sql_script.py."""
import pathlib
import sys

from services import sql_script
from services.engines import connect_duckdb


def main():
    connection = connect_duckdb()
    for name in sys.argv[1:]:
        sql_script.run(pathlib.Path(name).read_text(), lambda sql: connection.execute(sql).fetchall())


if __name__ == "__main__":
    main()
