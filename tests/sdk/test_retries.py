"""Storms and a crash between the SDKs and the server: they try again, and nothing that they sent is missing.

What was known before (the retry table of docs/reference/clients.md): these SDKs try again after 503, with or without Retry-After, and after a
connection that broke; none of them gives up within the few failures of this run. So nothing may be missing at all.
"""
import collections
import http.client
import http.server
import json
import threading

SDKS = [(language, sdk) for language in ("node", "python") for sdk in ("segment", "rudder", "posthog")]
COUNT = 330
# By number of the request: two storms, and between them a request that meets a server that dies under it.
STORMS = {1, 2, 6, 7}
CRASH = 4


class Weather:
    """Stands before the server and answers some requests itself. One for each SDK; the crash is everybody's, once."""

    def __init__(self, server, crash):
        self.server, self.crash = server, crash
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
        if number in STORMS:
            self.statuses["storm"] += 1
            refusal = b'{"error":"Service Unavailable","message":"storm"}'
            request.send_response(503)
            request.send_header("Retry-After", "1")
            request.send_header("Content-Length", str(len(refusal)))
            request.end_headers()
            request.wfile.write(refusal)
            return
        if number == CRASH:
            self.crash(self.server)
        try:
            status, headers, answer = self.forward(request, body)
        except OSError:  # It died: so does this connection.
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


class Crash:
    """kill -9 and a new start, at the first of the requests that ask for it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.done = False

    def __call__(self, server):
        with self.lock:
            if not self.done:
                self.done = True
                server.kill()
                server.start()


def test_no_event_is_missing_after_two_storms_and_a_crash(server, sdks):
    crash = Crash()
    weathers = {one: Weather(server, crash) for one in SDKS}
    running = {one: sdks.start(one[0], one[1], weathers[one].url, server.key, COUNT) for one in SDKS}
    told = {one: json.loads(process.communicate(timeout=300)[0].splitlines()[-1]) for one, process in running.items()}
    found = collections.defaultdict(set)
    for sdk, order in server.rows("select properties->>'$.sdk', (properties->>'$.order')::integer from events where event_type = 'Order Completed'"):
        found[sdk].add(order)
    report = {one: (told[one], dict(weathers[one].statuses)) for one in SDKS}
    assert crash.done, report
    for language, sdk in SDKS:
        orders = found[f"{sdk}-{language}"]
        assert orders == set(range(COUNT)), (language, sdk, len(orders), report)
    for one, weather in weathers.items():
        weather.listener.shutdown()
        if weather.requests > max(STORMS):
            assert weather.statuses["storm"] == len(STORMS), (one, report)
    assert sum(weather.requests > max(STORMS) for weather in weathers.values()) >= 4, report
