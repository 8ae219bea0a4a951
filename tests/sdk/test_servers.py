"""Every server SDK, unmodified, only its host changed: its events are found by SQL with the right user, time, type and properties."""
import json

import pytest

COUNT = 100
SDKS = [(language, sdk) for language in ("node", "python") for sdk in ("segment", "rudder", "posthog", "cloudevents")]
START_MS = 1714979289000  # 2024-05-06T07:08:09Z; event i is i ms later.


@pytest.mark.parametrize("language,sdk", SDKS)
def test_events_of_the_sdk_are_found_as_they_were_sent(server, sdks, language, sdk):
    told = sdks.run(language, sdk, server.url, server.key, COUNT)
    assert told == {"errors": []}
    rows = server.rows("select event_id, user_id, epoch_ms(timestamp), properties from events where event_type = 'Order Completed' order by timestamp")
    assert len(rows) == COUNT
    assert len({row[0] for row in rows}) == COUNT
    for i, (event_id, user, at, text) in enumerate(rows):
        properties = json.loads(text)
        assert (user, at) == ("u1", START_MS + i)
        assert (properties["revenue"], properties["order"], properties["nested"]) == (9.5, i, {"list": [1, "zwei", None]})
        if sdk != "posthog":
            assert event_id == f"{'ce' if sdk == 'cloudevents' else sdk}-{language}-{i}"
        assert server.key not in text
    check_identify(server, sdk)
    metrics = server.get("/metrics").body.decode()
    sums = {line.split()[0]: float(line.split()[1]) for line in metrics.splitlines() if line.startswith("tidemark_collect_")}
    assert sums["tidemark_collect_received_events_total"] == sums['tidemark_collect_events_total{outcome="accepted"}'] == server.scalar("select count(*) from events")


def check_identify(server, sdk):
    if sdk == "cloudevents":
        return
    name = {"segment": "identify", "rudder": "identify"}.get(sdk)
    where = f"event_type = '{name}'" if name else "event_type in ('$identify', '$set')"
    [[user, text]] = server.rows(f"select user_id, properties from events where {where}")
    assert user == "u1" and '"plan":"pro"' in text
