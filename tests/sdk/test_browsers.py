"""Browser SDKs as published, in real Chromium, on a page of another origin: preflights, credentials, the last event by beacon."""
import json
import time

import pytest

# What the server must have been asked; the events that must be there, the last one sent while the page was left.
RUNS = {
    "segment": (["GET /v1/projects/KEY/settings Fetch 200", "POST /v1/i Fetch 200", "POST /v1/p Fetch 200", "POST /v1/t Fetch 200"],
                ["identify", "page", "Order Completed", "Left"]),
    "rudder": (["POST /v1/identify XHR 200", "POST /v1/page XHR 200", "POST /v1/track XHR 200"], ["identify", "page", "Order Completed"]),
    "rudder-beacon": (["GET /sourceConfig/ XHR 200"], ["identify", "page", "Order Completed", "Left"]),
    "posthog": (["GET /array/KEY/config Fetch 200", "POST /e/ Fetch 200", "POST /flags/ Fetch 200"], ["$pageview", "$identify", "Order Completed", "$pageleave"]),
}


def events(server):
    return server.rows("select event_type, user_id, page_url, utm_source, utm_campaign, page_title, user_agent, properties, epoch_ms(timestamp), "
                       "anonymous_id from events order by log_offset")


@pytest.mark.parametrize("sdk", RUNS)
def test_the_browser_sdk_delivers_from_another_origin(server, browser_sdks, sdk):
    asked_for, wanted = RUNS[sdk]
    before = time.time() * 1000
    told = browser_sdks.run("browser", sdk, server.url, server.key)
    found = events(server)
    assert sorted(row[0] for row in found) == sorted(wanted), told
    for request in asked_for:
        assert request.replace("KEY", server.key) in told["asked"], told
    assert not any(request.split()[-1][0] in "45" for request in told["asked"]), told
    assert not any("CORS" in text for text in told["said"]), told
    for name, user, url, source, campaign, title, agent, text, at, anonymous in found:
        assert "/shop" in url and server.key not in text
        assert before - 1000 <= at <= time.time() * 1000 + 1000
        assert agent is None or "Chrome" in agent
    [order] = [row for row in found if row[0] == "Order Completed"]
    properties = json.loads(order[7])
    assert order[1] == "u1" and order[9]
    assert (properties["revenue"], properties["nested"]) == (9.5, {"list": [1, "zwei"]})
    assert (order[3], order[4]) == ("mail", "spring")
