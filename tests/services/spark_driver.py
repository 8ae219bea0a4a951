"""Spark in a process: `spark_driver.py CONF ADDRESS KEY JARS FOLDER`, then a statement a line as JSON, its rows or error as JSON.

CONF is a spark-defaults.conf; its example address and key are replaced (an empty KEY: left out), and what it would download is in JARS.
Runs in the environment that installed.spark makes. A statement that lost a race against the server's own commits is tried
again, as a user would.
"""
import json
import pathlib
import sys

EXAMPLE = "127.0.0.1:8080"
TRIES = 20
# Spark's and Iceberg's own words for: somebody else committed first.
LOST = ("CommitFailedException", "ValidationException: Found", "ValidationException: Missing", "Cannot commit, found")


def session(conf, address, key, jars, folder):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.jars", ",".join(map(str, sorted(pathlib.Path(jars).glob("*.jar")))))
    for line in pathlib.Path(conf).read_text().splitlines():
        name, value = line.split(None, 1)
        if name == "spark.jars.packages" or not key and name.endswith((".credential", ".oauth2-server-uri")):
            continue
        builder = builder.config(name, value.strip().replace(EXAMPLE, address).replace("tm_...", key))
    for name, value in {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
                        "spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2", "spark.sql.warehouse.dir": folder,
                        "spark.log.level": "ERROR"}.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def answer(spark, request):
    if "conf" in request:
        for name, value in request["conf"].items():
            spark.conf.set(name, value)
        return []
    for left in reversed(range(request.get("tries", TRIES))):
        try:
            return [list(row) for row in spark.sql(request["sql"]).collect()]
        except Exception as error:
            if left == 0 or not any(words in str(error) for words in LOST):
                raise


def main():
    spark = session(*sys.argv[1:])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        try:
            said = {"rows": answer(spark, json.loads(line))}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {str(error)[:3000]}"}
        print(json.dumps(said, default=str), flush=True)


if __name__ == "__main__":
    main()
