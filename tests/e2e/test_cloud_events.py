"""The conformance scenarios and sample events of CloudEvents, read in place, through the door that takes nothing else; and its own cases."""
import http.client
import json
import os
import pathlib
import re
import tarfile
import textwrap

import pytest

from support.server import ROOT, Tidemark

SUITE = pathlib.Path(os.environ.get("TIDEMARK_SHARED", ROOT / "../shared")) / "data/suites/cloudevents.tar.gz"
PATH = "/v1/cloudevents"


def members(pattern):
    if not SUITE.exists():
        pytest.skip(f"{SUITE} is not there")
    with tarfile.open(SUITE) as suite:
        return {name: suite.extractfile(name).read().decode() for name in suite.getnames() if re.search(pattern, name)}


def scenarios():
    """(request text, attributes, data) of every example of the HTTP binding's feature file."""
    [feature] = members(r"http-protocol-binding\.feature$").values()
    for outline in feature.split("Scenario Outline:")[1:]:
        request, data = re.findall(r'"""\n(.*?)"""', outline, re.S)
        table, examples = outline.split("Then the attributes are:")[1].split("Examples:")
        attributes = dict(re.findall(r"\|\s*(\w+)\s*\|\s*(.*?)\s*\|", table.split("And the data")[0])[1:])
        for content_type in re.findall(r"\|\s*(.*?)\s*\|", examples)[1:]:
            fill = {name: value.replace("<contentType>", content_type) for name, value in attributes.items()}
            yield request.replace("<contentType>", content_type), fill, json.loads(data)


def send(server, text, project="default"):
    lines = [line[8:] for line in text.splitlines()]
    blank = lines.index("")
    headers = dict(line.split(": ", 1) for line in lines[1:blank])
    body = "\n".join(lines[blank + 1:]).strip()
    return server.post(PATH, body, {name: value for name, value in headers.items() if name not in ("Host", "Content-Length")}
                       | {"X-Tidemark-Project": project})


def test_the_scenarios_of_the_http_binding(server):
    count = 0
    for request, attributes, data in scenarios():
        # The examples have one id: each in a project of its own, where it is no duplicate.
        project = f"example-{count}"
        answer = send(server, request, project)
        assert answer.status == 202, answer.body
        [row] = server.post("/v1/sql", "select * from events", {"X-Tidemark-Project": project}).json()["data"]
        assert (row["event_id"], row["event_type"], row["source"]) == (attributes["id"], attributes["type"], attributes["source"])
        assert row["timestamp"].startswith("2018-04-05") and "03:56:24" in row["timestamp"]
        properties = json.loads(row["properties"])
        assert properties["datacontenttype"] == attributes.get("datacontenttype") and properties["specversion"] == attributes["specversion"]
        assert data.items() <= properties.items()
        count += 1
    assert count >= 4


def test_the_sample_events_in_binary_mode(server):
    samples = [sample for text in members(r"yaml/v1\.0/.*\.yaml$").values() for sample in text.split("\n---") if "Data: |" in sample]
    for sample in samples:
        attributes = dict(re.findall(r"^  (\w+): (.+)$", sample.split("Data: |")[0], re.M))
        headers = {f"ce-{name}": str(value) for name, value in attributes.items() if name != "datacontenttype"}
        body = textwrap.dedent(sample.split("Data: |\n")[1]).rstrip("\n").encode()
        answer = server.post(PATH, body, {**headers, "Content-Type": attributes.get("datacontenttype", "application/octet-stream")})
        assert answer.status == 202 and answer.json()["eventId"] == attributes["id"], (answer.body, sample)
        [[properties]] = server.rows(f"select properties from events where event_id = '{attributes['id']}'")
        found = json.loads(properties)
        if "json" in str(attributes.get("datacontenttype")):
            wanted = json.loads(body)
            assert (wanted.items() <= found.items()) if isinstance(wanted, dict) else found["data"] == wanted
        elif "data" in found:
            assert found["data"] == body.decode()
    assert samples


def test_a_batch_of_cloud_events_and_what_is_none(server):
    good = [{"specversion": "1.0", "id": str(i), "source": "/s", "type": "a", "data": {"n": i}} for i in range(3)]
    bad = [{"id": "x", "source": "/s", "type": "a"}, {**good[0], "specversion": "0.3"}, {**good[0], "id": ""}, {**good[0], "source": 7}, {"event_type": "a"},
           {**{name: value for name, value in good[0].items() if name != "type"}, "data": {"type": "of the data"}}]
    answer = server.post(PATH, good + bad, {"Content-Type": "application/cloudevents-batch+json"})
    assert answer.status == 202 and (answer.json()["received"], answer.json()["accepted"]) == (9, 3)
    assert [one["index"] for one in answer.json()["quarantine"]] == [3, 4, 5, 6, 7, 8]
    assert server.rows("select event_id, source, (properties->>'$.n')::integer from events order by 1") == [(str(i), "/s", i) for i in range(3)]
    assert server.post(PATH, {"event_type": "a"}).json()["status"] == "quarantined"


@pytest.mark.parametrize("path", [PATH, "/events"])
def test_the_id_of_another_source_is_another_event(tmp_path, path):
    """CloudEvents 1.0: producers must see to it that source + id is unique; also after a kill, when the index is made again from the log."""
    events = [{"specversion": "1.0", "id": "1", "source": source, "type": "a", "data": {"n": 1}} for source in ("/s", "/t", "/s1")]
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/u", "ce-type": "a"}
    batch = {"Content-Type": "application/cloudevents-batch+json"}
    with Tidemark(tmp_path / "data") as server:
        answer = server.post(path, [*events, events[0]], batch)
        assert answer.json()["accepted"] == 3 and answer.json()["results"] == ["ok", "ok", "ok", "duplicate"]
        one = server.post(path, {"n": 1}, binary)
        assert (one.json()["status"], one.json()["eventId"]) == ("accepted", "1")
        server.kill()
    with Tidemark(tmp_path / "data") as server:
        again = server.post(path, events, batch)
        assert again.json()["accepted"] == 0 and again.json()["results"] == ["duplicate"] * 3
        assert server.post(path, {"n": 1}, binary).json()["status"] == "duplicate"
        changed = server.post(path, {**events[1], "data": {"n": 2}}).json()
        assert (changed["status"], changed["conflict"]) == ("duplicate", True)
        assert server.post(path, {**events[0], "source": "/v"}).json()["status"] == "accepted"
        assert server.rows("select event_id, source from events order by 2") == [("1", one) for one in ("/s", "/s1", "/t", "/u", "/v")]
        server.settle()
        assert server.verify()["ok"]


def test_chunked_bodies_without_a_content_type(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = json.dumps({"n": 1}).encode()
    connection.request("POST", "/events", iter([body[:3], body[3:]]), {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "a"}, encode_chunked=True)
    assert connection.getresponse().status == 202
    assert server.rows("select event_id, properties->>'$.n' from events") == [("1", "1")]


@pytest.mark.parametrize("value", ["%ff", "caf\u00e9", "a%C3"])
def test_a_header_that_is_no_text_is_named(server, value):
    answer = server.post("/events", "{}", {"ce-specversion": "1.0", "ce-id": "no text", "ce-source": "/s", "ce-type": "t", "ce-subject": value})
    assert answer.status == 400 and "`ce-subject` is not UTF-8" in answer.json()["message"], answer.body
    assert server.scalar("select count(*) from events where event_id = 'no text'") == 0
