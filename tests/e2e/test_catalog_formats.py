"""In which form tables are made and told: the format's version by the server's option and the namespace."""
from pyiceberg.table import StaticTable

from support.server import Tidemark

BASE = "/iceberg/v1"
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "x", "required": False, "type": "long"}]}


def make(server, name, ns="a", **properties):
    answer = server.post(f"{BASE}/namespaces/{ns}/tables", {"name": name, "schema": SCHEMA, "properties": properties})
    assert answer.status == 200, answer.body
    return answer.json()


def send(server, project, first, count):
    body = [{"event_id": f"e{n}", "event_type": "click"} for n in range(first, first + count)]
    assert server.post("/v1/events", body, {"X-Tidemark-Project": project}).status == 202
    server.settle()


def version(server, project, table="events"):
    return server.get(f"{BASE}/namespaces/{project}/tables/{table}").json()["metadata"]["format-version"]


def rows_of(server, project):
    answer = server.post("/v1/sql", {"query": "select count(*) n, count(distinct event_id) d from events"}, {"X-Tidemark-Project": project})
    return tuple(answer.json()["data"][0].values())


def test_events_tables_are_made_in_the_format_of_their_namespace(tmp_path):
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400") as server:
        assert server.post(f"{BASE}/namespaces", {"namespace": ["three"], "properties": {"format-version": "3"}}).status == 200
        for project in ("three", "two"):
            send(server, project, 0, 5)
            send(server, project, 5, 5)
            assert rows_of(server, project) == (10, 10)
        assert (version(server, "three"), version(server, "two")) == (3, 2)
        metadata = server.get(f"{BASE}/namespaces/three/tables/events").json()["metadata"]
        assert metadata["next-row-id"] == 10 and [one["first-row-id"] for one in metadata["snapshots"]] == [0, 5]
        # A namespace changes what is made from now on, never what is there.
        answer = server.post(f"{BASE}/namespaces/two/properties", {"updates": {"format-version": "3"}})
        assert answer.status == 200
        send(server, "two", 10, 1)
        assert version(server, "two") == 2
        server.kill()
        server.start()
        send(server, "three", 10, 5)
        assert rows_of(server, "three") == (15, 15)
        assert server.verify()["ok"]


def test_the_option_is_for_namespaces_that_say_nothing(tmp_path):
    with Tidemark(tmp_path / "data", "-X", "catalog.format_version=3", "--flush-seconds", "86400") as server:
        assert server.post(f"{BASE}/namespaces", {"namespace": ["two"], "properties": {"format-version": "2"}}).status == 200
        assert server.post(f"{BASE}/namespaces", {"namespace": ["one"], "properties": {"format-version": "1"}}).status == 200
        for project in ("default", "two", "one"):
            send(server, project, 0, 3)
        assert [version(server, project) for project in ("default", "two", "one")] == [3, 2, 3]
        # Plain tables are as their request or namespace says, else v2.
        assert make(server, "plain", "default")["metadata"]["format-version"] == 2
        assert make(server, "plain", "one")["metadata"]["format-version"] == 1
        assert make(server, "plain", "two", **{"format-version": "3"})["metadata"]["format-version"] == 3
        # Other engines read what was made.
        assert StaticTable.from_metadata(server.events_metadata()).scan().to_arrow().num_rows == 3
