"""Storms and restarts between the SDKs and the server: they try again, and nothing that they sent is missing.

What was known before (the retry table of docs/reference/clients.md): these SDKs try again after 503, with or without Retry-After, and after a
connection that broke; none of them gives up within the few failures of these runs. So nothing may be missing at all.
"""
import collections
import http.client
import http.server
import json
import os
import threading
import time

SDKS = [(language, sdk) for language in ("node", "python") for sdk in ("segment", "rudder", "posthog")]
COUNT = 330
LONG_SECONDS = float(os.environ.get("TM_SDK_SECONDS", "15"))  # By hand: 60.
STORM_SECONDS = 3  # The least patient SDK gives up after three answers.


class ByNumber:
    """Two storms, and between them a request that meets a server that dies under it; by number of the request of one SDK."""

    STORMS = {1, 2, 6, 7}
    RETRY_AFTER = 1

    def storms(self, number, _):
        return number in self.STORMS

    def restarts(self, number, _):
        return ["kill"] if number == 4 else []


class ByTime:
    """Two storms that are everybody's, a kill -9 between them and a SIGTERM after the second."""

    RETRY_AFTER = 2

    def storms(self, _, elapsed):
        return any(begin <= elapsed < begin + STORM_SECONDS for begin in (0.15 * LONG_SECONDS, 0.6 * LONG_SECONDS))

    def restarts(self, _, elapsed):
        return [how for how, begin in (("kill", 0.4), ("terminate", 0.85)) if elapsed >= begin * LONG_SECONDS]


class Weather:
    """Stands before the server and answers some requests itself. One for each SDK; the restarts are everybody's, each once."""

    def __init__(self, server, plan, restarts):
        self.server, self.plan, self.restarts = server, plan, restarts
        self.start = time.monotonic()
        self.lock = threading.Lock()
        self.statuses = collections.Counter()
        self.requests = 0
        weather = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                weather.handle(self)

            do_GET = do_POST

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.listener.daemon_threads = True
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.listener.server_port}"

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        with self.lock:
            self.requests += 1
            number = self.requests
        elapsed = time.monotonic() - self.start
        if self.plan.storms(number, elapsed):
            self.statuses["storm"] += 1
            refusal = b'{"error":"Service Unavailable","message":"storm"}'
            request.send_response(503)
            request.send_header("Retry-After", str(self.plan.RETRY_AFTER))
            request.send_header("Content-Length", str(len(refusal)))
            request.end_headers()
            request.wfile.write(refusal)
            return
        for how in self.plan.restarts(number, elapsed):
            self.restarts(self.server, how)
        try:
            status, headers, answer = self.forward(request, body)
        except (OSError, http.client.HTTPException):  # It died: so does this connection.
            self.statuses["broken"] += 1
            request.close_connection = True
            return
        self.statuses[status] += 1
        request.send_response(status)
        for name, value in headers:
            if name.lower() in ("content-type", "retry-after"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def forward(self, request, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
            connection.request(request.command, request.path, body, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()


class Restarts:
    """The end of the server and a new start, each once, at the first of the requests that ask for it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.done = []

    def __call__(self, server, how):
        with self.lock:
            if how in self.done:
                return
            self.done.append(how)
            if how == "kill":
                server.kill()
            else:
                assert server.terminate() == 0
            server.start()


def run(server, sdks, plan, *seconds):
    """Sends with all SDKs at once; what the weathers were, and every event is there, once."""
    restarts = Restarts()
    weathers = {one: Weather(server, plan, restarts) for one in SDKS}
    running = {one: sdks.start(one[0], one[1], weathers[one].url, server.key, COUNT, *seconds) for one in SDKS}
    told = {one: json.loads(process.communicate(timeout=300)[0].splitlines()[-1]) for one, process in running.items()}
    found = collections.defaultdict(list)
    for sdk, order in server.rows("select properties->>'$.sdk', (properties->>'$.order')::integer from events where event_type = 'Order Completed'"):
        found[sdk].append(order)
    report = {one: (told[one], dict(weathers[one].statuses)) for one in SDKS}
    for language, sdk in SDKS:
        orders = sorted(found[f"{sdk}-{language}"])
        assert orders == list(range(COUNT)), (language, sdk, len(orders), report)
    for weather in weathers.values():
        weather.listener.shutdown()
    return weathers, restarts, report


def test_no_event_is_missing_after_two_storms_and_a_crash(server, sdks):
    plan = ByNumber()
    weathers, restarts, report = run(server, sdks, plan)
    assert restarts.done == ["kill"], report
    for weather in weathers.values():
        if weather.requests > max(plan.STORMS):
            assert weather.statuses["storm"] == len(plan.STORMS), report
    assert sum(weather.requests > max(plan.STORMS) for weather in weathers.values()) >= 4, report


def test_no_event_is_missing_after_a_run_through_storms_a_crash_and_an_orderly_restart(server, sdks):
    weathers, restarts, report = run(server, sdks, ByTime(), LONG_SECONDS)
    assert restarts.done == ["kill", "terminate"], report
    assert all(weather.statuses["storm"] > 0 and weather.statuses[200] > 0 for weather in weathers.values()), report
