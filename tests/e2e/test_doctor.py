"""`tidemark doctor`: what it finds in a data directory, and the way back from a lost catalog."""
import json
import shutil
import subprocess

import pytest

from support.server import BINARY, Tidemark

CHECK_FAILED, CONFLICT, NOT_FOUND = 8, 6, 3


def doctor(folder, *options):
    """Exit code and the checks by name, the worst finding of each."""
    done = subprocess.run([BINARY, "doctor", "--data-dir", folder, "--json", *options], capture_output=True, text=True)
    found = {}
    if done.stdout.strip():
        order = ["ok", "warning", "failed"]
        for check in json.loads(done.stdout.splitlines()[-1])["checks"]:
            if order.index(check["finding"]) >= order.index(found.get(check["name"], ("ok", ""))[0]):
                found[check["name"]] = (check["finding"], check["found"] + check["hint"])
    return done.returncode, found, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path):
    """Half settled, half only in the log; stopped without a chance to tidy up."""
    with Tidemark(tmp_path / "data") as server:
        for i in range(5):
            server.post("/v1/events", [{"event_id": f"lake-{i}-{n}", "event_type": "settled"} for n in range(20)])
            server.settle()
        server.post("/v1/events?project=other", [{"event_type": "elsewhere"}] * 3)
        server.settle()
        server.post("/v1/events", [{"event_id": f"log-{n}", "event_type": "hot"} for n in range(30)])
    return tmp_path / "data"


def test_a_sound_directory_passes_every_check(folder):
    code, checks, output = doctor(folder)
    assert code == 0, output
    assert {"disk", "permissions", "clock", "log", "catalog", "table default.events", "table other.events"} <= set(checks)
    assert all(finding == "ok" for finding, _ in checks.values())
    assert "events read to the end" in checks["log"][1]
    before = files(folder)
    doctor(folder)
    assert files(folder) == before


def files(folder):
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for part in ("log", "lake") for path in (folder / part).rglob("*") if path.is_file()}


def test_a_lost_catalog_is_rebuilt_and_every_event_is_there_once(folder):
    for path in folder.glob("meta.db*"):
        path.unlink()
    with pytest.raises(RuntimeError) as refused:
        Tidemark(folder).start()
    assert "doctor" in str(refused.value) and "--rebuild-catalog" in str(refused.value)
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED and checks["catalog"][0] == "failed" and "--rebuild-catalog" in checks["catalog"][1]
    code, checks, output = doctor(folder, "--rebuild-catalog")
    assert code == 0, output
    for _ in range(2):  # The state is as good as one that was never lost: it survives a restart, too.
        with Tidemark(folder) as server:
            assert server.rows("select event_type, count(*), count(distinct event_id) from events group by 1 order by 1") == [
                ("hot", 30, 30), ("settled", 100, 100)]
            assert server.query("select count(*) as n from events")["receipt"]["offsets"] == {"0": 130}
            assert server.request("POST", "/v1/sql?project=other", "select count(*) as n from events").json()["data"] == [{"n": 3}]
            proof = server.verify()
            assert proof["ok"], proof
            server.settle()
    with Tidemark(folder) as server:
        server.post("/v1/events", {"event_type": "later"})
        server.settle()
        assert server.scalar("select count(distinct log_offset) from events") == 131
        assert server.verify()["ok"]


