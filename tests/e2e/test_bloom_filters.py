"""Data files have Bloom filters of users, ids and other texts of many values: another engine finds them and leaves files out by them."""
import re

import duckdb
import pytest

from support.server import Tidemark

USERS, EVENTS = 900, 3_000


@pytest.fixture(scope="module")
def data_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bloom") / "data"
    with Tidemark(folder) as server:
        server.post("/v1/events", [{"event_id": f"evt-{n}", "event_type": "page_view", "user_id": f"user_{n % USERS}", "country": ("DE", "FR")[n % 2],
                                    "properties": {"order": f"order-{n}", "text": "x" * (n % 7)}} for n in range(EVENTS)])
        server.settle()
        assert server.scalar("select count(*) from events where event_id = 'evt-2999'") == 1
        assert server.scalar("select count(*) from events where user_id = 'user_7'") == 4
        assert server.scalar("select count(*) from events where user_id = 'user_9999'") == 0
        yield str(max(folder.glob("lake/**/*.parquet"), key=lambda path: path.stat().st_size))


def test_texts_of_many_values_have_filters_and_others_do_not(data_file):
    filters = dict(duckdb.execute("select path_in_schema, bloom_filter_length from parquet_metadata(?)", [data_file]).fetchall())
    for column, values in (("event_id", EVENTS), ("user_id", USERS)):
        assert values * 10 / 8 <= filters[column] <= values * 10 / 8 + 64, column
    for column in ("event_type", "country", "properties", "timestamp", "log_offset"):
        assert filters[column] is None, column


def test_filters_leave_out_what_is_not_there_and_nothing_else(data_file):
    def left_out(column, value):
        [[excluded]] = duckdb.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)", [data_file, column, value]).fetchall()
        return excluded

    for column, name, there in (("user_id", "user_{}", USERS), ("event_id", "evt-{}", EVENTS)):
        assert not any(left_out(column, name.format(n)) for n in range(0, there, 13)), column
        absent = [left_out(column, name.format(n)) for n in range(10_000, 10_400)]
        # One in a hundred may be taken for one that is there.
        assert absent.count(False) <= 20, column


def test_files_without_the_text_are_not_read(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        for part in range(4):
            server.post("/v1/events", [{"event_id": f"evt-{n}", "event_type": "page_view", "user_id": f"user_{n * 7919 % 1000}"} for n in range(part, 800, 4)])
            server.settle()

        def pruned():
            return int(re.search(r'^tidemark_query_files_total\{outcome="pruned"\} (\d+)$', server.get("/metrics").body.decode(), re.M).group(1))

        def pruned_by(statement):
            before = pruned()
            return server.rows(statement), pruned() - before

        # Every file has ids on both sides of it.
        for n in (3, 402, 797):
            for again in range(2):
                rows, count = pruned_by(f"select user_id from events where event_id = 'evt-{n}'")
                assert rows == [(f"user_{n * 7919 % 1000}",)]
                assert count >= 2, (n, again)
        rows, count = pruned_by("select count(*) from events where event_id in ('evt-9', 'evt-13', 'evt-9999') and user_id is not null")
        assert rows == [(2,)] and count >= 2
        # A list so long that some of it would be taken for there anyway.
        many = ", ".join(f"'evt-{n}'" for n in range(9, 5_000, 4))
        rows, count = pruned_by(f"select count(*) from events where event_id in ({many})")
        assert rows == [(198,)]
        rows, count = pruned_by("select count(*) from events where event_id = 'evt-9' or event_type = 'page_view'")
        assert rows == [(800,)] and count == 0
        rows, count = pruned_by("select count(*) from events where event_id <> 'evt-9'")
        assert rows == [(799,)] and count == 0
