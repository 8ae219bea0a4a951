"""Copies of a data directory: what is put back as it was copied goes on; what does not belong together is refused."""
import shutil

import pytest

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


def test_a_catalog_and_a_log_that_are_older_than_the_lake_are_refused_and_nothing_is_lost(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    with Tidemark(folder) as server:
        fill(server, "second")
        server.settle()
    replace(folder, ["meta.db*", "log", "dedupe"], tmp_path / "copy")
    with pytest.raises(RuntimeError) as refused:
        Tidemark(folder).start()
    for words in ("the catalog is older than the table default.events", "--rebuild-catalog", "meta.db"):
        assert words in str(refused.value), refused.value
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED and "--rebuild-catalog" in checks["table default.events"][1], checks
    # The way that it names.
    for path in folder.glob("meta.db*"):
        path.rename(tmp_path / path.name)
    code, _, output = doctor(folder, "--rebuild-catalog")
    assert code == 0, output
    with Tidemark(folder) as server:
        assert server.rows("select count(*), count(distinct event_id) from events") == [(2 * (LAKE + LOG), 2 * (LAKE + LOG))]
        fill(server, "third")
        server.settle()
        assert server.verify()["ok"]
        assert server.scalar("select count(*) from events") == 3 * (LAKE + LOG)


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
