"""Settling and proving one project or all: what is named, and no more than the key may."""
import subprocess

import pytest

from support.server import BINARY, Tidemark


def key(server, project, scope):
    made = server.post("/v1/keys", {"scopes": [scope], "project": project}, server.operator)
    assert made.status == 201, made.body
    return {"X-API-Key": made.json()["key"]}


@pytest.fixture
def world(tmp_path):
    """Three projects with a hot event each, and admins of two of them."""
    with Tidemark(tmp_path / "data", "--flush-seconds", "86400", dev=False) as server:
        server.operator = {"X-API-Key": server.banner.split("(shown once): ")[1].split()[0]}
        server.shop = key(server, "shop", "admin")
        for headers in (server.operator, server.shop, key(server, "site", "ingest")):
            assert server.post("/v1/events", {"event_type": "seen"}, headers).status == 202
        yield server


def settled(server):
    """How much of each project is settled."""
    proof = server.post("/v1/verify", "", server.operator).json()
    assert proof["ok"], proof
    return {one["project"]: one["settled"] for one in proof["projects"] if one["table"] == "events"}


def test_what_is_named_is_settled_and_nothing_else(world):
    answer = world.post("/v1/settle?project=site", "", world.operator)
    assert (answer.status, list(answer.json()["cuts"])) == (200, ["site"]), answer.body
    assert answer.json()["cuts"]["site"]["settled"] == {"0": 1}
    assert settled(world) == {"default": 0, "shop": 0, "site": 1}
    answer = world.post("/v1/settle", "", {**world.operator, "X-Tidemark-Project": "default"})
    assert list(answer.json()["cuts"]) == ["default"]
    assert settled(world) == {"default": 1, "shop": 0, "site": 1}
    assert list(world.post("/v1/settle", "", world.operator).json()["cuts"]) == ["default", "shop", "site"]
    assert settled(world) == {"default": 1, "shop": 1, "site": 1}
    none = world.post("/v1/settle?project=sjop", "", world.operator)
    assert none.status == 404 and "project sjop" in none.json()["message"] and none.json()["hint"], none.body


def test_an_admin_of_a_project_settles_and_proves_that_one_only(world):
    answer = world.post("/v1/settle", "", world.shop)
    assert (answer.status, list(answer.json()["cuts"])) == (200, ["shop"]), answer.body
    assert settled(world) == {"default": 0, "shop": 1, "site": 0}
    proof = world.post("/v1/verify", "", world.shop).json()
    assert proof["ok"] and {one["project"] for one in proof["projects"]} == {"shop"}
    assert {one["project"] for one in world.post("/v1/verify?project=site", "", world.operator).json()["projects"]} == {"site"}
    for path in ("/v1/settle?project=site", "/v1/verify?project=site"):
        answer = world.post(path, "", world.shop)
        assert answer.status == 403 and "another project" in answer.json()["message"], answer.body


def test_the_command_takes_the_project(server):
    for project in ("one", "two"):
        assert server.post("/v1/events", {"event_type": "seen"}, {"X-Tidemark-Project": project}).status == 202

    def route(project):
        return server.post(f"/v1/sql?project={project}", {"query": "select count(*) from events"}).json()["route"]

    command = [BINARY, "settle", "--url", f"http://127.0.0.1:{server.port}"]
    done = subprocess.run([*command, "--project", "two"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (route("one"), route("two")) == ("realtime", "batch")
    wrong = subprocess.run([*command, "--project", "too"], capture_output=True, text=True)
    assert wrong.returncode != 0 and "project too" in wrong.stderr
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert route("one") == "batch"