def test_a_lost_catalog_is_rebuilt_beside_a_damaged_log(folder):
    """What is in the lake needs no log; that this one is damaged is told for itself, and has its own way on."""
    with Tidemark(folder) as server:
        server.post("/v1/events", [{"event_id": f"middle-{n}", "event_type": "middle"} for n in range(30)])
        server.post("/v1/events", {"event_id": "last", "event_type": "later"})
    with Tidemark(folder) as server:
        server.post("/v1/events?project=third", {"event_type": "hot"})
    damaged = next(path for path in (folder / "log").iterdir() if b"middle-7" in path.read_bytes())
    data = bytearray(damaged.read_bytes())
    data[data.index(b"middle-7")] ^= 0xFF
    damaged.write_bytes(data)
    for path in folder.glob("meta.db*"):
        path.unlink()
    code, checks, output = doctor(folder, "--rebuild-catalog")
    assert "rebuilt  default.events" in output and "settled up to offset 100" in output, output
    assert code == CHECK_FAILED and checks["catalog"][0] == "ok" and checks["log"][0] == "failed", checks
    assert damaged.name in checks["log"][1] and "--accept-lost-log" in checks["log"][1], checks
    code, checks, output = doctor(folder, "--accept-lost-log")
    assert code == 0, output
    with Tidemark(folder) as server:
        assert server.scalar("select count(*) from events where event_type = 'settled'") == 100
        assert server.request("POST", "/v1/sql?project=third", "select count(*) as n from events").json()["data"] == [{"n": 1}]
        server.settle()
        assert server.verify()["ok"]


def test_a_receipt_of_expired_snapshots_names_none_after_a_rebuild(tmp_path):
    """A rebuilt catalog knows their offsets alone, and `verify` still counts every row after them."""
    with Tidemark(tmp_path / "data") as server:
        update = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"tidemark.snapshots-max": "2", "write.metadata.previous-versions-max": "1"}}]}
        receipts = []
        for i in range(5):
            receipts.append(server.post("/v1/events", [{"event_id": f"{i}-{n}", "event_type": "settled"} for n in range(10)]).headers["X-Tidemark-Receipt"])
            server.settle()
            if i == 0:
                assert server.post("/iceberg/v1/namespaces/default/tables/events", update).status == 200
    for path in (tmp_path / "data").glob("meta.db*"):
        path.unlink()
    assert doctor(tmp_path / "data", "--rebuild-catalog")[0] == 0
    with Tidemark(tmp_path / "data") as server:
        [events] = [part for part in server.verify()["projects"] if part["table"] == "events"]
        assert (events["problems"], events["unproven_rows"], events["ledger_rows"], events["lake_rows"]) == ([], 30, 20, 50), events
        first, last = (server.get(f"/v1/receipts/{one}").json() for one in (receipts[0], receipts[-1]))
        assert first["settled"] and first["snapshots"] == [], first
        assert last["settled"] and [one["offsets"] for one in last["snapshots"]] == [10], last


def test_a_catalog_that_is_there_is_not_replaced(folder):
    code, _, output = doctor(folder, "--rebuild-catalog")
    assert code == CONFLICT and "meta.db is there" in output


def test_a_rotten_log_is_named_with_file_and_offset(folder):
    segments = sorted((folder / "log").iterdir(), key=lambda path: path.stat().st_mtime)
    damaged = next(path for path in segments if b"settled" in path.read_bytes())
    data = bytearray(damaged.read_bytes())
    at = data.index(b"lake-0-5")
    data[at] ^= 0xFF
    damaged.write_bytes(data)
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED
    assert checks["log"][0] == "failed" and damaged.name in checks["log"][1], checks["log"]


def test_a_missing_data_file_is_named(folder):
    lost = sorted((folder / "lake").rglob("*.parquet"))[0]
    lost.unlink()
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED
    assert any(finding == "failed" and lost.name in text for finding, text in checks.values()), checks


def test_a_lost_metadata_file_is_told(folder):
    newest = sorted((folder / "lake" / "default").rglob("*.metadata.json"))[-1]
    newest.unlink()
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED and "next start" in checks["table default.events"][1]
    with Tidemark(folder) as server:  # Which it is.
        assert server.scalar("select count(*) from events") == 130
    assert doctor(folder)[0] == 0


def test_a_damaged_catalog_is_told(folder):
    for path in folder.glob("meta.db-*"):
        path.unlink()
    (folder / "meta.db").write_bytes(b"this is no database" * 1000)
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED and checks["catalog"][0] == "failed"


