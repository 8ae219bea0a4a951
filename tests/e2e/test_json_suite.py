"""The public JSON parsing suite, each file as a value inside `properties`: what must be read is read, the rest refused."""
import json
import os
import pathlib
import tarfile

import pytest

from support.server import ROOT, Tidemark

SHARED = pathlib.Path(os.environ.get("TIDEMARK_SHARED", ROOT / "../shared"))
SUITE = next((path for path in (SHARED / "data/suites/json-parsing.tar.gz", ROOT.parents[1] / "shared/data/suites/json-parsing.tar.gz")
              if path.exists()), None)

pytestmark = pytest.mark.skipif(SUITE is None, reason="the suite is not there")


def documents(kind):
    with tarfile.open(SUITE) as archive:
        for member in archive:
            name = pathlib.Path(member.name).name
            if member.isfile() and name.startswith(kind) and name.endswith(".json"):
                yield name, archive.extractfile(member).read()


def wrap(document, name="suite"):
    return b'{"event_type":"' + name.encode() + b'","properties":{"v":' + document + b"}}"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("suite") / "data") as server:
        yield server


def test_what_must_be_read_is_read_and_kept(running):
    wrong = []
    for name, document in documents("y_"):
        answer = running.post("/v1/events", wrap(document, name))
        if "\\u0000" in json.dumps(json.loads(document)).replace("\\\\", ""):  # No text of an event holds NUL: it would not survive in other engines.
            assert answer.json()["error"] == "nul_character", answer.body
            continue
        if answer.status != 202:
            wrong.append((name, answer.body))
            continue
        [[kept]] = running.rows("select properties from events where event_type = $1", params=[name])
        if json.loads(kept) != {"v": json.loads(document)}:
            wrong.append((name, kept))
    assert not wrong


def test_what_must_not_be_read_is_refused(running):
    taken = []
    for name, document in documents("n_"):
        answer = running.post("/v1/events", wrap(document))
        if answer.status != 400 and answer.json()["status"] != "quarantined":
            taken.append((name, answer.status, answer.body))
    assert not taken
    assert running.scalar("select count(*) from events where event_type = 'suite'") == 0
    assert running.get("/health").status == 200


def test_what_may_be_read_or_not_never_harms(running):
    for _, document in documents("i_"):
        assert running.post("/v1/events", wrap(document, "either")).status in (202, 400)
    for [kept] in running.rows("select properties from events where event_type = 'either'"):
        json.loads(kept)
    running.settle()
    assert running.verify()["ok"]
