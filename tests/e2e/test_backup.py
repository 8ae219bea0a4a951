"""Copies of a data directory: what is put back as it was copied goes on; what does not belong together is refused."""
import re
import shutil

import pytest
from pyiceberg.catalog import load_catalog

from e2e.test_doctor import CHECK_FAILED, doctor
from support.server import Tidemark

LAKE, LOG = 40, 7


def fill(server, name):
    for i in range(4):
        server.post("/v1/events", [{"event_id": f"{name}-{i}-{n}", "event_type": "settled"} for n in range(LAKE // 4)])
        server.settle()
    server.post("/v1/events", [{"event_id": f"{name}-hot-{n}", "event_type": "hot"} for n in range(LOG)])


@pytest.fixture
def folder(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        fill(server, "first")
    return tmp_path / "data"


def replace(folder, parts, source):
    """`parts` of the data directory are those of another copy."""
    for part in parts:
        for path in folder.glob(part):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in source.glob(part):
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, folder / path.name)


def test_a_copy_put_back_at_its_place_goes_on_where_it_was(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        fill(server, "second")
        assert server.scalar("select count(*) from events") == 2 * (LAKE + LOG)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    assert doctor(folder)[0] == 0
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(LAKE + LOG, LAKE + LOG)]
        fill(server, "third")
        assert server.verify()["ok"]
        assert server.scalar("select count(*) from events") == 2 * (LAKE + LOG)


def test_a_moved_directory_is_refused_by_both_places_and_a_link_is_a_way(folder, tmp_path):
    moved = folder.rename(tmp_path / "other")
    with pytest.raises(RuntimeError) as refused:
        Tidemark(moved).start()
    for words in (f"{folder}/lake", f"{moved}/lake", "default.events", "moved", "link"):
        assert words in str(refused.value), refused.value
    code, checks, _ = doctor(moved)
    assert code == CHECK_FAILED and f"{folder}/lake" in checks["table default.events"][1], checks
    folder.symlink_to(moved)
    with Tidemark(folder) as server:
        assert server.scalar("select count(*) from events") == LAKE + LOG
        server.settle()
        assert server.verify()["ok"]


def set_properties(server, **properties):
    updates = {"requirements": [], "updates": [{"action": "set-properties", "updates": properties}]}
    answer = server.post("/iceberg/v1/namespaces/default/tables/events", updates)
    assert answer.status == 200, answer.body


def commit_once(server, name):
    server.post("/v1/events", [{"event_id": f"{name}-{n}", "event_type": "settled"} for n in range(LAKE + LOG)])
    server.settle()


def fill_and_settle(server, name):
    fill(server, name)
    server.settle()


SHORT = {"tidemark.snapshots-max": "2", "write.metadata.previous-versions-max": "1"}


@pytest.mark.parametrize("properties, go_on", [({}, fill_and_settle), (SHORT, fill_and_settle), ({}, commit_once)], ids=["some", "far", "one"])
def test_a_catalog_and_a_log_that_are_older_than_the_lake_are_refused_and_nothing_is_lost(folder, tmp_path, properties, go_on):
    """Whether the lake is some commits ahead, so many that it has forgotten the catalog's, or one."""
    with Tidemark(folder) as server:
        if properties:
            set_properties(server, **properties)
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        go_on(server, "second")
    shutil.copytree(folder, tmp_path / "newest")
    replace(folder, ["meta.db*", "log"], tmp_path / "copy")
    for _ in range(2):
        with pytest.raises(RuntimeError) as refused:
            Tidemark(folder).start()
        for words in ("the catalog is older than the table default.events", "--rebuild-catalog", "meta.db"):
            assert words in str(refused.value), refused.value
        code, checks, _ = doctor(folder)
        assert code == CHECK_FAILED and "--rebuild-catalog" in checks["table default.events"][1], checks
    # The first way that it names: a start that was refused has harmed nothing, not even what is known of ids.
    refused_folder = shutil.copytree(folder, tmp_path / "refused")
    replace(folder, ["meta.db*", "log"], tmp_path / "newest")
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(2 * (LAKE + LOG), 2 * (LAKE + LOG))]
        again = server.post("/v1/events", [{"event_id": "first-0-0", "event_type": "settled"}]).json()
        assert (again["accepted"], again["duplicate"]) == (0, 1), again
        assert server.verify()["ok"]
    # The second.
    replace(folder, ["meta.db*", "log", "lake", "dedupe"], refused_folder)
    for path in folder.glob("meta.db*"):
        path.rename(tmp_path / path.name)
    code, _, output = doctor(folder, "--rebuild-catalog")
    assert code == 0, output
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(2 * (LAKE + LOG), 2 * (LAKE + LOG))]
        fill_and_settle(server, "third")
        # Of commits whose snapshots have expired a rebuilt catalog has no counts and hashes, of all others it has.
        proof = server.verify()
        events = next(part for part in proof["projects"] if part["table"] == "events")
        assert proof["ok"] and bool(events["unproven_rows"]) == bool(properties), proof
        assert events["unproven_rows"] + events["ledger_rows"] == events["lake_rows"] == 3 * (LAKE + LOG), proof
        assert server.scalar("select count(*) from events") == 3 * (LAKE + LOG)


def test_a_catalog_and_a_log_of_before_a_project_are_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        server.post("/v1/events?project=later", [{"event_type": "settled"}] * LAKE)
        server.settle()
    replace(folder, ["meta.db*", "log", "dedupe"], tmp_path / "copy")
    # What default has settled since, the log of the copy has, too.
    with pytest.raises(RuntimeError) as refused:
        Tidemark(folder).start()
    assert "older than the table later.events, of which it knows nothing" in str(refused.value), refused.value
    code, checks, _ = doctor(folder)
    [(finding, text)] = [found for name, found in checks.items() if name.startswith("table later/events-")]
    assert code == CHECK_FAILED and finding == "failed" and "--rebuild-catalog" in text, checks


def test_a_log_is_not_given_up_beside_a_catalog_that_is_older_than_the_lake(folder, tmp_path):
    """What the log had, the lake has: only an older catalog does not know."""
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        fill_and_settle(server, "second")
    replace(folder, ["meta.db*"], tmp_path / "copy")
    shutil.rmtree(folder / "log")
    code, _, output = doctor(folder, "--accept-lost-log")
    assert code != 0 and "the catalog is older than the table default.events" in output, output
    for path in folder.glob("meta.db*"):
        path.rename(tmp_path / path.name)
    for option, wanted in (("--rebuild-catalog", CHECK_FAILED), ("--accept-lost-log", 0)):  # Rebuilt, it still lacks its log.
        code, _, output = doctor(folder, option)
        assert code == wanted, output
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(2 * (LAKE + LOG), 2 * (LAKE + LOG))]
        assert server.verify()["ok"]


