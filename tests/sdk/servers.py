"""One run of one server SDK for Python: `python servers.py SDK URL KEY COUNT [SECONDS]`. Sends COUNT events named `Order Completed`, evenly over so long."""
import datetime
import json
import sys
import threading
import time
import urllib.request

SDK, URL, KEY, COUNT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
SECONDS = float(sys.argv[5]) if len(sys.argv) > 5 else 0
START = time.monotonic()
ERRORS = []


def at(i):
    return datetime.datetime(2024, 5, 6, 7, 8, 9, i * 1000, tzinfo=datetime.timezone.utc)


def properties(i):
    return {"sdk": f"{SDK}-python", "revenue": 9.5, "order": i, "nested": {"list": [1, "zwei", None]}}


def numbers():
    """Of the events, each when it is to be sent."""
    clock = threading.Event()
    for i in range(COUNT):
        early = START + SECONDS * i / COUNT - time.monotonic()
        if early > 0:
            clock.wait(early)
        yield i


def segment():
    from segment.analytics.client import Client

    client = Client(KEY, host=URL, gzip=True, on_error=lambda error, _: ERRORS.append(str(error)))
    for i in numbers():
        client.track("u1", "Order Completed", properties(i), timestamp=at(i), anonymous_id="a1", message_id=f"segment-python-{i}")
    client.identify("u1", {"plan": "pro"})
    client.flush()
    client.join()


def rudder():
    from rudderstack.analytics.client import Client

    client = Client(KEY, host=URL, gzip=True, on_error=lambda error, _: ERRORS.append(str(error)))
    for i in numbers():
        client.track("u1", "Order Completed", properties(i), timestamp=at(i), message_id=f"rudder-python-{i}")
    client.identify("u1", {"plan": "pro"})
    client.flush()
    client.join()


def posthog():
    from posthog import Posthog

    client = Posthog(KEY, host=URL, gzip=True, on_error=lambda error, _: ERRORS.append(str(error)))
    for i in numbers():
        client.capture("Order Completed", distinct_id="u1", properties=properties(i), timestamp=at(i))
    client.set(distinct_id="u1", properties={"plan": "pro"})
    client.shutdown()


def cloudevents():
    from cloudevents.core.bindings.http import to_binary_event, to_structured_event
    from cloudevents.core.v1.event import CloudEvent

    for i in range(COUNT):
        attributes = {"type": "Order Completed", "source": "/shop", "id": f"ce-python-{i}", "specversion": "1.0", "time": at(i), "datacontenttype": "application/json"}
        event = CloudEvent(attributes, {"user_id": "u1", **properties(i)})
        message = (to_binary_event if i % 2 else to_structured_event)(event)
        headers = {**dict(message.headers), "X-API-Key": KEY}
        urllib.request.urlopen(urllib.request.Request(URL + "/events", data=message.body, headers=headers, method="POST")).read()


globals()[SDK]()
print(json.dumps({"errors": ERRORS}))
