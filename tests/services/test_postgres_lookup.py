"""Dimensions of users from a real PostgreSQL: found, unknown while it is down, found again when it is back, new when they changed; and at no
time is an event held up or refused."""
import os
import re
import signal
import time

import pytest

from services.postgres import Postgres
from support.server import Tidemark

DEADLINE_SECONDS = 60
LOOKUP = ["-X", "enrich.lookup_sql=SELECT tier, country FROM users WHERE user_id = ? AND is_active", "-X", "enrich.lookup_columns=user_tier,country",
          "-X", "enrich.lookup_age=0.2s"]


@pytest.fixture
def postgres():
    with Postgres() as running:
        running.sql("create table users(user_id text primary key, tier text, country text, is_active boolean not null default true)")
        running.sql("""insert into users values ('ann', 'gold', 'SE', true), ('o''neil "x" {,}\\', 'silver', null, true), ('gone', 'gold', 'DE', false)""")
        yield running


class Sender:
    """Sends events of a user until what is stored with them is what is waited for."""

    def __init__(self, server):
        self.server, self.sent = server, 0

    def send(self, user):
        self.sent += 1
        answer = self.server.post("/v1/events", {"event_type": "e", "event_id": f"e{self.sent}", "user_id": user})
        assert answer.status == 202, answer.body
        [found] = self.server.rows(f"select user_tier, country from events where event_id = 'e{self.sent}'")
        return found

    def until(self, user, wanted):
        deadline = time.monotonic() + DEADLINE_SECONDS
        found = None
        while found != wanted:
            assert time.monotonic() < deadline, (user, found, wanted, self.server.stderr()[-2000:])
            found = self.send(user)


def metric(server, name):
    [value] = re.findall(rf"^{re.escape(name)} (\d+)$", server.get("/metrics").body.decode(), re.M)
    return int(value)


def test_tiers_follow_the_table_and_ingest_never_waits(tmp_path, postgres):
    with Tidemark(tmp_path / "data", "-X", f"enrich.lookup_url={postgres.url}", *LOOKUP) as server:
        sender = Sender(server)
        assert sender.send("ann") == ("unknown", "unknown")  # Nobody waited for the table.
        sender.until("ann", ("gold", "SE"))
        sender.until("o'neil \"x\" {,}\\", ("silver", "unknown"))
        assert sender.send("nobody") == sender.send("gone") == ("unknown", "unknown")
        postgres.sql("update users set tier = 'bronze' where user_id = 'ann'")
        sender.until("ann", ("bronze", "SE"))
        # It goes: what is known counts, who is new is unknown, and everybody is answered.
        postgres.stop()
        for user in ("ann", "new", "ann", "new"):
            assert sender.send(user) == (("bronze", "SE") if user == "ann" else ("unknown", "unknown"))
        # It comes back with what was told it meanwhile.
        postgres.start()
        postgres.sql("insert into users values ('new', 'gold', 'NO')")
        postgres.sql("update users set tier = 'iron' where user_id = 'ann'")
        sender.until("new", ("gold", "NO"))
        sender.until("ann", ("iron", "SE"))
        # Connections that stay open and never answer are given up.
        failures = metric(server, "tidemark_enrich_source_failures_total")
        frozen = postgres.freeze()
        assert frozen
        sender.send("late")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while metric(server, "tidemark_enrich_source_failures_total") == failures:
            sender.send("late")
            assert time.monotonic() < deadline
        postgres.sql("insert into users values ('late', 'gold', 'FI')")
        sender.until("late", ("gold", "FI"))
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        # It may only read.
        assert postgres.sql("select count(*) from users") == "5"


def test_the_server_starts_while_its_table_is_away(tmp_path, postgres):
    postgres.stop()
    with Tidemark(tmp_path / "data", "-X", f"enrich.lookup_url={postgres.url}", *LOOKUP) as server:
        sender = Sender(server)
        assert sender.send("ann") == ("unknown", "unknown")
        postgres.start()
        sender.until("ann", ("gold", "SE"))


WRONG = [
    ("enrich.lookup_sql=SELECT tier FROM nowhere WHERE user_id = ?", "enrich.lookup_sql.*nowhere"),
    ("enrich.lookup_sql=SELECT tier FROM users", "enrich.lookup_sql"),
    ("enrich.lookup_sql=INSERT INTO users VALUES (?)", "enrich.lookup_sql"),
    ("enrich.lookup_columns=user_tier,country,os", "enrich.lookup_columns"),
    ("enrich.lookup_file=/nowhere.csv", "enrich.lookup_file"),
    ("enrich.lookup_url=postgresql://u:secret@127.0.0.1/x", "enrich.lookup_url")]


def test_a_wrong_setting_stops_the_start_and_names_itself(tmp_path, postgres):
    for number, (option, why) in enumerate(WRONG):
        with pytest.raises(RuntimeError, match=f"(?s){why}"):
            Tidemark(tmp_path / f"data{number}", "-X", f"enrich.lookup_url={postgres.url}", *LOOKUP, "-X", option).start()