def test_a_catalog_that_is_older_than_another_engines_delete_is_refused(folder, tmp_path):
    """The log has every event that the catalog does not know, so that it could go on, and the deleted ones would be there again."""
    with Tidemark(folder) as server:
        server.settle()
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        table = load_catalog("tidemark", type="rest", uri=f"http://{server.address}/iceberg").load_table("default.events")
        table.delete("event_id == 'first-0-0'")
        commit_once(server, "second")
        rows = server.rows("select count(*), count(distinct event_id) from events")
        assert rows == [(2 * (LAKE + LOG) - 1,) * 2]
    replace(folder, ["meta.db*"], tmp_path / "copy")
    newest = shutil.copytree(folder, tmp_path / "newest")
    for _ in range(2):
        with pytest.raises(RuntimeError) as refused:
            Tidemark(folder).start()
        for words in ("the catalog is older than the table default.events", "another engine's commit", "would undo it", "--rebuild-catalog"):
            assert words in str(refused.value), refused.value
        code, checks, _ = doctor(folder)
        assert code == CHECK_FAILED and "another engine's commit" in checks["table default.events"][1], checks
    for path in folder.glob("meta.db*"):
        path.rename(tmp_path / path.name)
    assert doctor(folder, "--rebuild-catalog")[0] == 0
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == rows
        assert server.verify()["ok"]
    # The other way on that it names: to do without the delete.
    replace(folder, ["meta.db*", "log", "lake", "dedupe"], newest)
    known = int(re.search(r"above version (\d+)", str(refused.value))[1])
    for path in (folder / "lake/default").glob("events-*/metadata/*.metadata.json"):
        if int(path.name.split("-")[0]) > known:
            path.unlink()
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(2 * (LAKE + LOG),) * 2]
        assert server.verify()["ok"]


def test_an_older_catalog_goes_on_where_the_log_has_what_it_does_not_know(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        fill(server, "second")
        server.settle()
    replace(folder, ["meta.db*"], tmp_path / "copy")
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(2 * (LAKE + LOG), 2 * (LAKE + LOG))]
        server.settle()
        assert server.verify()["ok"]
