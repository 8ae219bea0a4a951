"""Questions over a plain table that another engine filled: ours, DuckDB on the same files, DuckDB's Iceberg extension.

The table is like one of page hits: ten million wide rows, made by a fixed formula and imported with PyIceberg through the
REST catalog. The 43 questions are of the kind of the public ClickBench set: counts, sums, distinct users, top lists by
text, number and time, LIKE, wide filters, sorted heads, regular expressions.

    plain_table.py URI      as a program of its own, in the environment of the outside engines: answers the statements of its
                            standard input through DuckDB's extension, a line of JSON each
"""
import datetime
import json
import pathlib
import sys
import time

ROWS_OF_FILE = 1_000_000
TABLE = "default.hits"

# Column: expression over i, the row's number, and h, a hash. Users, pages and phrases are skewed, most phrases empty.
COLUMNS = {
    "hit_id": "h(i)",
    "hit_time": "timestamp '2026-03-01 00:00:00' + to_seconds((i * 0.2592)::bigint + h(i * 3) % 900)",
    "hit_date": "(timestamp '2026-03-01 00:00:00' + to_seconds((i * 0.2592)::bigint + h(i * 3) % 900))::date",
    "counter_id": "(h(i * 5) % 100 * (h(i * 7) % 100) / 2)::int",
    "user_id": "h((h(i * 11) % 1000 * (h(i * 149) % 1000)))",
    "region_id": "((h(i * 13) % 70) ** 2)::int",
    "url": "'https://shop' || (h(i * 17) % 40) || '.example/' || ['goods', 'news', 'search', 'cart', 'google'][1 + h(i * 19) % 5] "
           "|| '/' || (h(i * 23) % 700 * (h(i * 29) % 700))",
    "referrer": "case when h(i * 31) % 5 < 2 then '' else 'https://www.site' || (h(i * 37) % 3000) || '.example/p/' || (h(i * 41) % 90) end",
    "title": "case when h(i * 43) % 9 = 0 then 'Google ' else 'Page ' end || (h(i * 47) % 60000)",
    "search_phrase": "case when h(i * 53) % 8 > 0 then '' else 'buy ' || ['red', 'blue', 'old', 'new'][1 + h(i * 59) % 4] || ' thing ' "
                     "|| (h(i * 61) % 400 * (h(i * 67) % 400)) end",
    "search_engine_id": "case when h(i * 53) % 8 > 0 then 0 else 1 + h(i * 71) % 30 end::int",
    "adv_engine_id": "case when h(i * 73) % 40 > 0 then 0 else 1 + h(i * 79) % 18 end::int",
    "screen_width": "[1024, 1280, 1366, 1440, 1600, 1920, 2560][1 + h(i * 83) % 7]::int",
    "client_ip": "(h(h(i * 89) % 900000) % 2147483647)::int",
    "phone_model": "case when h(i * 97) % 12 > 0 then '' else 'model ' || (h(i * 101) % 160) end",
    "phone_maker_id": "case when h(i * 97) % 12 > 0 then 0 else 1 + h(i * 103) % 60 end::int",
    "traffic_source_id": "(h(i * 107) % 10 - 1)::int",
    "is_refresh": "(h(i * 109) % 7 = 0)",
    "is_link": "(h(i * 113) % 30 = 0)",
    "is_download": "(h(i * 127) % 90 = 0)",
    "dont_count": "(h(i * 131) % 25 = 0)",
    "window_width": "(h(i * 137) % 1900)::int",
    "window_height": "(h(i * 139) % 1000)::int",
    "url_hash": "h(h(i * 17) % 40 * 1000 + h(i * 23) % 700)",
    "referrer_hash": "h(h(i * 37) % 3000)",
}

