"""Three and ten times what fits: the loud project is slowed, then refused with Retry-After; the quiet one gets in all the
while; what was accepted is there exactly, and memory stays within its budget. By statuses and counters, never by time."""
import json
import re

import pytest

from support.server import Tidemark

EVENTS_A_BATCH = 500
MEMORY = 128 << 20
HOT_BUDGET = int(MEMORY * 0.36)


def metric(server, name):
    [value] = re.findall(rf"^{re.escape(name)} (\d+)$", server.get("/metrics").body.decode(), re.M)
    return int(value)


@pytest.mark.parametrize("times", [3, 10])
def test_a_loud_project_neither_starves_a_quiet_one_nor_the_server(tmp_path, times):
    batch = json.dumps([{"event_type": "loud", "user_id": f"u{i}", "text": f"{i:04d}" * 400} for i in range(EVENTS_A_BATCH)])
    # The store is slow: what is accepted waits in memory.
    options = ("--memory", "128MiB", "--store-rate", "100000", "-X", "ingest.delay=50ms")
    with Tidemark(tmp_path / "data", *options) as server:
        loud, quiet = server.connect(), server.connect()
        answers, accepted, offered = [], {"loud": 0, "quiet": 0}, 0
        while offered < times * HOT_BUDGET:
            offered += len(batch)
            loud.request("POST", "/v1/events", batch, {"X-Tidemark-Project": "loud"})
            answer = loud.getresponse()
            body = json.loads(answer.read())
            answers.append(answer.status)
            if answer.status == 202:
                accepted["loud"] += body["accepted"]
            else:
                assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, body
                assert body["error"] == "Service Unavailable" and len(body["hint"]) > 10
            quiet.request("POST", "/v1/events", '{"event_type":"quiet"}', {"X-Tidemark-Project": "quiet"})
            answer = quiet.getresponse()
            answer.read()
            assert answer.status == 202
            accepted["quiet"] += 1
        assert answers[0] == 202 and 503 in answers
        assert metric(server, 'tidemark_collect_refused_requests_total{full="memory"}') > 0
        assert metric(server, "tidemark_collect_slowed_requests_total") > 0
        assert metric(server, "tidemark_memory_used_bytes") <= HOT_BUDGET
        assert metric(server, "tidemark_collect_held_answers") == 0
        outcomes = [metric(server, f'tidemark_collect_events_total{{outcome="{name}"}}')
                    for name in ("accepted", "duplicate", "quarantined", "refused")]
        assert metric(server, "tidemark_collect_received_events_total") == sum(outcomes)
        assert outcomes[0] == sum(accepted.values())
        for project, count in accepted.items():
            rows = server.post("/v1/sql", {"query": "select count(*) as n from events"}, {"X-Tidemark-Project": project}).json()
            assert rows["data"] == [{"n": count}]


def test_a_statement_that_waits_longer_than_it_may_take_is_told_so(tmp_path):
    """One thread, held by an endless statement: what waits meanwhile must not be answered as if it had just come."""
    with Tidemark(tmp_path / "data", "--query-threads", "1", "-X", "http.reactors=1") as server:
        held, waiting = server.connect(), server.connect()
        held.request("POST", "/v1/sql?timeout_ms=2000", "select count(*) from range(100000000000) where range % 7 = 3")
        waiting.request("POST", "/v1/sql?timeout_ms=100", "select 1")
        late = waiting.getresponse()
        told = json.loads(late.read())
        assert late.status == 504 and "waited" in told["message"] and "query.threads" in told["message"], told
        assert held.getresponse().status == 504
        assert server.scalar("select 1") == 1


def test_a_projects_endless_statements_keep_nobody_else_waiting(tmp_path):
    """As many as there are threads, and more that wait: other projects' statements, keys, schemas and receipts are answered meanwhile."""
    with Tidemark(tmp_path / "data", "-X", "http.reactors=1") as server:
        receipt = server.post("/v1/events", {"event_type": "seen"}).headers["X-Tidemark-Receipt"]
        loud = [server.connect() for _ in range(12)]
        for connection in loud:
            connection.request("POST", "/v1/sql", "select count(*) from range(100000000000) where range % 7 = 3", {"X-Tidemark-Project": "loud"})
        quiet = server.post("/v1/sql?timeout_ms=30000", "select count(*) as n from events", {"X-Tidemark-Project": "default"})
        assert quiet.status == 200 and quiet.json()["data"] == [{"n": 1}], quiet.body
        for path in ("/v1/keys", "/subjects", "/v1/schemas", f"/v1/receipts/{receipt}", "/iceberg/v1/namespaces"):
            assert server.get(path).status == 200, path
        for connection in loud:
            connection.close()
