"""SQL scripts that a page of docs/engines shows and a test runs: statements that end with `;` at a line's end.

A line `-- name:` before a statement keeps its one value, for `:name` in later ones; lines `-- 1 two` after a statement are
the rows that it must return, in any of their types' texts, NULL as null.
"""
import dataclasses
import re


@dataclasses.dataclass
class Statement:
    text: str
    name: str = ""
    rows: list = dataclasses.field(default_factory=list)


def parse(text):
    statements, lines, name = [], [], ""
    for line in text.splitlines():
        if not lines and line.startswith("-- "):
            words = line[3:].strip()
            if words.endswith(":"):
                name = words[:-1]
            else:
                statements[-1].rows.append(tuple(words.split()))
            continue
        if not lines and not line.strip():
            continue
        code = re.sub(r"\s+-- .*$", "", line)
        lines.append(code)
        if code.endswith(";"):
            statements.append(Statement("\n".join(lines)[:-1], name))
            lines, name = [], ""
    assert not lines, f"a statement without end: {lines}"
    return statements


def run(text, ask):
    """ask(statement) -> rows. Fails with the statement that did."""
    values = {}
    for statement in parse(text):
        sql = re.sub(r"(?<![:\w]):(\w+)", lambda match: str(values[match[1]]), statement.text)
        rows = ask(sql)
        if statement.name:
            [[values[statement.name]]] = rows
        if statement.rows:
            found = [tuple("null" if value is None else str(value) for value in row) for row in rows]
            assert found == statement.rows, f"{sql}\nreturned {found}, not {statement.rows}"
