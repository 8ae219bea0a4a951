"""Real event sets beside the repository: how a row becomes an event, and how its columns are got back.

Each set has one CTE named `events` with the columns of its own files, so that the statements of its
facts.json run on it as they are.
"""
import dataclasses
import gzip
import json
import os
import pathlib

import duckdb
import pyarrow
import pyarrow.compute

SHARED = pathlib.Path(os.environ.get("TIDEMARK_SHARED", pathlib.Path(__file__).resolve().parents[3] / "shared"))
FOLDER = SHARED / "data"
BATCH_EVENTS = 5_000
ROWS_AT_ONCE = 200_000


@dataclasses.dataclass
class EventSet:
    name: str
    lines: object  # () -> bodies of NDJSON, BATCH_EVENTS events each, in the order of the file
    view: str
    senders: int = 1  # More than one: the order in which events arrive does not matter.
    cuts: tuple = ("hybrid", "hot", "settled")
    once: dict = dataclasses.field(default_factory=dict)  # Ends of ids of slow facts, and the one cut where they are asked.

    @property
    def folder(self):
        return FOLDER / self.name

    def facts(self, cut):
        path = self.folder / "facts.json"
        facts = json.loads(path.read_text())["facts"] if path.exists() else []
        elsewhere = tuple(end for end, place in self.once.items() if place != cut)
        return [fact for fact in facts if not fact["id"].endswith(elsewhere)]


def json_of(file, fields):
    """Bodies of one JSON object a row, written by DuckDB: names to expressions that give JSON text."""
    parts = " || ".join(f"',\"{name}\":' || coalesce({text}, 'null')" for name, text in fields.items())
    line = "'{' || substr(" + parts + ", 2) || '}'"

    def bodies():
        rows = duckdb.connect().execute(f"select {line} as line from '{FOLDER / file}'")
        for batch in rows.to_arrow_reader(ROWS_AT_ONCE):
            offsets = pyarrow.array([*range(0, batch.num_rows, BATCH_EVENTS), batch.num_rows], pyarrow.int32())
            lists = pyarrow.ListArray.from_arrays(offsets, batch.column(0))
            yield from (body.as_buffer() for body in pyarrow.compute.binary_join(lists, "\n"))

    return bodies


def text(expression):
    return f"to_json({expression})::varchar"


def plain(expression):
    """Text that needs no escapes."""
    return f"'\"' || {expression} || '\"'"


def object_of(**fields):
    parts = " || ".join(f"',\"{name}\":' || coalesce({value}, 'null')" for name, value in fields.items())
    return "'{' || substr(" + parts + ", 2) || '}'"


def wiki_lines():
    path = FOLDER / "wiki-edits/wikiticker-2015-09-12-sampled.json.gz"
    waiting = []
    for line in gzip.open(path, "rt"):
        user = json.dumps(json.loads(line)["user"])
        waiting.append(f'{{"event_type":"edit","user_id":{user},{line.strip()[1:]}')
        if len(waiting) == BATCH_EVENTS:
            yield "\n".join(waiting).encode()
            waiting = []
    yield "\n".join(waiting).encode()


SOCCER = EventSet(
    "soccer-events",
    json_of(
        "soccer-events/events.parquet",
        {
            "event_id": plain("event_id"),
            "event_type": plain("event_name"),
            "user_id": "case when player_id <> 0 then '\"' || player_id || '\"' end",
            "session_id": plain("match_id"),
            "timestamp": "epoch_us(ts)::varchar",
            "properties": object_of(
                competition=plain("competition"), team_id="team_id::varchar", sub_event_name=plain("sub_event_name"),
                period=plain("period"), tags="replace(tags::varchar, ' ', '')"),
        },
    ),
    """SELECT event_id::BIGINT AS event_id, session_id::INTEGER AS match_id, properties->>'$.competition' AS competition,
    (properties->>'$.team_id')::INTEGER AS team_id, coalesce(user_id::INTEGER, 0) AS player_id, event_type AS event_name,
    properties->>'$.sub_event_name' AS sub_event_name, properties->>'$.period' AS period, timestamp AS ts,
    (properties->'$.tags')::SMALLINT[] AS tags FROM iceberg.events""",
    senders=2,
    cuts=("hybrid", "settled"),  # Loaded once: more than twice the rows of all others together.
    once={"min_gap_gt": "hybrid", "min_gap_ge": "settled"},  # 12 CPU-seconds each, in the engine alone.
)