def test_a_directory_in_use_or_not_there_is_refused(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        code, _, output = doctor(server.folder)
        assert code == CONFLICT and str(server.process.pid) in output
        assert server.get("/health").status == 200
    code, _, output = doctor(tmp_path / "nowhere")
    assert code == NOT_FOUND and not (tmp_path / "nowhere").exists()


def test_another_log_is_refused_and_nothing_is_changed(folder, tmp_path):
    """The log of another data directory in the place of this one's: its offsets mean other events."""
    with Tidemark(tmp_path / "other") as other:
        other.post("/v1/events", [{"event_id": f"theirs-{n}", "event_type": "other"} for n in range(500)])
    own = folder / "log-of-its-own"
    (folder / "log").rename(own)
    shutil.copytree(tmp_path / "other/log", folder / "log")
    lake = {path: path.read_bytes() for path in (folder / "lake").rglob("*") if path.is_file()}
    with pytest.raises(RuntimeError) as refused:
        Tidemark(folder).start()
    assert "is not the one that table" in str(refused.value) and "put the right `log` folder back" in str(refused.value), refused.value
    assert {path: path.read_bytes() for path in (folder / "lake").rglob("*") if path.is_file()} == lake
    # With its own log it goes on.
    shutil.rmtree(folder / "log")
    own.rename(folder / "log")
    with Tidemark(folder) as server:
        assert server.rows("select event_type, count(*) from events group by 1 order by 1") == [("hot", 30), ("settled", 100)]
        assert server.verify()["ok"]


def empty_catalog(folder):
    for path in folder.glob("meta.db-*"):
        path.unlink()
    (folder / "meta.db").write_bytes(b"")


def test_an_empty_catalog_is_a_lost_one(folder):
    """SQLite takes a file of no bytes for a new database: tables, keys and schemas of before would be gone without a word."""
    with Tidemark(folder) as server:
        before = server.rows("select event_type, count(*) from events group by 1 order by 1")
    empty_catalog(folder)
    for _ in range(2):  # Looking at it does not make it good.
        code, checks, _ = doctor(folder)
        assert code == CHECK_FAILED and "meta.db is empty beside old data" in checks["catalog"][1], checks
        with pytest.raises(RuntimeError) as refused:
            Tidemark(folder).start()
        assert "meta.db is empty although lake/ has data" in str(refused.value) and "--rebuild-catalog" in str(refused.value), refused.value
    (folder / "meta.db").rename(folder / "meta.db.empty")
    assert doctor(folder, "--rebuild-catalog")[0] == 0
    with Tidemark(folder) as server:
        assert server.rows("select event_type, count(*) from events group by 1 order by 1") == before
        assert server.verify()["ok"]


def test_an_empty_catalog_beside_a_log_is_a_lost_one(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        server.post("/v1/events", {"event_type": "hot"})
    empty_catalog(tmp_path / "data")
    code, checks, _ = doctor(tmp_path / "data")
    assert code == CHECK_FAILED and "meta.db is empty beside old data" in checks["catalog"][1], checks
    with pytest.raises(RuntimeError) as refused:
        Tidemark(tmp_path / "data").start()
    assert "has never known the log" in str(refused.value) and "--rebuild-catalog" in str(refused.value), refused.value


def test_a_lost_log_is_told(folder):
    shutil.rmtree(folder / "log")
    (folder / "log").mkdir()
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED and "log/ is empty" in checks["table default.events"][1], checks
    with pytest.raises(RuntimeError) as refused:
        Tidemark(folder).start()
    assert "put the right `log` folder back" in str(refused.value), refused.value


def lose(folder, left_behind):
    """Takes log/ away; with `left_behind` a start that is refused puts an empty one of its own there."""
    log = folder / "log"
    shutil.rmtree(log)
    if left_behind:
        with pytest.raises(RuntimeError) as refused:
            Tidemark(folder).start()
        assert "tidemark doctor" in str(refused.value), refused.value


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_lost_log_is_given_up_when_asked_and_a_new_one_goes_on_where_the_lake_ends(folder, left_behind):
    lose(folder, left_behind)
    code, checks, _ = doctor(folder)
    found = checks["table default.events"][1]
    assert code == CHECK_FAILED and "from offset 100 on is not there" in found and "--accept-lost-log" in found, checks
    code, _, output = doctor(folder, "--accept-lost-log")
    assert code == 0, output
    assert "default.events: all below offset 100 is in the lake, 0 more could be read" in output and "cannot be known from what is left" in output
    assert "other.events: all below offset 3 is in the lake" in output and "the ids of all events before" in output
    assert doctor(folder, "--accept-lost-log")[0] == CONFLICT  # There is nothing more to give up.
    for round in range(2):
        with Tidemark(folder) as server:
            assert server.scalar("select count(*) from events where event_type = 'settled'") == 100
            # Ids that nobody knows any more are new, also those of events that are lost: a client may send these again.
            sent = server.post("/v1/events", [{"event_id": f"log-{n}", "event_type": "again"} for n in range(30)]).json()
            assert (sent["accepted"], sent.get("duplicate", 0)) == ((30, 0) if round == 0 else (0, 30))
            assert server.rows("select min(log_offset), max(log_offset), count(*) from events where event_type = 'again'") == [(100, 129, 30)]
            assert server.request("POST", "/v1/sql?project=other", "select count(*) as n from events").json()["data"] == [{"n": 3}]
            server.settle()
            assert server.verify()["ok"]
            told = server.get("/iceberg/v1/namespaces/default/tables/events").json()["metadata"]["properties"]
            [lost] = json.loads(told["tidemark.lost-logs"])
            assert lost["settled"] == 100 and lost["log-id"] != told["tidemark.log-id"] == server.query("select 1 as n")["receipt"]["log_id"]
    # The tables are all that a catalog is made of, now as before.
    for path in folder.glob("meta.db*"):
        path.unlink()
    assert doctor(folder, "--rebuild-catalog")[0] == 0
    with Tidemark(folder) as server:
        assert server.scalar("select count(*) from events") == 130
        assert server.verify()["ok"]


def test_what_a_damaged_log_still_has_is_kept(folder):
    """Every start begins a segment, with the last request of the one before."""
    with Tidemark(folder) as server:
        server.post("/v1/events", [{"event_id": f"middle-{n}", "event_type": "middle"} for n in range(30)])
        server.post("/v1/events", {"event_id": "last", "event_type": "later"})
    with Tidemark(folder) as server:
        server.post("/v1/events", [{"event_id": f"later-{n}", "event_type": "later"} for n in range(9)])
    damaged = next(path for path in (folder / "log").iterdir() if b"middle-0" in path.read_bytes())
    data = bytearray(damaged.read_bytes())
    data[data.index(b"middle-7")] ^= 0xFF
    damaged.write_bytes(data)
    code, checks, _ = doctor(folder)
    assert code == CHECK_FAILED and damaged.name in checks["log"][1] and "--accept-lost-log" in checks["log"][1], checks
    code, _, output = doctor(folder, "--accept-lost-log")
    assert code == 0, output
    assert "default.events: all below offset 100 is in the lake, 40 more could be read; 130 to 160 are lost" in output, output
    assert damaged.name in output and "the ids of all events before" not in output
    aside = next(folder.glob("log.lost-*"))
    assert (aside / damaged.name).read_bytes() == bytes(data)  # Nothing of it is thrown away.
    with Tidemark(folder) as server:
        assert server.rows("select event_type, count(*), max(log_offset) from events group by 1 order by 1") == [
            ("hot", 30, 129), ("later", 10, 139), ("settled", 100, 99)]
        # The ids of what could be read are known, of what is settled, too; of what is lost none is.
        again = [{"event_id": one, "event_type": "again"} for one in ("lake-0-1", "log-6", "later-3", "last", "middle-3")]
        assert server.post("/v1/events", again).json()["results"] == ["conflict"] * 4 + ["ok"]
        server.settle()
        assert server.verify()["ok"]
        assert server.scalar("select count(distinct log_offset) from events") == 141


def test_a_damaged_log_of_which_nothing_was_settled_is_kept_as_far_as_it_can_be_read(tmp_path):
    for part in ("first", "second", "third"):
        with Tidemark(tmp_path / "data") as server:
            for half in range(2):
                server.post("/v1/events", [{"event_id": f"{part}-{half}-{n}", "event_type": part} for n in range(10)])
    folder = tmp_path / "data"
    damaged = next(path for path in (folder / "log").iterdir() if b"second-0-0" in path.read_bytes())
    data = bytearray(damaged.read_bytes())
    data[data.index(b"second-0-5")] ^= 0xFF
    damaged.write_bytes(data)
    assert doctor(folder)[0] == CHECK_FAILED
    code, _, output = doctor(folder, "--accept-lost-log")
    assert code == 0 and "default.events: all below offset 0 is in the lake, 50 more could be read; 20 to 30 are lost" in output, output
    with Tidemark(folder) as server:
        assert server.rows("select event_type, count(*), count(distinct log_offset) from events group by 1 order by 1") == [("first", 20, 20), ("second", 10, 10), ("third", 20, 20)]
        server.settle()
        assert server.verify()["ok"]
    assert doctor(folder, "--accept-lost-log")[0] == CONFLICT


def test_a_log_that_is_not_lost_is_not_given_up(folder, tmp_path):
    before = files(folder)
    code, _, output = doctor(folder, "--accept-lost-log")
    assert code == CONFLICT and "nothing is lost" in output, output
    with Tidemark(tmp_path / "other") as other:
        other.post("/v1/events", {"event_type": "other"})
    own = folder / "log-of-its-own"
    (folder / "log").rename(own)
    shutil.copytree(tmp_path / "other/log", folder / "log")
    code, _, output = doctor(folder, "--accept-lost-log")
    assert code == CONFLICT and "holds another log" in output and "move this one away" in output, output
    shutil.rmtree(folder / "log")
    own.rename(folder / "log")
    assert files(folder) == before


def test_giving_up_a_log_is_carried_on_after_a_crash(folder):
    """The new log is written, its metadata files are, too, and no table names it yet; then all do, and it has not got its name."""
    shutil.rmtree(folder / "log")
    catalog = {path: path.read_bytes() for path in folder.glob("meta.db*")}
    assert doctor(folder, "--accept-lost-log")[0] == 0
    for path in folder.glob("meta.db*"):
        path.unlink()
    for path, data in catalog.items():
        path.write_bytes(data)
    for round in range(2):
        (folder / "log").rename(folder / "log.new")
        code, _, output = doctor(folder, "--accept-lost-log")
        assert code == 0 and not (folder / "log.new").exists(), output
        assert ("carried on" in output) == (round == 1), output
    with Tidemark(folder) as server:
        assert server.scalar("select count(*) from events") == 100
        server.post("/v1/events", {"event_type": "later"})
        server.settle()
        assert server.verify()["ok"]
        assert server.scalar("select max(log_offset) from events") == 100


def test_a_start_without_a_manifest_names_the_table_and_the_way(folder):
    next((folder / "lake/default").glob("events-*/metadata/snap-*.avro")).unlink()
    for path in (folder / "lake/default").glob("events-*/metadata/*.avro"):
        path.unlink()
    with pytest.raises(RuntimeError) as refused:
        Tidemark(folder).start()
    assert "table default.events: " in str(refused.value) and ".avro" in str(refused.value) and "`tidemark doctor`" in str(refused.value), refused.value
