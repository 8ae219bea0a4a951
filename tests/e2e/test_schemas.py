"""The schema registry through its doors: REST, the command, Confluent's serialiser, Iglu's path; and
what it does to events."""
import json
import os
import subprocess

import pytest

from support.server import BINARY, Starting, Tidemark

ORDER = {"type": "object", "properties": {"amount": {"type": "number", "minimum": 0}, "currency": {"enum": ["USD", "EUR"]}},
         "required": ["amount"]}
PRINTED = {"type": "object", "properties": {
    "productId": {"type": "string", "required": True}, "amount": {"type": "number", "required": True},
    "currency": {"type": "string", "enum": ["USD", "EUR"], "required": True}}}


def ask(server, method, path, body=None):
    answer = server.request(method, path, None if body is None else json.dumps(body))
    return answer.status, answer.json()


def send(server, *events, query=""):
    return server.request("POST", "/v1/events" + query, json.dumps(list(events)))


def tool(server, *arguments, stdin=""):
    done = subprocess.run([str(BINARY), "schema", arguments[0], "--url", f"http://127.0.0.1:{server.port}", *arguments[1:]],
                          input=stdin, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_an_enforced_schema_quarantines_and_an_observed_one_counts(server):
    status, made = ask(server, "POST", "/v1/schemas/order", ORDER)
    assert status == 201 and (made["version"], made["mode"], made["new"]) == (1, "observe", True)
    good, bad = {"event_type": "order", "amount": 5}, {"event_type": "order", "properties": {"amount": "5"}}
    answer = send(server, good, bad, query="?debug=1").json()
    assert answer["accepted"] == 2
    warning = [w for w in answer["warnings"] if w["rule"].startswith("order/1")]
    assert [(w["index"], w["warning"], w["rule"]) for w in warning] == [(1, "schema", "order/1: #/properties/amount/type")]
    assert "/amount" in warning[0]["message"]
    assert ask(server, "PUT", "/v1/schemas/order", {"mode": "enforce"})[1]["mode"] == "enforce"
    answer = send(server, good, bad).json()
    assert (answer["received"], answer["accepted"]) == (2, 1)
    assert [(r["index"], r["error"], r["rule"]) for r in answer["quarantine"]] == [(1, "schema", "order/1: #/properties/amount/type")]
    assert send(server, bad).json()["status"] == "quarantined"
    shown = ask(server, "GET", "/v1/schemas/order")[1]
    assert shown["counts"] == {"checked": 3, "observed": 0, "quarantined": 2, "undecided": 0}  # ?debug=1 counts nothing
    assert shown["rules"] == [{"rule": "#/properties/amount/type", "events": 2}]
    assert server.rows("select count(*) from events where event_type = 'order'") == [(1,)]  # ?debug=1 stores nothing
    assert ask(server, "PUT", "/v1/schemas/order", {"mode": "off"})[0] == 200
    assert send(server, bad).json()["accepted"] == 1


def test_the_registry_is_the_same_after_a_restart(tmp_path):
    with Tidemark(tmp_path / "data") as server:
        assert ask(server, "POST", "/v1/schemas/order?mode=enforce", ORDER)[0] == 201
    with Tidemark(tmp_path / "data") as server:
        assert send(server, {"event_type": "order"}).json()["status"] == "quarantined"
        assert ask(server, "POST", "/v1/schemas/order", ORDER)[1]["version"] == 1


def test_a_boolean_required_is_read_as_draft_3_meant_it_and_told(server):
    status, made = ask(server, "POST", "/v1/schemas/purchase?mode=enforce", PRINTED)
    assert status == 201 and len(made["notes"]) == 3 and "draft 3" in made["notes"][0]
    event = {"event_type": "purchase", "properties": {"productId": "p", "amount": 3, "currency": "EUR"}}
    assert send(server, event).status == 202
    del event["properties"]["currency"]
    assert send(server, event).json()["status"] == "quarantined"


def test_builtin_schemas_only_observe_and_never_meet_other_types(server):
    names = {s["subject"]: s for s in ask(server, "GET", "/v1/schemas")[1]["subjects"]}
    assert set(names) == {"base", "page_view", "video_event", "user_event", "transaction"}
    assert all(s["builtin"] and s["mode"] == "observe" for s in names.values())
    video = {"event_type": "video_event", "video_id": "v", "action": "play", "position": 1, "duration": 9, "playback_rate": 1}
    events = (video, {"event_type": "page_view"}, {"event_type": "anything"})
    answer = send(server, *events, query="?debug=1").json()
    assert answer["accepted"] == send(server, *events).json()["accepted"] == 3
    assert not [w for w in answer["warnings"] if w["rule"].startswith(("user_event", "video_event")) and w["index"] == 0]
    shown = ask(server, "GET", "/v1/schemas/base")[1]
    assert shown["counts"]["checked"] == 3
    assert {r["rule"] for r in shown["rules"]} <= {f"#/required/{n}" for n in ("session_id", "environment", "version")}


@pytest.mark.parametrize("form,subjects", [([], ["base", "page_view", "video_event", "user_event"]), (["--as", "segment"], ["video_event", "user_event"])],
                         ids=["native", "segment"])
def test_demo_traffic_is_as_the_builtin_schemas_want_it(server, form, subjects):
    done = subprocess.run([str(BINARY), "demo", "--url", f"http://127.0.0.1:{server.port}", "--count", "300", *form], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for subject in subjects:
        shown = ask(server, "GET", f"/v1/schemas/{subject}")[1]
        assert shown["counts"]["checked"] > 0 and not shown["rules"], (subject, shown["rules"])


def test_a_new_version_must_be_compatible_and_the_refusal_says_how_not(server):
    ask(server, "POST", "/v1/schemas/order", ORDER)
    stricter = {**ORDER, "required": ["amount", "currency"]}
    answer = server.request("POST", "/v1/schemas/order", json.dumps(stricter))
    assert answer.status == 409
    assert "required_added" in answer.json()["message"] and "currency" in answer.json()["message"]
    status, checked = ask(server, "POST", "/v1/schemas/order/compatibility", stricter)
    assert status == 200 and checked["compatible"] is False
    assert [(b["path"], b["rule"]) for b in checked["breaks"]] == [("#/required", "required_added")]
    ask(server, "PUT", "/v1/schemas/order", {"compatibility": "FORWARD"})
    assert ask(server, "POST", "/v1/schemas/order", stricter)[1]["version"] == 2
    versions = ask(server, "GET", "/v1/schemas/order/versions")[1]["versions"]
    assert [v["version"] for v in versions] == [1, 2]
    assert ask(server, "GET", "/v1/schemas/order/versions/1")[1]["schema"] == ORDER
    assert ask(server, "DELETE", "/v1/schemas/order/versions/2")[1]["deleted"] == [2]
    assert ask(server, "GET", "/v1/schemas/order/versions/latest")[1]["version"] == 1


@pytest.mark.parametrize("body,word", [
    ("{", "JSON"), ("7", "schema"), ('{"type":"nonsense"}', "JSON Schema"), ('{"$ref":"#"}', "never end"),
    ('{"pattern":"(?=x)"}', "linear"), ('{"$ref":"http://127.0.0.1:9/x"}', "not registered"),
    ('{"$schema":"http://json-schema.org/draft-04/schema#"}', "draft"),
    ('{"title":"' + "x" * 300_000 + '"}', "bytes"), ("[" * 100 + "]" * 100, "deep"),
], ids=["cut", "number", "type", "loop", "pattern", "remote", "draft", "size", "depth"])
def test_what_is_no_good_schema_is_refused_with_a_sentence(server, body, word):
    answer = server.request("POST", "/v1/schemas/order", body)
    assert answer.status == 400 and set(answer.json()) == {"error", "message", "hint"}
    assert word in answer.json()["message"]


def test_a_schema_cannot_make_the_server_hang(server):
    doubling = {"$ref": "#/$defs/d0", "$defs": {"d40": {"type": "object"}}}
    for i in range(40):
        doubling["$defs"][f"d{i}"] = {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2}
    assert ask(server, "POST", "/v1/schemas/order?mode=enforce", doubling)[0] == 201
    answer = send(server, *[{"event_type": "order"}] * 50).json()
    assert answer["quarantined"] == 50 and "reasonable time" in answer["quarantine"][0]["message"]
    assert ask(server, "GET", "/v1/schemas/order")[1]["counts"]["undecided"] == 50


def test_the_events_of_one_request_share_a_limit_of_steps_and_cheap_ones_are_judged_all_the_same(server):
    costly = {"anyOf": [{"type": "object", "required": [f"n{i}"]} for i in range(5000)]}
    assert ask(server, "POST", "/v1/schemas/order?mode=enforce", costly)[0] == 201
    assert ask(server, "POST", "/v1/schemas/seen?mode=observe", costly)[0] == 201
    assert ask(server, "POST", "/v1/schemas/cheap?mode=enforce", ORDER)[0] == 201
    good = {"event_type": "order", "n4999": 1}
    assert send(server, *[good] * 100).json()["accepted"] == 100
    mixed = [good, {"event_type": "cheap", "amount": 1}, {"event_type": "cheap"}]
    answer = send(server, *mixed * 1000).json()
    assert answer["received"] == 3000 and answer["accepted"] + answer["quarantined"] == 3000
    over = [one for one in answer["quarantine"] if one["rule"] == "order/1: steps of the request"]
    assert over and "smaller batch" in over[0]["message"] and all(one["index"] % 3 == 0 for one in over)
    counts = ask(server, "GET", "/v1/schemas/order")[1]["counts"]
    assert 0 < counts["undecided"] < 1000 and counts["quarantined"] == 0 and counts["checked"] == 1100
    assert ask(server, "GET", "/v1/schemas/cheap")[1]["counts"] == {"checked": 2000, "observed": 0, "quarantined": 1000, "undecided": 0}
    assert server.rows("select count(*) from events where event_type = 'order'") == [(1100 - counts["undecided"],)]
    assert server.rows("select count(*) from quarantine where rule = 'order/1: steps of the request'") == [(counts["undecided"],)]
    answer = send(server, *[{"event_type": "seen", "n4999": 1}] * 1000).json()
    assert answer["accepted"] == 1000 and ask(server, "GET", "/v1/schemas/seen")[1]["counts"]["undecided"] > 0


def test_subjects_and_versions_that_are_not_there(server):
    for method, path in (("GET", "/v1/schemas/none"), ("DELETE", "/v1/schemas/none"), ("GET", "/v1/schemas/none/versions"),
                         ("GET", "/v1/schemas/base/versions/9"), ("PUT", "/v1/schemas/none"), ("POST", "/v1/schemas/none/validate")):
        status, body = ask(server, method, path, {} if method in ("PUT", "POST") else None)
        assert status == 404 and set(body) == {"error", "message", "hint"}
    assert ask(server, "GET", "/v1/schemas/base/versions/x")[0] == 400
    assert ask(server, "DELETE", "/v1/schemas/base")[0] == 400


def test_keys_may_read_with_query_and_change_with_admin_only(tmp_path):
    with Tidemark(tmp_path / "data", dev=False) as server:
        assert server.request("GET", "/v1/schemas").status == 401
        assert server.request("POST", "/v1/schemas/a", "{}").status == 401


def test_infer_proposes_a_schema_that_its_own_events_keep(server):
    kinds = ["card", "cash"]
    events = [{"event_type": "sale", "user_id": f"u{i}", "properties": {
        "amount": i + 0.5, "kind": kinds[i % 2], "note": None if i % 3 else "n", "items": [{"sku": f"s{i}", "count": i}],
        "ref": f"0190aaaa-bbbb-4ccc-8ddd-eeeeeeee{i:04x}"}} for i in range(60)]
    assert send(server, *events).status == 202
    code, out, _ = tool(server, "infer", "sale", "--limit", "50")
    proposal = json.loads(out)
    assert code == 0 and proposal["events"] == 50
    found = proposal["schema"]["properties"]
    assert found["amount"]["type"] == "number" and found["kind"]["enum"] == kinds
    assert found["note"]["type"] == ["null", "string"] and found["ref"]["format"] == "uuid"
    assert found["items"]["items"]["properties"]["count"]["type"] == "integer"
    assert set(proposal["schema"]["required"]) >= {"amount", "kind", "user_id"}
    assert ask(server, "POST", "/v1/schemas/sale?mode=enforce", proposal["schema"])[0] == 201
    assert send(server, *events).json()["accepted"] == 60
    assert tool(server, "infer", "nothing")[0] == 3


def test_the_command_does_all_that_the_doors_do(server, tmp_path):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(ORDER))
    assert tool(server, "register", "order", str(file), "--mode", "enforce")[0] == 0
    assert json.loads(tool(server, "show", "order")[1])["mode"] == "enforce"
    assert json.loads(tool(server, "show", "order", "--version", "1")[1])["schema"] == ORDER
    assert tool(server, "check", "order", "-", stdin=json.dumps({**ORDER, "title": "x"}))[0] == 0
    assert tool(server, "check", "order", "-", stdin='{"type":"string"}')[0] == 8
    assert tool(server, "validate", "order", "-", stdin='{"event_type":"order","amount":1}\n{"event_type":"order","amount":2}\n')[0] == 0
    code, out, _ = tool(server, "validate", "order", "-", stdin='{"event_type":"order","amount":-1}')
    assert code == 8 and json.loads(out)["results"][0]["findings"][0]["instance_path"] == "/amount"
    assert tool(server, "validate", "order", "--document", "-", stdin='{"amount":1}')[0] == 0
    assert tool(server, "mode", "order", "off", "--compatibility", "NONE")[0] == 0
    code, out, err = tool(server, "register", "purchase", "-", stdin=json.dumps(PRINTED))
    assert code == 0 and "draft 3" in err
    subjects = {s["subject"]: s for s in json.loads(tool(server, "list")[1])["subjects"]}
    assert subjects["order"]["mode"] == "off" and subjects["order"]["compatibility"] == "NONE"
    code, output = tool(server, "delete", "order")[:2]  # Not without being asked, or told.
    assert code == 2 and tool(server, "show", "order")[0] == 0, output
    assert tool(server, "delete", "order", "--yes")[0] == 0
    assert tool(server, "show", "order")[0] == 3


def test_confluents_serialiser_registers_and_reads_back(server):
    confluent_kafka = pytest.importorskip("confluent_kafka.schema_registry.json_schema")
    from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
    from confluent_kafka.schema_registry.error import SchemaRegistryError
    from confluent_kafka.serialization import MessageField, SerializationContext

    client = SchemaRegistryClient({"url": f"http://127.0.0.1:{server.port}"})
    text = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order", **ORDER})
    serializer = confluent_kafka.JSONSerializer(text, client)
    context = SerializationContext("orders", MessageField.VALUE)
    data = serializer({"amount": 12.5, "currency": "EUR"}, context)
    assert data[0] == 0
    number = int.from_bytes(data[1:5], "big")
    assert json.loads(client.get_schema(number).schema_str)["title"] == "Order"
    assert confluent_kafka.JSONDeserializer(None, schema_registry_client=client)(data, context) == {"amount": 12.5, "currency": "EUR"}
    assert client.get_subjects() == ["orders-value"] and client.get_versions("orders-value") == [1]
    assert client.get_latest_version("orders-value").schema_id == number
    assert client.lookup_schema("orders-value", Schema(text, "JSON")).version == 1
    worse = Schema(json.dumps({**ORDER, "required": ["amount", "currency"]}), "JSON")
    assert client.test_compatibility("orders-value", worse) is False
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("orders-value", worse)
    assert refused.value.http_status_code == 409
    client.set_compatibility("orders-value", "NONE")
    assert client.get_compatibility("orders-value") == "NONE"
    assert client.register_schema("orders-value", worse) != number
    assert client.get_versions("orders-value") == [1, 2]
    with pytest.raises(SchemaRegistryError) as missing:
        client.get_versions("nothing-value")
    assert missing.value.error_code == 40401
    # The same subject by the native door, and the schema at work on events of the type it is bound to.
    assert ask(server, "GET", "/v1/schemas/orders-value")[1]["version"] == 2
    assert ask(server, "PUT", "/v1/schemas/orders-value", {"mode": "enforce", "event_types": ["order"]})[0] == 200
    assert send(server, {"event_type": "order", "amount": 1}).json()["status"] == "quarantined"
    # Who has a schema, and who refers to it.
    assert client.get_subjects_by_schema_id(number) == ["orders-value"]
    assert [(one.subject, one.version) for one in client.get_schema_versions(number)] == [("orders-value", 1)]
    basket = {"type": "object", "properties": {"order": {"$ref": "order.json"}}}
    by_number = client.register_schema("baskets-value", Schema(json.dumps(basket), "JSON", [SchemaReference("order.json", "orders-value", 1)]))
    by_newest = client.register_schema("bags-value", Schema(json.dumps(basket), "JSON", [SchemaReference("order.json", "orders-value", -1)]))
    assert client.get_referenced_by("orders-value", 1) == [by_number]
    assert client.get_referenced_by("orders-value", 2) == [by_newest]
    assert client.get_referenced_by("bags-value", 1) == []
    for missing in [lambda: client.get_subjects_by_schema_id(10**6), lambda: client.get_referenced_by("orders-value", 9),
                    lambda: client.get_referenced_by("nothing-value", 1)]:
        with pytest.raises(SchemaRegistryError) as refused:
            missing()
        assert refused.value.http_status_code == 404
    assert client.delete_subject("baskets-value") == [1] and client.delete_subject("bags-value") == [1]
    assert client.get_referenced_by("orders-value", 1) == []
    assert client.delete_version("orders-value", 2) == 2
    assert client.delete_subject("orders-value") == [1]
    assert client.get_subjects() == []


def test_confluents_interface_refuses_other_kinds_of_schemas(server):
    answer = server.request("POST", "/subjects/x-value/versions", json.dumps({"schema": '{"type":"string"}'}))
    assert answer.status == 422 and answer.json()["error_code"] == 42201
    answer = server.request("POST", "/subjects/x-value/versions", json.dumps({"schema": "{", "schemaType": "JSON"}))
    assert answer.status == 422
    for reference in ({"name": "a", "subject": "b", "version": {}}, {"name": "a", "version": 1}, {"name": 1, "subject": "b"}, "a"):
        body = {"schema": "{}", "schemaType": "JSON", "references": [reference]}
        answer = server.request("POST", "/subjects/x-value/versions", json.dumps(body))
        assert (answer.status, answer.json()["error_code"]) == (422, 42201) and "reference" in answer.json()["message"], answer.body
    assert server.request("GET", "/schemas/ids/999").json()["error_code"] == 40403
    assert server.request("GET", "/config").json() == {"compatibilityLevel": "BACKWARD"}


def test_confluents_client_manages_levels_modes_and_contexts(server):
    pytest.importorskip("confluent_kafka.schema_registry")
    from confluent_kafka.schema_registry import ConfigCompatibilityLevel as Level, Metadata, MetadataProperties, Rule, RuleKind, RuleMode, RuleSet, Schema, SchemaRegistryClient, ServerConfig
    from confluent_kafka.schema_registry.error import SchemaRegistryError

    def refused(do):
        with pytest.raises(SchemaRegistryError) as error:
            do()
        return error.value.error_code

    client = SchemaRegistryClient({"url": f"http://127.0.0.1:{server.port}"})
    text = json.dumps(ORDER)
    client.register_schema("orders-value", Schema(text, "JSON"))
    assert client.get_contexts() == ["."] and client.get_contexts(offset=1) == []
    # What a level was is answered when it ends, and then that of all holds, or the built-in one.
    client.set_config(config=ServerConfig(compatibility=Level.FULL))
    client.set_config("orders-value", ServerConfig(compatibility=Level.NONE))
    assert client.delete_config("orders-value").compatibility_level == "NONE"
    assert refused(lambda: client.get_config("orders-value")) == 40408
    assert client.delete_config().compatibility_level == "FULL" and client.get_config().compatibility_level == "BACKWARD"
    assert refused(lambda: client.delete_config("nothing-value")) == 40401
    # One mode.
    assert client.update_global_mode("READWRITE") == client.get_global_mode() == "READWRITE"
    assert client.update_mode("orders-value", "READWRITE") == client.delete_mode("orders-value") == client.get_mode("orders-value") == "READWRITE"
    assert refused(lambda: client.update_mode("orders-value", "READONLY")) == refused(lambda: client.update_global_mode("IMPORT", force=True)) == 42205
    assert refused(lambda: client.update_global_mode("ANY")) == 42204
    # Nobody thinks that rules hold, or finds by metadata what has none.
    assert client.get_latest_with_metadata("orders-value", {}).version == 1
    assert refused(lambda: client.get_latest_with_metadata("orders-value", {"owner": "me"})) == 40403
    assert refused(lambda: client.get_latest_with_metadata("nothing-value", {})) == 40401
    rule = Rule(name="hide", doc="", kind=RuleKind.TRANSFORM, mode=RuleMode.WRITEREAD, type="ENCRYPT", tags=["PII"], params=None, expr=None, on_success=None, on_failure=None, disabled=False)
    for more in ({"metadata": Metadata(tags=None, properties=MetadataProperties({"owner": "me"}), sensitive=None)}, {"rule_set": RuleSet(None, [rule])}):
        assert refused(lambda: client.register_schema("orders-value", Schema(text, "JSON", **more))) == 42201
    assert refused(lambda: client.set_config(config=ServerConfig(compatibility=Level.FULL, compatibility_group="x"))) == 42205
    assert client.get_config().compatibility_level == "BACKWARD"


def test_a_schema_that_refers_to_the_newest_judges_by_it_before_and_after_a_restart(tmp_path):
    def enforced(server):
        return [send(server, {"event_type": "order", "amount": amount}).json()["status"] for amount in (0.5, 5, -5)]

    with Tidemark(tmp_path / "data") as server:
        assert ask(server, "POST", "/v1/schemas/money?compatibility=NONE", {"minimum": 0})[0] == 201
        assert ask(server, "POST", "/v1/schemas/order?mode=enforce", {"properties": {"amount": {"$ref": "/schemas/money"}}})[0] == 201
        assert enforced(server) == ["accepted", "accepted", "quarantined"]
        assert ask(server, "POST", "/v1/schemas/money", {"minimum": 1})[0] == 201
        assert enforced(server) == ["quarantined", "accepted", "quarantined"]
    with Tidemark(tmp_path / "data") as server:
        assert enforced(server) == ["quarantined", "accepted", "quarantined"]
        status, answer = ask(server, "DELETE", "/v1/schemas/money")
        assert status == 409 and "`order` refers to it" in answer["message"]
        answer = server.request("DELETE", "/subjects/money")
        assert (answer.status, answer.json()["error_code"]) == (422, 42206) and "`order` refers to it" in answer.json()["message"]
        assert ask(server, "DELETE", "/v1/schemas/money/versions/2")[0] == 200
        assert enforced(server) == ["accepted", "accepted", "quarantined"]


def test_confluents_interface_does_not_say_that_it_deleted_for_good(server):
    body = json.dumps({"schema": '{"type":"object"}', "schemaType": "JSON"})
    assert server.request("POST", "/subjects/kept-value/versions", body).status == 200
    for path in ("/subjects/kept-value", "/subjects/kept-value/versions/1"):
        answer = server.request("DELETE", path + "?permanent=true")
        assert (answer.status, answer.json()["error_code"]) == (422, 42205), answer.body
    assert server.request("GET", "/subjects/kept-value/versions").json() == [1]
    assert server.request("DELETE", "/subjects/kept-value?permanent=false").json() == [1]


def test_confluents_interface_shows_what_was_deleted_to_who_asks_for_it(server):
    def ask_registry(method, path, body=None):
        answer = server.request(method, path, body and json.dumps(body))
        return answer.json() if answer.status == 200 else answer.json()["error_code"]

    texts = ['{"type":"object"}', '{"type":"object","properties":{"a":{"type":"string"}}}']
    bodies = [{"schema": text, "schemaType": "JSON"} for text in texts]
    ids = [ask_registry("POST", "/subjects/old-value/versions?normalize=false", body)["id"] for body in bodies]
    ask_registry("POST", "/subjects/new-value/versions", bodies[0])
    assert ask_registry("DELETE", "/subjects/old-value/versions/1") == 1
    assert ask_registry("GET", "/subjects/old-value/versions") == [2]
    assert ask_registry("GET", "/subjects/old-value/versions?deleted=true") == [1, 2]
    assert ask_registry("DELETE", "/subjects/old-value") == [2]
    with_deleted = {"/subjects": ["new-value", "old-value"], "/subjects?subjectPrefix=old": ["old-value"], "/subjects/old-value/versions": [1, 2],
                    f"/schemas/ids/{ids[0]}/subjects": ["new-value", "old-value"], "/subjects/old-value/versions/1/referencedby": [],
                    f"/schemas/ids/{ids[1]}/versions": [{"subject": "old-value", "version": 2}], "/subjects/old-value/versions/9": 40402}
    without = {"/subjects": ["new-value"], "/subjects?subjectPrefix=old": [], "/subjects/old-value/versions": 40401,
               f"/schemas/ids/{ids[0]}/subjects": ["new-value"], "/subjects/old-value/versions/1/referencedby": 40401,
               f"/schemas/ids/{ids[1]}/versions": [], "/subjects/old-value/versions/9": 40401}
    for path, answer in with_deleted.items():
        asks = "&" if "?" in path else "?"
        assert ask_registry("GET", f"{path}{asks}deleted=true") == answer, path
        assert ask_registry("GET", f"{path}{asks}deleted=false") == ask_registry("GET", path) == without[path], path
    for version, number in (("1", 1), ("latest", 2)):
        assert ask_registry("GET", f"/subjects/old-value/versions/{version}?deleted=true")["version"] == number
        assert ask_registry("GET", f"/subjects/old-value/versions/{version}/schema?deleted=true") == json.loads(texts[number - 1])
    assert ask_registry("POST", "/subjects/old-value", bodies[1]) == 40401
    assert ask_registry("POST", "/subjects/old-value?deleted=true", bodies[1])["version"] == 2


def test_confluents_lists_come_in_pages(server):
    def ask_registry(path):
        answer = server.get(path)
        return answer.json() if answer.status == 200 else answer.json()["error_code"]

    texts = ['{"type":"object"}', '{"type":"object","properties":{"a":{"type":"string"}}}']
    for subject, versions in (("a-key", 1), ("a-value", 2), ("b-value", 2)):
        for text in texts[:versions]:
            assert server.post(f"/subjects/{subject}/versions", {"schema": text, "schemaType": "JSON"}).status == 200
    names = ["a-key", "a-value", "b-value"]
    for query, wanted in (("", names), ("?offset=1", names[1:]), ("?limit=1", names[:1]), ("?offset=1&limit=1", names[1:2]), ("?offset=9", []), ("?limit=0", []),
                          ("?limit=-1", names), ("?subjectPrefix=a-&offset=1", names[1:2]), ("?subjectPrefix=:*:", names), ("?subjectPrefix=:.:b", names[2:]),
                          ("?subjectPrefix=:other:", []), ("?offset=-1", 422), ("?limit=ten", 422)):
        assert ask_registry("/subjects" + query) == wanted, query

    def schemas(query=""):
        return [(one["subject"], one["version"]) for one in ask_registry("/schemas" + query)]

    every = [("a-key", 1), ("a-value", 1), ("a-value", 2), ("b-value", 1), ("b-value", 2)]
    assert schemas() == every and ask_registry("/schemas?limit=1") == [ask_registry("/subjects/a-key/versions/1")]
    assert schemas("?latestOnly=true") == [every[0], every[2], every[4]]
    assert schemas("?latestOnly=true&offset=1&limit=1&subjectPrefix=:*:") == [every[2]]
    assert [one for start in range(0, 6, 2) for one in schemas(f"?limit=2&offset={start}")] == every
    assert ask_registry("/schemas?offset=x") == 422

    server.request("DELETE", "/subjects/a-value/versions/2")
    server.request("DELETE", "/subjects/b-value")
    assert schemas("?latestOnly=true") == every[:2] and schemas("?latestOnly=true&deleted=true") == [every[0], every[2], every[4]]
    assert schemas("?deletedOnly=true") == every[2:] and ask_registry("/subjects?deletedOnly=true") == ["b-value"]
    assert ask_registry("/subjects/a-value/versions?deletedOnly=true") == [2] and ask_registry("/subjects/b-value/versions?deleted=true&offset=1") == [2]


def test_confluents_registration_is_told_to_wait_while_the_server_starts(tmp_path):
    """The rules of user agents are read from a pipe that nobody writes to: the server listens, and is not ready."""
    os.mkfifo(tmp_path / "rules.yaml")
    schema = {"type": "object", "properties": {"amount": {"type": "number", "x-tidemark-column": True}}}
    with Starting(tmp_path / "data", "-X", f"enrich.agent_rules={tmp_path / 'rules.yaml'}") as server:
        assert server.get("/readyz").status == 503
        answer = server.post("/subjects/orders-value/versions", {"schemaType": "JSON", "schema": json.dumps(schema)})
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0, answer.body
        assert answer.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"
        body = answer.json()
        assert body["error_code"] == 503 and "replaying" in body["message"], body
        assert server.get("/subjects").json() == []  # Nothing was registered.


def test_a_version_that_cannot_be_is_refused_and_nothing_more(server):
    ask(server, "POST", "/v1/schemas/gone", ORDER)
    assert ask(server, "DELETE", "/v1/schemas/gone/versions/latest")[0] == 200
    assert ask(server, "DELETE", "/v1/schemas/gone/versions/latest")[0] == 404
    ask(server, "POST", "/v1/schemas/order", ORDER)
    for version in ("0", "x", "4294967297", "99999999999999999999"):  # The third would be 1 in 32 bits.
        for path in ("", "/schema"):
            answer = server.get(f"/subjects/order/versions/{version}{path}")
            assert (answer.status, answer.json()["error_code"]) == (422, 42202), version
        assert ask(server, "DELETE", f"/subjects/order/versions/{version}")[0] == 422
    assert server.get("/api/schemas/com.acme/order/jsonschema/1-0-2147483647").status == 404
    assert server.get("/subjects/order/versions").json() == [1]


def test_a_subject_is_what_its_path_says_once_decoded(server):
    assert ask(server, "POST", "/v1/schemas/100%2525", ORDER)[0] == 201
    assert server.get("/subjects").json() == ["100%25"]
    assert ask(server, "GET", "/v1/schemas/100%2525")[1]["subject"] == "100%25"
    assert ask(server, "GET", "/v1/schemas/100%25")[0] == 404
    answer = server.request("POST", "/v1/schemas/a%2Fversions", json.dumps(ORDER))
    assert answer.status == 400 and "without /" in answer.json()["message"], answer.body


def test_iglus_path_gives_the_schema_with_its_self(server):
    ask(server, "POST", "/v1/schemas/com.acme.checkout", ORDER)
    answer = server.request("GET", "/api/schemas/com.acme/checkout/jsonschema/1-0-0")
    assert answer.status == 200
    assert answer.json()["self"] == {"vendor": "com.acme", "name": "checkout", "format": "jsonschema", "version": "1-0-0"}
    assert answer.json()["properties"] == ORDER["properties"]
    assert server.request("GET", "/api/schemas/com.acme/checkout/jsonschema/1-0-1").status == 404
    assert server.request("GET", "/api/schemas/com.acme/other/jsonschema/1-0-0").status == 404


def test_event_schemas_is_a_table_with_the_printed_columns(server):
    ask(server, "POST", "/v1/schemas/it's", ORDER)
    ask(server, "POST", "/v1/schemas/order", ORDER)
    ask(server, "POST", "/v1/schemas/order", {**ORDER, "title": "second"})
    assert server.rows("select event_type, schema_version, json_extract(schema_definition, '$.required[0]') from event_schemas"
                       " where schema_version > 0 order by 1, 2") == [("it's", 1, "amount"), ("order", 1, "amount"), ("order", 2, "amount")]
    described = server.rows("describe event_schemas")
    assert [(row[0], row[1]) for row in described] == [
        ("id", "BIGINT"), ("project_id", "VARCHAR"), ("event_type", "VARCHAR"), ("schema_version", "INTEGER"),
        ("schema_definition", "VARCHAR"), ("created_at", "TIMESTAMP WITH TIME ZONE"), ("updated_at", "TIMESTAMP WITH TIME ZONE")]
    assert server.rows("select count(*) from Event_Schemas where schema_version = 0 and created_at is null") == [(5,)]
    assert server.rows("select s.project_id, count(*) from events e right join event_schemas s using (event_type)"
                       " where s.schema_version = 2 group by all") == [("default", 1)]
