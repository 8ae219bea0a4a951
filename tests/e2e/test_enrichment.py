"""What is found out about an event at the door is stored with its row, is there after kill -9 and in the lake although the
sources are gone, and never holds ingest up."""
import json
import re
import sqlite3
import time

import pytest

from support.server import Tidemark

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/104.0.0.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE = {"Origin": "https://shop.example", "User-Agent": CHROME}
DEADLINE_SECONDS = 20
COLUMNS = "browser, os, device_type, utm_source, ip, country, user_tier"


def metric(server, name):
    [value] = re.findall(rf"^{re.escape(name)} (\d+)$", server.get("/metrics").body.decode(), re.M)
    return int(value)


def send(server, event, headers=None):
    answer = server.post("/v1/events", event, {"X-Tidemark-Project": "default", **(headers or {})})
    assert answer.status == 202, answer.body


def row(server, event_id, columns=COLUMNS):
    [found] = server.rows(f"select {columns} from events where event_id = '{event_id}'")
    return found


def test_a_row_keeps_what_was_found_when_it_came(tmp_path):
    users = tmp_path / "users.db"
    database = sqlite3.connect(users)
    database.executescript("create table users(user_id text primary key, tier text, is_active integer);"
                           "insert into users values('ann','gold',1);")
    options = ("-X", f"enrich.lookup_file={users}", "-X", "enrich.country_header=CF-IPCountry",
               "-X", "http.trusted_proxies=127.0.0.1")
    with Tidemark(tmp_path / "data", *options) as server:
        event = {"event_type": "page_view", "user_id": "ann", "page_url": "https://shop.example/?utm_source=news+letter"}
        # From the page itself, through the trusted proxy: agent, address and country are the user's.
        key = server.post("/v1/keys", {"scopes": "ingest"}).json()["key"]
        through = {**PAGE, "X-API-Key": key, "X-Forwarded-For": "203.0.113.77", "CF-IPCountry": "DE"}
        until = time.monotonic() + DEADLINE_SECONDS
        send(server, {**event, "event_id": "first"}, through)
        assert row(server, "first")[-1] == "unknown"  # Nobody waited for the table.
        for attempt in range(1_000_000):
            send(server, {**event, "event_id": f"page{attempt}"}, through)
            if row(server, f"page{attempt}")[-1] != "unknown":
                break
            assert time.monotonic() < until
        page = ("Chrome", "Windows", "desktop", "news letter", "203.0.113.0", "DE", "gold")
        assert row(server, f"page{attempt}") == page
        # From a server: only what the event says itself.
        send(server, {"event_type": "e", "event_id": "server"}, {"User-Agent": CHROME, "CF-IPCountry": "DE"})
        assert row(server, "server") == (None,) * 7
        said = {"event_type": "e", "event_id": "said", "user_agent": BOT, "ip": "2001:db8:1:2::3", "browser": "mine",
                "country": "SE", "user_id": "ann", "user_tier": "mine"}
        send(server, said)
        assert row(server, "said") == ("mine", None, "bot", None, "2001:db8:1::", "SE", "mine")
        send(server, {"event_type": "e", "event_id": "odd", "ip": "somebody@example"})
        assert row(server, "odd")[4] is None and metric(server, "tidemark_enrich_addresses_unread_total") == 1
        assert metric(server, "tidemark_enrich_bot_events_total") == 1
        # The source goes: what is remembered counts, others are unknown, and 202 all the same.
        database.executescript("drop table users;")
        send(server, {"event_type": "e", "event_id": "down", "user_id": "bob"})
        assert row(server, "down")[-1] == "unknown"
        server.kill()
    # Replay asks nobody: other settings, no table, the same rows; and the same again from the lake.
    with Tidemark(tmp_path / "data", "-X", "enrich.ip=drop", "-X", "enrich.user_agent=false") as server:
        assert row(server, f"page{attempt}") == page
        server.settle()
        assert row(server, f"page{attempt}") == page
        send(server, {"event_type": "e", "event_id": "off", "user_agent": CHROME, "ip": "203.0.113.77", "user_id": "ann"})
        assert row(server, "off") == (None,) * 7


def test_a_header_that_is_no_text_harms_no_row(tmp_path):
    """A data file with such a text in it is read by no engine."""
    options = ("-X", "enrich.country_header=CF-IPCountry", "-X", "http.trusted_proxies=127.0.0.1")
    with Tidemark(tmp_path / "data", *options) as server:
        key = server.post("/v1/keys", {"scopes": "ingest"}).json()["key"]
        for number, text in enumerate(("Thing/1 caf\xe9", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80")):
            headers = {"X-API-Key": key, "Origin": "https://shop.example", "User-Agent": text, "CF-IPCountry": text, "Referer": text,
                       "X-Forwarded-For": "203.0.113.77", "Accept-Language": text}
            send(server, {"event_type": "e", "event_id": f"e{number}"}, headers)
        for _ in ("hot", "settled"):
            found = server.rows("select event_id, user_agent, browser, country, ip from events order by event_id")
            assert found == [(f"e{number}", None, None, None, "203.0.113.0") for number in range(4)]
            server.settle()


def test_the_referrer_is_told_in_properties_if_it_is_asked_for(tmp_path):
    event = {"event_type": "page_view", "page_url": "https://shop.example/", "referrer": "https://www.google.de/search?q=tide", "properties": {"a": 1}}
    with Tidemark(tmp_path / "data") as server:
        send(server, {**event, "event_id": "off"})
        assert row(server, "off", "properties") == ('{"a":1}',)
    with Tidemark(tmp_path / "data", "-X", "enrich.referrer=true") as server:
        send(server, {**event, "event_id": "on"})
        said = "properties->>'$.referrer_type', properties->>'$.referrer_host', properties->>'$.referrer_source', properties->>'$.referrer_term', properties->>'$.a'"
        assert row(server, "on", said) == ("search", "www.google.de", "Google", "tide", "1")
        segment = {"type": "page", "userId": "u1", "messageId": "segment", "context": {"page": {"url": "https://shop.example/b", "referrer": ""}}}
        assert server.post("/v1/page", segment, {"X-Tidemark-Project": "default"}).status == 200
        assert row(server, "segment", "properties->>'$.referrer_type'") == ("direct",)
        assert metric(server, 'tidemark_enrich_referrers_total{type="search"}') == 1


def test_a_clients_wrong_clock_is_put_right(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        def iso(seconds):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        body = {"events": [{"event_type": "e", "event_id": "late", "timestamp": iso(-7_290)}], "sentAt": iso(-7_200)}
        assert server.post("/v1/events", body).status == 202
        body = {"sent_at": iso(0), "events": [{"event_type": "e", "event_id": "future", "timestamp": iso(30 * 3_600)}]}
        assert server.post("/v1/events", body).status == 202
        send(server, {"event_type": "e", "event_id": "meant", "timestamp": iso(30 * 3_600)})
        age = "date_diff('second', timestamp, received_at)"
        assert 60 < row(server, "late", age)[0] < 120
        assert row(server, "future", age) == (0,)
        assert row(server, "meant", age)[0] < -29 * 3_600
        assert metric(server, "tidemark_enrich_times_shifted_total") == 1
        assert metric(server, "tidemark_enrich_times_clamped_total") == 1


@pytest.mark.parametrize("option", ["enrich.ip=half", "enrich.geoip_file=/nowhere.mmdb", "enrich.lookup_file=/nowhere.csv"])
def test_a_wrong_setting_stops_the_start_and_names_itself(tmp_path, option):
    with pytest.raises(RuntimeError, match=option.split("=")[0]):
        Tidemark(tmp_path / "data", "-X", option).start()