REPOS = EventSet(
    "repo-history",
    json_of(
        "repo-history/changes.parquet",
        {
            "event_id": text("""repo || '#' || "commit" || '#' || coalesce(path, '')"""),
            "event_type": plain("type"),
            "user_id": plain('"user"'),
            "timestamp": "'\"' || strftime(ts, '%Y-%m-%dT%H:%M:%SZ') || '\"'",
            "properties": object_of(
                repo=plain("repo"), commit=plain('"commit"'), committer=plain("committer"),
                arrival_ts="'\"' || strftime(arrival_ts, '%Y-%m-%dT%H:%M:%SZ') || '\"'", path=text("path")),
        },
    ),
    """SELECT properties->>'$.repo' AS repo, properties->>'$.commit' AS "commit", event_type AS type, user_id AS "user",
    properties->>'$.committer' AS committer, timestamp AS ts, (properties->>'$.arrival_ts')::TIMESTAMPTZ AS arrival_ts,
    properties->>'$.path' AS path FROM analytics_engine.events""",
)

RETAIL = EventSet(
    "online-retail",
    json_of(
        "online-retail/lines.parquet",
        {
            "event_id": text("invoice_no || '#' || line_no"),
            "event_type": "case left(invoice_no, 1) when 'C' then '\"cancel\"' when 'A' then '\"adjust\"' else '\"purchase\"' end",
            "user_id": plain("customer_id"),
            "timestamp": "'\"' || strftime(invoice_ts, '%Y-%m-%dT%H:%M') || '\"'",
            # A JSON number with all the digits of the decimal.
            "unit_price": "unit_price::varchar",
            "properties": object_of(
                invoice_no=text("invoice_no"), line_no="line_no::varchar", stock_code=text("stock_code"), description=text("description"),
                quantity="quantity::varchar", country=text("country")),
        },
    ),
    """SELECT properties->>'$.invoice_no' AS invoice_no, properties->>'$.stock_code' AS stock_code, properties->>'$.description' AS description,
    (properties->>'$.quantity')::INTEGER AS quantity, timestamp AT TIME ZONE 'UTC' AS invoice_ts,
    CAST(properties->>'$.unit_price' AS DECIMAL(12,3)) AS unit_price, user_id::INTEGER AS customer_id, properties->>'$.country' AS country,
    (properties->>'$.line_no')::BIGINT AS line_no, event_type AS type FROM iceberg.events""",
)

WIKI = EventSet(
    "wiki-edits",
    wiki_lines,
    """SELECT timestamp AT TIME ZONE 'UTC' AS time, properties->>'$.channel' AS channel, properties->>'$.cityName' AS cityName,
    properties->>'$.comment' AS comment, properties->>'$.countryIsoCode' AS countryIsoCode, properties->>'$.countryName' AS countryName,
    (properties->>'$.isAnonymous')::BOOLEAN AS isAnonymous, (properties->>'$.isMinor')::BOOLEAN AS isMinor,
    (properties->>'$.isNew')::BOOLEAN AS isNew, (properties->>'$.isRobot')::BOOLEAN AS isRobot,
    (properties->>'$.isUnpatrolled')::BOOLEAN AS isUnpatrolled, (properties->>'$.metroCode')::INTEGER AS metroCode,
    properties->>'$.namespace' AS namespace, properties->>'$.page' AS page, properties->>'$.regionIsoCode' AS regionIsoCode,
    properties->>'$.regionName' AS regionName, user_id AS "user", (properties->>'$.delta')::BIGINT AS delta,
    (properties->>'$.added')::BIGINT AS added, (properties->>'$.deleted')::BIGINT AS deleted FROM events_in_order""",
)

# Facts of wiki-edits take the rows in the order of the file.
WIKI.view = "SELECT * FROM (" + WIKI.view.replace("events_in_order", "(SELECT * FROM iceberg.events ORDER BY log_offset)") + ")"

SETS = {one.name: one for one in (WIKI, RETAIL, REPOS, SOCCER)}
