"""Reads the `*.test` files of this folder: sqllogictest's records with a block of events before them.

    events                     one JSON object a line, up to an empty line; "@now-30s" in a string
                               becomes that time when the events are sent
    generate shop 20000        events of `generated.py` instead
    schema order 4 {...}       a schema that is registered when so many of the events are sent
    params [1, "x"]            of the next record
    min_offset                 the next record waits for the receipt of the events
    statement ok
    statement error some words of the message
    query <types> [rowsort]    I integer, R double (1e-9 relative), D decimal, T everything else
    <SQL>
    ----                       then one row a line, values apart by a tab; NULL, (empty)
    query oracle [rowsort]     no rows: a plain table in DuckDB is asked the same

A line that begins with # is a comment where a record may begin.
"""
import dataclasses
import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Record:
    line: int
    kind: str  # ok, error, query, oracle
    sql: str = ""
    types: str = ""
    rowsort: bool = False
    error: str = ""
    rows: list = dataclasses.field(default_factory=list)
    params: object = None
    min_offset: bool = False


@dataclasses.dataclass
class LogicFile:
    name: str
    events: list  # JSON text of each, as it is sent
    generate: tuple
    records: list
    schemas: list = dataclasses.field(default_factory=list)  # (subject, events before it, JSON text)


def _block(lines, at):
    """The lines from `at` on up to an empty one, and the place after it."""
    end = at
    while end < len(lines) and lines[end].strip():
        end += 1
    return lines[at:end], end + 1


def _record(words, body, line):
    record = Record(line, words[1] if words[0] == "statement" else "query")
    if words[0] == "statement":
        record.error = " ".join(words[2:])
        record.sql = "\n".join(body)
        return record
    if words[1] == "oracle":
        record.kind = "oracle"
    record.types, record.rowsort = words[1], "rowsort" in words[2:]
    split = body.index("----") if "----" in body else len(body)
    assert record.kind == "oracle" or split < len(body), f"line {line}: a query has ---- and its rows"
    record.sql = "\n".join(body[:split])
    record.rows = [row.split("\t") for row in body[split + 1:]]
    return record


def read(path):
    lines = path.read_text().split("\n")
    found = LogicFile(path.stem, [], (), [])
    params, min_offset, at = None, False, 0
    while at < len(lines):
        line, number = lines[at].strip(), at + 1
        at += 1
        if not line or line.startswith("#"):
            continue
        words = line.split()
        if words[0] == "events":
            block, at = _block(lines, at)
            found.events += block
        elif words[0] == "generate":
            found.generate = (words[1], int(words[2]))
        elif words[0] == "schema":
            subject, after, text = line.split(maxsplit=3)[1:]
            found.schemas.append((subject, int(after), text))
        elif words[0] == "params":
            params = json.loads(line[len("params"):])
        elif words[0] == "min_offset":
            min_offset = True
        elif words[0] in ("statement", "query"):
            body, at = _block(lines, at)
            record = _record(words, body, number)
            record.params, record.min_offset = params, min_offset
            params, min_offset = None, False
            found.records.append(record)
        else:
            raise ValueError(f"{path.name}:{number}: {line}")
    return found


def read_all():
    return [read(path) for path in sorted(FOLDER.glob("*.test"))]