MONTH = "hit_date >= date '2026-03-01' and hit_date <= date '2026-03-31'"
COUNTED = f"counter_id = 0 and {MONTH} and not is_refresh and not dont_count"
# One user, and pages of one counter: the shapes of a dashboard's filters.
QUESTIONS = [
    "select count(*) from t",
    "select count(*) from t where adv_engine_id <> 0",
    "select sum(adv_engine_id), count(*), avg(screen_width) from t",
    "select avg(user_id) from t",
    "select count(distinct user_id) from t",
    "select count(distinct search_phrase) from t",
    "select min(hit_date), max(hit_date) from t",
    "select adv_engine_id, count(*) from t where adv_engine_id <> 0 group by 1 order by 2 desc, 1",
    "select region_id, count(distinct user_id) as u from t group by 1 order by u desc, 1 limit 10",
    "select region_id, sum(adv_engine_id), count(*) as c, avg(screen_width), count(distinct user_id) from t group by 1 order by c desc, 1 limit 10",
    "select phone_model, count(distinct user_id) as u from t where phone_model <> '' group by 1 order by u desc, 1 limit 10",
    "select phone_maker_id, phone_model, count(distinct user_id) as u from t where phone_model <> '' group by 1, 2 order by u desc, 1, 2 limit 10",
    "select search_phrase, count(*) as c from t where search_phrase <> '' group by 1 order by c desc, 1 limit 10",
    "select search_phrase, count(distinct user_id) as u from t where search_phrase <> '' group by 1 order by u desc, 1 limit 10",
    "select search_engine_id, search_phrase, count(*) as c from t where search_phrase <> '' group by 1, 2 order by c desc, 1, 2 limit 10",
    "select user_id, count(*) as c from t group by 1 order by c desc, 1 limit 10",
    "select user_id, search_phrase, count(*) as c from t group by 1, 2 order by c desc, 1, 2 limit 10",
    "select user_id, search_phrase, count(*) as c from t where user_id % 7 = 3 group by 1, 2 order by 1, 2 limit 10",
    "select user_id, extract(minute from hit_time) as m, search_phrase, count(*) as c from t group by 1, 2, 3 order by c desc, 1, 2, 3 limit 10",
    "select count(*) from t where user_id = 5666256228117151004",
    "select count(*) from t where url like '%google%'",
    "select search_phrase, min(url), count(*) as c from t where url like '%google%' and search_phrase <> '' group by 1 order by c desc, 1 limit 10",
    "select search_phrase, min(url), min(title), count(*) as c, count(distinct user_id) from t where title like '%Google%' "
    "and url not like '%.google.%' and search_phrase <> '' group by 1 order by c desc, 1 limit 10",
    "select * from t where url like '%google%' order by hit_time, hit_id limit 10",
    "select search_phrase from t where search_phrase <> '' order by hit_time, hit_id limit 10",
    "select search_phrase from t where search_phrase <> '' order by search_phrase limit 10",
    "select search_phrase from t where search_phrase <> '' order by hit_time, search_phrase limit 10",
    "select counter_id, avg(length(url)) as l, count(*) as c from t where url <> '' group by 1 having count(*) > 10000 order by l desc, 1 limit 25",
    "select regexp_replace(referrer, '^https?://(?:www\\.)?([^/]+)/.*$', '\\1') as k, avg(length(referrer)) as l, count(*) as c, min(referrer) "
    "from t where referrer <> '' group by 1 having count(*) > 1000 order by l desc, 1 limit 25",
    "select " + ", ".join(f"sum(screen_width + {n})" for n in range(90)) + " from t",
    "select search_engine_id, client_ip, count(*) as c, sum(is_refresh::int), avg(screen_width) from t where search_phrase <> '' "
    "group by 1, 2 order by c desc, 1, 2 limit 10",
    "select hit_id, client_ip, count(*) as c, sum(is_refresh::int), avg(screen_width) from t where search_phrase <> '' group by 1, 2 order by c desc, 1, 2 limit 10",
    "select hit_id, client_ip, count(*) as c, sum(is_refresh::int), avg(screen_width) from t group by 1, 2 order by c desc, 1, 2 limit 10",
    "select url, count(*) as c from t group by 1 order by c desc, 1 limit 10",
    "select 1, url, count(*) as c from t group by 1, 2 order by c desc, 2 limit 10",
    "select client_ip, client_ip - 1, client_ip - 2, client_ip - 3, count(*) as c from t group by 1, 2, 3, 4 order by c desc, 1 limit 10",
    f"select url, count(*) as c from t where {COUNTED} and url <> '' group by 1 order by c desc, 1 limit 10",
    f"select title, count(*) as c from t where {COUNTED} and title <> '' group by 1 order by c desc, 1 limit 10",
    f"select url, count(*) as c from t where {COUNTED} and is_link and not is_download group by 1 order by c desc, 1 limit 10 offset 100",
    "select traffic_source_id, search_engine_id, adv_engine_id, case when search_engine_id = 0 and adv_engine_id = 0 then referrer else '' end as src, "
    f"url as dst, count(*) as c from t where {COUNTED} group by 1, 2, 3, 4, 5 order by c desc, 1, 2, 3, 4, 5 limit 10 offset 100",
    f"select url_hash, hit_date, count(*) as c from t where {COUNTED} and traffic_source_id in (-1, 6) group by 1, 2 order by c desc, 1, 2 limit 10",
    f"select window_width, window_height, count(*) as c from t where {COUNTED} and url_hash % 3 = 1 group by 1, 2 order by c desc, 1, 2 limit 10 offset 1000",
    f"select date_trunc('minute', hit_time) as m, count(*) as c from t where counter_id = 0 and hit_date >= date '2026-03-14' and hit_date <= date '2026-03-15' "
    "and not is_refresh and not dont_count group by 1 order by 1 limit 10 offset 100",
]



