"""Keys as an operator and a client meet them: made once in clear, held to scope, project, page, address, rate and time,
renewed without a gap, ended at once; users' tokens beside them. By HTTP and by command, running and stopped."""
import base64
import hashlib
import hmac
import json
import sqlite3
import subprocess
import time

import pytest

from support.server import BINARY, Tidemark

EVENT = {"event_type": "e", "user_id": "u"}
DEADLINE_SECONDS = 20


def admin_key(server):
    [line] = [line for line in server.banner.splitlines() if line.startswith("admin key")]
    return line.rsplit(" ", 1)[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    secret = folder / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    with Tidemark(folder / "data", "-X", f"auth.secret_file={secret}", "-X", "auth.audience=tidemark",
                  "-X", "http.trusted_proxies=127.0.0.2 10.0.0.0/8", dev=False) as server:
        server.admin = admin_key(server)
        yield server


def command(server, *arguments, key=None, folder=None, code=0):
    environment = {"PATH": "/usr/bin:/bin", **({"TIDEMARK_KEY": key} if key else {})}
    done = subprocess.run([str(BINARY), "key", *arguments, "--data-dir", str(folder or server.folder)],
                          capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if code == 0 else done.stderr


def make(server, scopes="ingest", **spec):
    answer = server.post("/v1/keys", {"scopes": scopes, **spec}, {"X-API-Key": server.admin})
    assert answer.status == 201, answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def send(server, key, headers=None, body=EVENT):
    return server.post("/v1/events", body, {"X-API-Key": key, **(headers or {})})


def refused(answer, status, words):
    assert answer.status == status, answer.body
    body = answer.json()
    assert body["error"] == {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden"}[status]
    assert words in body["message"] and len(body["hint"]) > 10, body
    return answer


@pytest.mark.parametrize("dialect,own,foreign,body,event_type", [
    ("segment", "/v1/track", "/batch", {"event": "pinned-s", "userId": "u", "type": "track"}, "pinned-s"),
    ("posthog", "/track", "/v1/track", {"event": "pinned-p", "distinct_id": "u"}, "pinned-p"),
    ("cloudevents", "/events", "/ingest", {"specversion": "1.0", "id": "pin-1", "source": "/s", "type": "pinned-c"}, "pinned-c"),
    ("native", "/v1/events", "/v1/track", {"event_type": "pinned-n", "user_id": "u"}, "pinned-n"),
])
def test_a_pinned_key_is_taken_at_its_dialects_paths_only(running, dialect, own, foreign, body, event_type):
    key = make(running, dialect=dialect)["key"]
    assert running.post(own, body, {"X-API-Key": key}).status in (200, 202)
    answer = running.post("/v1/sql", {"query": "select count(*) as n from events where event_type = $1", "params": [event_type]}, {"X-API-Key": running.admin})
    assert answer.json()["data"] == [{"n": 1}]
    refused(running.post(foreign, body, {"X-API-Key": key}), 403, "pinned to the dialect")
    # What is not valid is kept in the key's dialect.
    assert running.post(own, {**body, "event": {}, "event_type": {}, "type": {}}, {"X-API-Key": key}).status in (200, 202)
    kept = running.get("/v1/quarantine?limit=1", {"X-API-Key": running.admin}).json()["items"]
    assert [(one["dialect"], one["door"]) for one in kept] == [(dialect, f"POST {own}")]


def test_a_dialect_that_is_none_is_refused_with_those_that_there_are(running, tmp_path):
    answer = running.post("/v1/keys", {"scopes": ["ingest"], "dialect": "segmnet"}, {"X-API-Key": running.admin})
    assert answer.status == 400 and "`segmnet`; there are native, cloudevents, segment, posthog" in answer.json()["message"], answer.body
    # The same without a server.
    with Tidemark(tmp_path / "alone"):
        pass
    done = subprocess.run([BINARY, "key", "create", "--scope", "ingest", "--dialect", "segmnet", "--data-dir", tmp_path / "alone"], capture_output=True, text=True)
    assert done.returncode == 2 and "there are native" in done.stderr, done.stderr


def test_a_key_is_shown_once_and_stored_hashed(running):
    made = command(running, "create", "--scope", "ingest,query", "--name", "web shop", key=running.admin)
    clear = made["key"]
    assert send(running, clear).status == 202
    listed = command(running, "list", "-o", "json", key=running.admin)
    [mine] = [key for key in listed["keys"] if key["id"] == made["id"]]
    assert mine["name"] == "web shop" and mine["scopes"] == ["ingest", "query"] and mine["state"] == "active"
    assert "key" not in mine and clear not in json.dumps(listed)
    assert command(running, "show", made["id"], key=running.admin) == mine
    for path in running.folder.rglob("*"):
        if path.is_file():
            assert clear.encode() not in path.read_bytes(), path
    assert clear not in running.stderr()


def test_a_browser_key_only_writes(running):
    key = make(running)["key"]
    assert send(running, key).status == 202
    mine = {"X-API-Key": key}
    refused(running.post("/v1/sql", {"query": "select 1"}, mine), 403, "no scope `query`")
    refused(running.post("/v1/settle", "", mine), 403, "no scope `admin`")
    refused(running.get("/v1/keys", mine), 403, "no scope `admin`")
    refused(running.post("/v1/keys", {"scopes": "admin"}, mine), 403, "no scope `admin`")
    reader = make(running, "query")["key"]
    assert running.post("/v1/sql", {"query": "select 1"}, {"X-API-Key": reader}).status == 200
    assert send(running, reader).status == 403


def test_wrong_keys_are_401_and_say_what_helps(running):
    refused(running.post("/v1/events", EVENT), 401, "an API key is needed")
    refused(send(running, "tm_nobody"), 401, "not known")
    refused(send(running, running.admin + "x"), 401, "not known")
    assert running.post("/v1/events", EVENT).headers["WWW-Authenticate"]


def test_a_revoked_key_ends_at_once_and_for_good(running):
    made = make(running)
    assert send(running, made["key"]).status == 202
    assert "--yes" in command(running, "revoke", made["id"], key=running.admin, code=2)
    assert send(running, made["key"]).status == 202
    assert command(running, "revoke", made["id"], "--yes", key=running.admin)["state"] == "revoked"
    refused(send(running, made["key"]), 401, "revoked")
    command(running, "rotate", made["id"], key=running.admin, code=6)
    command(running, "revoke", "000000000000", "--yes", key=running.admin, code=3)


def test_an_expired_key_is_refused(running):
    made = make(running, expires="1s")
    until = time.monotonic() + DEADLINE_SECONDS
    while (answer := send(running, made["key"])).status == 202:
        assert time.monotonic() < until
    refused(answer, 401, "expired")


def test_rotation_leaves_no_gap(running):
    made = make(running)
    fresh = command(running, "rotate", made["id"], "--overlap", "1h", key=running.admin)
    assert fresh["id"] == made["id"] and fresh["key"] != made["key"] and fresh["old_secret_until"]
    assert send(running, made["key"]).status == send(running, fresh["key"]).status == 202
    last = command(running, "rotate", made["id"], "--overlap", "0s", key=running.admin)
    refused(send(running, made["key"]), 401, "not known")
    refused(send(running, fresh["key"]), 401, "replaced")
    assert send(running, last["key"]).status == 202


def test_a_key_belongs_to_one_project_and_the_operator_makes_both(running):
    admin = make(running, "admin", project="blog")["key"]
    writer = running.post("/v1/keys", {"scopes": ["ingest", "query"]}, {"X-API-Key": admin}).json()
    assert writer["project"] == "blog"
    assert send(running, writer["key"]).status == 202
    refused(send(running, writer["key"], {"X-Tidemark-Project": "default"}), 403, "another project")
    rows = running.post("/v1/sql", {"query": "select count(*) as n from events"}, {"X-API-Key": writer["key"]}).json()
    assert rows["data"] == [{"n": 1}]
    # An admin of one project knows nothing of the others' keys.
    theirs = make(running)
    assert {key["project"] for key in running.get("/v1/keys", {"X-API-Key": admin}).json()["keys"]} == {"blog"}
    assert running.get(f"/v1/keys/{theirs['id']}", {"X-API-Key": admin}).status == 404
    assert running.request("DELETE", f"/v1/keys/{theirs['id']}", None, {"X-API-Key": admin}).status == 404
    refused(running.post("/v1/keys", {"scopes": "ingest", "project": "default"}, {"X-API-Key": admin}), 403, "own project")
    assert send(running, theirs["key"]).status == 202


@pytest.mark.parametrize("way", ["query", "header", "body"])
def test_the_project_that_a_request_names_is_the_keys(running, way):
    admin = {"X-API-Key": running.admin}
    path, headers = "/v1/keys" + ("?project=named" if way == "query" else ""), {**admin, **({"X-Tidemark-Project": "named"} if way == "header" else {})}
    made = running.post(path, {"scopes": ["ingest", "admin"], **({"project": "named"} if way == "body" else {})}, headers)
    assert made.status == 201 and made.json()["project"] == "named", made.body
    assert {key["project"] for key in running.get("/v1/keys?project=named", admin).json()["keys"]} == {"named"}
    # Two that differ are no project, and whoever manages one project names no other.
    answer = running.post("/v1/keys?project=named", {"scopes": ["ingest"], "project": "blog"}, admin)
    assert answer.status == 400 and "`named`" in answer.json()["message"] and "`blog`" in answer.json()["message"], answer.body
    theirs = {"X-API-Key": made.json()["key"]}
    assert running.post("/v1/keys?project=named", {"scopes": ["ingest"]}, theirs).json()["project"] == "named"
    refused(running.post("/v1/keys?project=default", {"scopes": ["admin"]}, theirs), 403, "another project")
    refused(running.get("/v1/keys?project=default", theirs), 403, "another project")


def test_two_names_of_a_project_that_differ_are_not_chosen_between(running):
    own = {"X-API-Key": make(running, "ingest query admin", project="two-names")["key"]}
    for key in (own, {"X-API-Key": running.admin}):
        for method, path, body in [("POST", "/v1/events", EVENT), ("POST", "/v1/sql", {"query": "select 1"}), ("GET", "/v1/schemas", None), ("POST", "/v1/settle", ""),
                                   ("GET", "/v1/keys", None), ("POST", "/v1/keys", {"scopes": ["ingest"]})]:
            for header, query in [("two-names", "default"), ("default", "two-names")]:
                answer = running.request(method, f"{path}?project={query}", body, {**key, "X-Tidemark-Project": header})
                assert answer.status == 400 and "`two-names`" in answer.json()["message"] and "`default`" in answer.json()["message"], (path, answer.body)
    assert running.post("/v1/events?project=two-names", EVENT, {**own, "X-Tidemark-Project": "two-names"}).status == 202


def test_pages_of_other_origins_may_not_use_the_key(running):
    key = make(running, origins=["https://shop.example", "https://*.shop.example"])["key"]
    for origin in ("https://shop.example", "https://www.shop.example"):
        answer = send(running, key, {"Origin": origin})
        assert answer.status == 202 and answer.headers["Access-Control-Allow-Origin"] == origin
    assert send(running, key, {"Referer": "https://shop.example/cart?x=1"}).status == 202
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "https://shop.example.evil.example"},
                    {"Origin": "null"}, {"Origin": "http://shop.example"}, {}):
        answer = refused(send(running, key, headers), 403, "web page")
        assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = running.request("OPTIONS", "/v1/events", None,
                                {"Origin": "https://shop.example", "Access-Control-Request-Headers": "x-api-key"})
    assert preflight.status == 204 and preflight.headers["Access-Control-Allow-Headers"] == "x-api-key"


def test_addresses_are_held_to_and_hearsay_is_not_believed(running):
    here = make(running, addresses=["127.0.0.0/8", "::1"])["key"]
    assert send(running, here).status == 202
    there = make(running, addresses=["192.0.2.0/24"])["key"]
    refused(send(running, there), 403, "127.0.0.1")
    # This peer is no trusted proxy: what it says of others does not count.
    refused(send(running, there, {"X-Forwarded-For": "192.0.2.7"}), 403, "127.0.0.1")


def test_a_trusted_proxy_tells_the_address(tmp_path):
    with Tidemark(tmp_path / "data", "-X", "http.trusted_proxies=127.0.0.1", dev=False) as server:
        server.admin = admin_key(server)
        key = make(server, addresses=["192.0.2.0/24"])["key"]
        assert send(server, key, {"X-Forwarded-For": "192.0.2.7"}).status == 202
        assert send(server, key, {"X-Forwarded-For": "203.0.113.9, 192.0.2.7, 127.0.0.1"}).status == 202
        for forged in ("192.0.2.7, 203.0.113.9", "203.0.113.9", "192.0.2.7, nonsense", ""):
            assert send(server, key, {"X-Forwarded-For": forged}).status == 403, forged


def test_a_used_up_rate_is_429_with_the_numbers(running):
    made = make(running, "ingest query", limits={"requests": "3 a day", "events": "100 a day"})
    for left in (2, 1, 0):
        answer = send(running, made["key"])
        assert answer.status == 202 and answer.headers["X-RateLimit-Limit"] == "3"
        assert answer.headers["X-RateLimit-Remaining"] == str(left)
    answer = send(running, made["key"])
    assert answer.status == 429 and answer.json()["error"] == "Too Many Requests"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert 86_400 / 3 - 100 < int(answer.headers["Retry-After"]) <= 86_400 / 3 + 1
    assert 86_000 < int(answer.headers["X-RateLimit-Reset"]) <= 86_400
    assert running.post("/v1/sql", {"query": "select 1"}, {"X-API-Key": made["key"]}).status == 429
    # So does the catalog, whose clients wait for as long as it says.
    for method, path, body in (("GET", "/iceberg/v1/config", None), ("POST", "/iceberg/v1/oauth/tokens", f"grant_type=client_credentials&client_secret={made['key']}")):
        answer = running.request(method, path, body, {"X-API-Key": made["key"]})
        assert answer.status == 429 and answer.json()["error"]["type"] == "TooManyRequestsException", (path, answer.body)
        assert 86_400 / 3 - 100 < int(answer.headers["Retry-After"]) <= 86_400 / 3 + 1 and answer.headers["X-RateLimit-Limit"] == "3"
    # Another key is not touched, and a renewed secret is the same key.
    assert send(running, make(running)["key"]).status == 202
    fresh = command(running, "rotate", made["id"], key=running.admin)
    assert send(running, fresh["key"]).status == 429
    assert command(running, "show", made["id"], key=running.admin)["limits"]["requests"] == "3 a day"


@pytest.mark.parametrize("path,body,status,headers", [
    ("/v1/events", "{", 400, {}), ("/v1/events", "[1]", 400, {}), ("/v1/events", {"event_type": 1, "timestamp": "x"}, 202, {}), ("/v1/events?debug=1", EVENT, 200, {}),
    ("/v1/events?project=other", EVENT, 403, {}), ("/v1/events", "hello", 415, {"Content-Encoding": "compress"}), ("/v1/batch", {"batch": []}, 400, {}),
    ("/track", {}, 403, {}), ("/v1/events", EVENT, 409, {"Idempotency-Key": "rates"})])
def test_every_answer_to_events_says_what_is_left_of_the_rate(running, path, body, status, headers):
    key = make(running, limits={"requests": "1000 a day"})["key"]
    if status == 409:
        assert send(running, key, headers, {"event_type": "other"}).status == 202
    answer = running.post(path, body, {"X-API-Key": key, **headers})
    assert answer.status == status, answer.body
    assert answer.headers["X-RateLimit-Limit"] == "1000" and answer.headers["X-RateLimit-Remaining"] == ("998" if status == 409 else "999")


def test_events_and_bytes_overdraw_once_then_wait(running):
    key = make(running, limits={"events": "100 a day"})["key"]
    assert send(running, key, body=[EVENT] * 500).status == 202
    assert send(running, key).status == 429
    key = make(running, limits={"bytes": "1KB a day"})["key"]
    assert send(running, key, body=[EVENT] * 100).status == 202
    assert send(running, key).status == 429


def test_limits_of_the_configuration_hold_for_keys_without_their_own(tmp_path):
    with Tidemark(tmp_path / "data", "-X", "limits.requests=1000 a minute", dev=False) as server:
        server.admin = admin_key(server)
        own = make(server, limits={"requests": "7 a day"})["key"]
        assert send(server, own).headers["X-RateLimit-Limit"] == "7"
        assert send(server, make(server)["key"]).headers["X-RateLimit-Limit"] == "1000"
    wrong = subprocess.run([str(BINARY), "serve", "--data-dir", str(tmp_path / "other"), "-X", "limits.requests=many"],
                           capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2 and "limits.requests" in wrong.stderr


def token(claims, header=None, secret=b"0123456789abcdef0123456789abcdef"):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")
    text = part(json.dumps(header or {"alg": "HS256"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(secret, text, hashlib.sha256).digest())).decode()


def test_tokens_of_users(running):
    good = {"sub": "ann", "aud": "tidemark", "exp": time.time() + 600, "project": "default", "scope": "query"}

    def ask(one):
        return running.post("/v1/sql", {"query": "select 1"}, {"Authorization": "Bearer " + one})
    assert ask(token(good)).status == 200
    assert ask(token(good)).status == 200  # From memory this time.
    refused(running.post("/v1/events", EVENT, {"Authorization": "Bearer " + token(good)}), 403, "may not")
    refused(ask(token({**good, "exp": time.time() - 100})), 401, "expired")
    refused(ask(token({**good, "nbf": time.time() + 100})), 401, "not valid yet")
    refused(ask(token({**good, "aud": "other"})), 401, "audience")
    refused(ask(token(good, secret=b"x" * 32)), 401, "no key of this server")
    refused(ask(token(good, {"alg": "none"})), 401, "no key of this server")
    refused(ask(token({**good, "project": "No Such"})), 403, "no project")
    refused(ask(token({**good, "scope": "everything"})), 403, "no scope")
    answer = running.post("/v1/sql", {"query": "select 1"},
                          {"Authorization": "Bearer " + token(good), "X-Tidemark-Project": "blog"})
    refused(answer, 403, "another project")


def metric(server, name):
    lines = server.get("/metrics", {"X-API-Key": server.admin}).body.decode().splitlines()
    return int(float(next(line for line in lines if line.startswith(name + " ")).split()[-1]))


def jwk_set(**secrets):
    return json.dumps({"keys": [{"kty": "oct", "kid": kid, "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()} for kid, secret in secrets.items()]})


def test_new_keys_of_tokens_are_taken_without_a_restart_and_bad_ones_change_nothing(tmp_path):
    old, new = b"o" * 32, b"n" * 32
    file = tmp_path / "jwks.json"
    file.write_text(jwk_set(old=old))
    claims = {"sub": "ann", "exp": time.time() + 600, "project": "default", "scope": "query"}
    by_old, by_new = token(claims, {"alg": "HS256", "kid": "old"}, old), token(claims, {"alg": "HS256", "kid": "new"}, new)
    with Tidemark(tmp_path / "data", "-X", f"auth.jwks_file={file}", dev=False) as server:
        server.admin = admin_key(server)

        def ask(one):
            return server.post("/v1/sql", {"query": "select 1"}, {"Authorization": "Bearer " + one}).status

        def until(one, status):
            deadline = time.monotonic() + DEADLINE_SECONDS
            while ask(one) != status:
                assert time.monotonic() < deadline, server.stderr()[-2000:]
        assert (ask(by_old), ask(by_new)) == (200, 401)
        file.write_text(jwk_set(old=old, new=new))
        until(by_new, 200)  # A token of an unknown key makes it look again.
        assert ask(by_old) == 200
        # What is no good is told, and the keys from before count.
        for bad in ("{", jwk_set(new=b"short"), ""):
            file.write_text(bad)
            failed = metric(server, 'tidemark_auth_token_files_total{outcome="failed"}')
            deadline = time.monotonic() + DEADLINE_SECONDS
            while metric(server, 'tidemark_auth_token_files_total{outcome="failed"}') == failed:
                assert ask(token(claims, {"alg": "HS256", "kid": "unknown"}, new)) == 401
                assert time.monotonic() < deadline
            assert metric(server, "tidemark_auth_token_files_bad") == 1
            assert ask(by_old) == ask(by_new) == 200
        # A key that is taken away ends its tokens, remembered or not; nobody needs to ask for that.
        file.write_text(jwk_set(new=new))
        until(by_old, 401)
        assert ask(by_new) == 200
        assert metric(server, "tidemark_auth_token_files_bad") == 0
        assert metric(server, 'tidemark_auth_token_files_total{outcome="read"}') == 2


def test_a_quota_of_a_day_outlives_the_server(tmp_path):
    options = ("-X", "limits.events=100 a day")
    claims = {"sub": "ann", "exp": time.time() + 600, "project": "default", "scope": "ingest query"}
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef0123456789abcdef")
    bearer = {"Authorization": "Bearer " + token(claims)}
    with Tidemark(tmp_path / "data", *options, "-X", f"auth.secret_file={secret}", dev=False) as server:
        server.admin = admin_key(server)
        made = {what: make(server, limits=limits)["key"] for what, limits in {
            "requests": {"requests": "3 a day"}, "bytes": {"bytes": "1KB a day"}, "quick": {"requests": "2 a minute"}}.items()}
        for _ in range(3):
            assert send(server, made["requests"]).status == 202
        assert send(server, made["bytes"], body=[EVENT] * 100).status == 202
        assert server.post("/v1/events", [EVENT] * 150, bearer).status == 202
        assert [send(server, made["quick"]).status for _ in range(3)] == [202, 202, 429]
        assert server.terminate() == 0
    for _ in range(2):
        with Tidemark(tmp_path / "data", *options, "-X", f"auth.secret_file={secret}", dev=False) as server:
            answer = send(server, made["requests"])
            assert answer.status == 429 and int(answer.headers["Retry-After"]) > 20_000
            assert send(server, made["bytes"]).status == 429
            assert server.post("/v1/events", EVENT, bearer).status == 429
            assert send(server, made["quick"]).status == 202  # A minute is not worth remembering.


def test_what_a_killed_server_had_counted_seconds_before_is_known(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        server.admin = admin_key(server)
        made = make(server, limits={"requests": "2 a day"})
        assert [send(server, made["key"]).status for _ in range(3)] == [202, 202, 429]
        database = sqlite3.connect(f"file:{tmp_path / 'data' / 'meta.db'}?mode=ro", uri=True)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while database.execute("select count(*) from used_limit where key = ?", (made["id"],)).fetchone() == (0,):
            assert time.monotonic() < deadline
        database.close()
        server.kill()
    with Tidemark(tmp_path / "data", dev=False) as server:
        assert send(server, made["key"]).status == 429


def test_bad_specifications_are_400_and_make_nothing(running):
    before = running.get("/v1/keys", {"X-API-Key": running.admin}).json()
    for body in ("", "[]", "{", '{"scopes":["everything"]}', '{"scopes":"ingest","orgins":[]}',
                 '{"scopes":"ingest","limits":{"requests":"a lot"}}', '{"scopes":"ingest","expires":"2020-01-01"}'):
        answer = running.post("/v1/keys", body, {"X-API-Key": running.admin})
        assert answer.status == 400 and len(answer.json()["hint"]) > 10, body
    assert running.get("/v1/keys", {"X-API-Key": running.admin}).json() == before
    for method, path in (("PUT", "/v1/keys"), ("POST", "/v1/keys/x"), ("GET", "/v1/keys/x/rotate")):
        assert running.request(method, path, "{}", {"X-API-Key": running.admin}).status == 405
    assert running.get("/v1/keys/nobody", {"X-API-Key": running.admin}).status == 404


def test_a_list_for_people_has_no_controls_of_a_terminal(running):
    key = make(running, name="\u001b[31mred\nnext\u0000")
    shown = subprocess.run([str(BINARY), "key", "list", "-o", "table", "--data-dir", str(running.folder)], capture_output=True, text=True,
                           env={"TIDEMARK_KEY": running.admin}, timeout=60).stdout
    [line] = [line for line in shown.splitlines() if line.startswith(key["id"])]
    assert line.endswith("  \\u001b[31mred\\u000anext\\u0000"), line


def test_the_stopped_directory_is_managed_by_the_same_commands(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        admin = admin_key(server)
        online = command(server, "create", "--scope", "ingest", key=admin)
    stopped = command(server, "create", "--scope", "ingest,query", "--project", "blog", "--requests", "1000 a minute")
    assert stopped["project"] == "blog" and stopped["limits"]["requests"] == "1000 a minute"
    assert len(command(server, "list")["keys"]) == 3
    assert command(server, "revoke", online["id"], "--yes")["state"] == "revoked"
    command(server, "show", "000000000000", code=3)
    command(server, "create", "--scope", "everything", code=2)
    with Tidemark(tmp_path / "data", dev=False) as server:
        assert not [line for line in server.banner.splitlines() if line.startswith("admin key")]
        assert send(server, stopped["key"]).status == 202
        assert send(server, online["key"]).status == 401
        assert len(command(server, "list", key=admin)["keys"]) == 3


def lines(server, path, method, *headers):
    """Status and body of a request whose headers may come twice."""
    connection = server.connect()
    connection.putrequest(method, path)
    body = json.dumps(EVENT).encode() if method == "POST" else b""
    for name, value in [*headers, ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_several_keys_that_differ_are_not_guessed_between(running):
    one, other = make(running, "ingest query catalog")["key"], make(running, "ingest query catalog")["key"]
    basic = "Basic " + base64.b64encode(f"{one}:".encode()).decode()
    proxy = "Basic " + base64.b64encode(b"proxy:password").decode()
    for path, method, good in [("/v1/events", "POST", 202), ("/v1/batch", "POST", None), ("/v1/schemas", "GET", 200), ("/iceberg/v1/config", "GET", 200)]:
        for headers in [[("X-API-Key", one), ("X-API-Key", other)], [("X-API-Key", other), ("Authorization", "Bearer " + one)],
                        [("x-api-key", other), ("Authorization", basic)], [("Authorization", "Bearer " + other), ("Authorization", basic)]]:
            status, body = lines(running, path, method, *headers)
            assert status == 400 and b"several API keys" in body, (path, headers, status, body)
        for headers in [[("X-API-Key", one), ("X-API-Key", one)], [("X-API-Key", one), ("Authorization", "Bearer " + one)],
                        [("X-API-Key", one), ("Authorization", basic)], [("X-API-Key", one), ("Authorization", proxy)],
                        [("X-API-Key", one), ("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln")]]:
            status, body = lines(running, path, method, *headers)
            assert b"several API keys" not in body and (good is None or status == good), (path, headers, status, body)
