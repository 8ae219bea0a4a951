"""Events of the narrow shape that the peers were measured with: some 490 bytes of JSON, 15 columns, five types, ten thousand users, fifty
thousand sessions, 500 pages, six properties; time-ordered, a millisecond apart, the last one about now. Values go round in turn, as the peers were
sent them, so that a codec finds the same bytes again after a thousand events; or they are drawn at random, as events come."""
import random
import time

TYPES = ("page_view", "click", "add_to_cart", "purchase", "search")
DEVICES = (("mobile", "Chrome", "Android"), ("desktop", "Firefox", "Windows"), ("mobile", "Safari", "iOS"))
REFERRERS = ("https://www.google.com/search?q=shop", "https://news.example.com/front-page", "https://mail.example.com/newsletter")
USERS, SESSIONS, PAGES, PRODUCTS = 9_973, 49_999, 500, 1_000
# What the peers store of an event.
COLUMNS = ("event_id", "project_id", "event_type", "user_id", "session_id", "timestamp", "value", "page_url", "page_title", "referrer", "device_type",
           "browser", "os", "country", "properties")


def event(number, milliseconds, n):
    """`n` decides about all values but the id and the time."""
    page, product, (device, browser, system) = n * 31 % PAGES, n * 17 % PRODUCTS, DEVICES[n * 13 % 3]
    seconds, rest = divmod(milliseconds, 1_000)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return (f'{{"event_id":"evt-{number:012d}","event_type":"{TYPES[n * 7 % 5]}","user_id":"user_{n * 7919 % USERS}","session_id":"session_{n * 104729 % SESSIONS}",'
            f'"timestamp":"{at}.{rest:03d}Z","value":{n * 37 % 50_000 / 100},"page_url":"https://shop.example.com/catalog/page-{page}",'
            f'"page_title":"Page {page} of the catalog","referrer":"{REFERRERS[n * 11 % 3]}","device_type":"{device}","browser":"{browser}","os":"{system}",'
            f'"country":"DE","properties":{{"product_id":"p{product}","price":{product * 37 % 5_000 / 100},"quantity":{1 + n % 4},"position":{n % 40},'
            f'"list":"recommended","currency":"EUR"}}}}')


def bodies(count, batch=1_000, drawn=False):
    """NDJSON bodies."""
    first, dice = int(time.time() * 1_000) - count, random.Random(1)
    for begin in range(0, count, batch):
        yield "\n".join(event(n, first + n, dice.randrange(10**9) if drawn else n) for n in range(begin, min(begin + batch, count))).encode()