def fill(uri, rows):
    """Makes the table; its files."""
    import duckdb
    from pyiceberg.catalog import load_catalog

    catalog = load_catalog("tidemark", type="rest", uri=uri)
    catalog.create_namespace_if_not_exists(TABLE.split(".")[0])
    connection = duckdb.connect()
    connection.execute("create macro h(x) as (hash(x) >> 1)::bigint")
    columns = ", ".join(f"({expression}) as {name}" for name, expression in COLUMNS.items())
    table = None
    for begin in range(0, rows, ROWS_OF_FILE):
        end = min(rows, begin + ROWS_OF_FILE)
        part = connection.execute(f"select {columns} from range({begin}, {end}) r(i)").to_arrow_table()
        if table is None:
            table = catalog.create_table(TABLE, schema=part.schema)
        table.append(part)
    return [row["file_path"].removeprefix("file://") for row in table.refresh().inspect.files().to_pylist()]


def rounded(rows):
    """Comparable over JSON and over programs: times as text, doubles to nine digits, whole ones as whole numbers."""
    def value(one):
        if isinstance(one, float):
            return float(f"{one:.9g}")
        return one if isinstance(one, (int, str, bool, type(None))) else str(one)
    return [[value(one) for one in row] for row in rows]


def typed(answer):
    """Rows of an answer in JSON, as a client of the engine has them."""
    def value(one, kind):
        if one is None:
            return None
        if kind == "DOUBLE":
            return float(one)
        return datetime.datetime.fromisoformat(one.removesuffix("Z")) if kind.startswith("TIMESTAMP") else one
    kinds = [column["type"] for column in answer["columns"]]
    return [[value(one, kind) for one, kind in zip(row.values(), kinds, strict=True)] for row in answer["data"]]


class Extension:
    """DuckDB with its Iceberg extension, in its own process and environment."""

    def __init__(self, python, uri):
        import subprocess

        self.process = subprocess.Popen([python, __file__, uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, statement):
        self.process.stdin.write(json.dumps(statement) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the extension's process ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{statement}: {answer['error']}"
        return answer["rows"], answer["ms"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def answer_lines(uri):
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute("set timezone = 'UTC'")
    for name in ("avro", "httpfs", "iceberg"):
        folder = pathlib.Path(__import__(f"duckdb_extension_{name}").__file__).parent
        connection.execute(f"LOAD '{next(folder.rglob('*.duckdb_extension'))}'")
    connection.execute(f"ATTACH 'tidemark' AS ice (TYPE iceberg, ENDPOINT '{uri}', AUTHORIZATION_TYPE 'none')")
    connection.execute('create temp view t as from ice."default".hits')
    for line in sys.stdin:
        begin = time.perf_counter()
        try:
            rows = connection.execute(json.loads(line)).fetchall()
            answer = {"ms": (time.perf_counter() - begin) * 1e3, "rows": rounded(rows)}
        except duckdb.Error as wrong:
            answer = {"error": str(wrong)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    answer_lines(sys.argv[1])
