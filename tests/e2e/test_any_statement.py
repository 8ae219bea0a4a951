"""Statements made at random give the same answers of events and a plain table, wherever their rows are and whatever was done to the tables,
as of the same rows in DuckDB, in tables that have neither files nor hot rows. `--seed=1000 --worlds=300` asks 18,000 others."""
import datetime
import decimal
import json
import math
import random
import re

import duckdb
import pyarrow
import pytest

from pyiceberg.catalog import load_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform
from pyiceberg.types import DateType, DecimalType, DoubleType, FloatType, IntegerType, ListType, LongType, NestedField, StringType, StructType, TimestamptzType
from support import own_commits
from support.server import Tidemark

STATEMENTS = 60
NOON = datetime.datetime(2026, 3, 28, 12, tzinfo=datetime.timezone.utc)  # The day before clocks change in Europe.
PEOPLE = ["u1", "u2", "u3", "U3", "u 4", "ü5", ""]
COLUMNS = {"events": {"event_id": "text", "event_type": "text", "user_id": "text", "country": "text", "value": "double", "timestamp": "time", "properties": "json"},
           "iceberg.people": {"user_id": "text", "tier": "text", "age": "number", "price": "decimal", "born": "date", "tags": "list", "seen": "time", "home": "place", "height": "double"}}
CONSTANTS = {
    "text": ["'u1'", "'u3'", "'DE'", "'a'", "'view'", "''", "'ü5'", "'gold'", "'e1'", "null"],
    "number": ["0", "1", "-1", "7", "3", "42", "3000000000", "null"], "double": ["0", "1.5", "-2.25", "0.125", "1000", "null", "'nan'::double"],
    "decimal": ["1.25", "0.00", "-1.25", "99.99", "1.255", "null"],
    "time": ["«timestamptz '2026-03-28 14:00:00+02'¦timestamp '2026-03-28 12:00:00'»", "«timestamptz '2026-03-29 01:00:00+02'¦timestamp '2026-03-28 23:00:00'»", "«'2026-03-29'::timestamptz¦timestamp '2026-03-29'»",
             "«timestamptz '2026-03-29 00:30:00 Europe/Berlin'¦timestamp '2026-03-28 23:30:00'»", "«'2026-03-28T13:30:00Z'::timestamptz¦timestamp '2026-03-28 13:30:00'»", "«null::timestamptz¦null::timestamp»"],
    "date": ["date '2026-03-28'", "date '2026-03-29'", "date '1999-12-31'", "null"], "truth": ["true", "false", "null"]}
PATHS = ["$.n", "$.plan", "$.cart.total", "$.ok", "$.mixed", "$.list[0]", "$.\"a b\"", "$.none", "$.cart", "n", "plan", "$.list[#-1]", "/cart/total"]
PATTERNS = ["u%", "%3", "_1", "%", "", "u\\%", "%e%", "U_", "e1%", "view", "%i_w"]
REGEXES = ["^u", "[0-9]$", "u|v", "^$", "^view$", "(?i)U3"]

# Of a time in UTC: the interval that a zone's clocks are ahead of it by.
ZONES = {"Asia/Tokyo": "interval '9 hours'", "Europe/Berlin": "case when {0} < timestamp '2026-03-29 01:00:00' then interval '1 hour' else interval '2 hours' end",
         "America/New_York": "case when {0} < timestamp '2026-03-08 07:00:00' then interval '-5 hours' else interval '-4 hours' end"}
OTHER = re.compile("«([^«»¦]*)¦([^«»¦]*)»")


def in_zone(time, zone):
    """The same in SQL of ours and, where DuckDB has no calendar, in its own: between the marks."""
    theirs = said(time, 2)
    return f"«({said(time, 1)} at time zone '{zone}')¦({theirs} + {ZONES[zone].format(theirs)})»"


def said(sql, whose):
    """A statement in SQL of ours (1) or of the other (2)."""
    return OTHER.sub(lambda found: found.group(whose), sql)


class Maker:
    """Statements from dice. A scope is a list of (expression, kind)."""

    def __init__(self, dice):
        self.dice, self.names = dice, 0

    def name(self):
        self.names += 1
        return f"x{self.names}"

    def pick(self, *choices):
        return self.dice.choice(choices)()

    def column(self, kind, scope):
        found = [name for name, one in scope if one == kind]
        return self.dice.choice(found) if found else self.dice.choice(CONSTANTS.get(kind, ["null"]))

    def value(self, kind, scope, depth=0):
        deep = depth < 2 and self.dice.random() < 0.4
        return getattr(self, f"some_{kind}")(scope, depth + 1) if deep and hasattr(self, f"some_{kind}") else self.column(kind, scope)

    def some_text(self, scope, depth):
        v = lambda kind: self.value(kind, scope, depth)
        return self.pick(lambda: f"upper({v('text')})", lambda: f"{v('text')} || {v('text')}", lambda: f"coalesce({v('text')}, {v('text')})", lambda: f"nullif({v('text')}, {v('text')})",
                         lambda: f"substr({v('text')}, 1, 2)", lambda: f"({v('number')})::varchar", lambda: self.path(scope), lambda: self.path(scope), lambda: f"({v('list')})[1]",
                         lambda: f"case when {self.truth(scope, depth)} then {v('text')} else {v('text')} end", lambda: f"strftime({v('time')}, '%Y-%m-%d %H')",
                         lambda: f"regexp_replace({v('text')}, '[0-9]', 'x')", lambda: f"split_part({v('text')}, ' ', 1)", lambda: f"({v('decimal')})::varchar",
                         lambda: f"array_to_string({v('list')}, '-')", lambda: f"dayname({v('time')})", lambda: f"left({v('text')}, -1)")

    def path(self, scope):
        documents = [name for name, kind in scope if kind == "json"]
        if not documents:
            return self.column("text", scope)
        document, path = self.dice.choice(documents), self.dice.choice(PATHS)
        return self.pick(lambda: f"({document}->>'{path}')", lambda: f"json_extract_string({document}, '{path}')", lambda: f"({document}->'{path}')::varchar",
                         lambda: f"json_type({document}, '{path}')", lambda: f"json_extract({document}, '{path}')::varchar")

    def some_number(self, scope, depth):
        v = lambda kind: self.value(kind, scope, depth)
        return self.pick(lambda: f"({v('number')} + {v('number')})", lambda: f"({v('number')} % 5)", lambda: f"length({v('text')})", lambda: f"try_cast({self.path(scope)} as bigint)",
                         lambda: f"coalesce({v('number')}, 0)", lambda: f"extract(hour from {v('time')})", lambda: f"datediff('hour', {v('time')}, {v('time')})", lambda: f"len({v('list')})",
                         lambda: f"epoch_ms({v('time')})", lambda: f"({v('truth')})::int", lambda: f"year({v('date')})", lambda: f"sign({v('double')})::int", lambda: f"-{v('number')}",
                         lambda: f"({v('number')} // 2)", lambda: f"list_position({v('list')}, {v('text')})", lambda: f"extract(dow from {in_zone(v('time'), 'America/New_York')})")

    def some_double(self, scope, depth):
        v = lambda kind: self.value(kind, scope, depth)
        return self.pick(lambda: f"({v('double')} + {v('double')})", lambda: f"({v('double')} * 2)", lambda: f"try_cast({self.path(scope)} as double)", lambda: f"abs({v('double')})",
                         lambda: f"({v('decimal')})::double", lambda: f"({v('number')} / 4)", lambda: f"round({v('double')}, 1)", lambda: f"coalesce({v('double')}, 0)", lambda: f"greatest({v('double')}, {v('double')})")

    def some_decimal(self, scope, depth):
        v = lambda kind: self.value(kind, scope, depth)
        return self.pick(lambda: f"({v('decimal')} + 1.5)", lambda: f"({v('number')} % 1000)::decimal(18,2)", lambda: f"-({v('decimal')})", lambda: f"try_cast({self.path(scope)} as decimal(9,3))", lambda: f"round({v('decimal')}, 1)")

    def some_time(self, scope, depth):
        v = lambda kind: self.value(kind, scope, depth)
        return self.pick(lambda: f"date_trunc('{self.dice.choice(['hour', 'day', 'week', 'month'])}', {v('time')})", lambda: f"({v('time')} + interval '1 day')", lambda: f"time_bucket(interval '6 hours', {v('time')})",
                         lambda: f"({v('date')})::«timestamptz¦timestamp»", lambda: f"({in_zone(v('time'), 'Europe/Berlin')}« at time zone 'UTC'¦»)", lambda: f"least({v('time')}, {v('time')})")

    def some_date(self, scope, depth):
        v = lambda kind: self.value(kind, scope, depth)
        return self.pick(lambda: f"({v('time')})::date", lambda: f"({v('date')} + 1)", lambda: f"({in_zone(v('time'), 'Asia/Tokyo')})::date", lambda: f"last_day({v('date')})")

    def some_list(self, scope, depth):
        return self.pick(lambda: f"list_filter({self.column('list', scope)}::varchar[], lambda y: y > 'a')", lambda: f"[{self.value('text', scope, depth)}]", lambda: f"list_sort({self.column('list', scope)}::varchar[])")

    def some_truth(self, scope, depth):
        return f"({self.truth(scope, depth)})"

    def truth(self, scope, depth=0, inner=True):
        """A condition."""
        dice = self.dice
        if depth < 2 and dice.random() < 0.35:
            return f"{dice.choice(['', '', '', 'not '])}({self.truth(scope, depth + 1, inner)} {dice.choice(['and', 'and', 'or'])} {self.truth(scope, depth + 1, inner)})"
        kind = dice.choice(["text", "text", "number", "double", "decimal", "time", "time", "date"])
        v = lambda: self.value(kind, scope, depth)
        compare = lambda: f"{v()} {dice.choice(['=', '<>', '<', '<=', '>', '>=', 'is distinct from', 'is not distinct from'])} {dice.choice([v, lambda: dice.choice(CONSTANTS[kind])])()}"
        choices = [compare, compare, compare, lambda: f"{v()} is {dice.choice(['', 'not '])}null", lambda: f"{v()} {dice.choice(['', 'not '])}in ({v()}, {dice.choice(CONSTANTS[kind])})",
                   lambda: f"{v()} between {v()} and {v()}", lambda: f"{self.value('text', scope, depth)} {dice.choice(['', 'not '])}{dice.choice(['like', 'ilike'])} '{dice.choice(PATTERNS)}'",
                   lambda: f"regexp_matches({self.value('text', scope, depth)}, '{dice.choice(REGEXES)}')", lambda: f"list_contains({self.value('list', scope, depth)}, {self.value('text', scope, depth)})",
                   lambda: f"starts_with({self.value('text', scope, depth)}, 'u')", lambda: f"{self.path(scope)} = '{dice.choice(['pro', '5', '5.0', 'true', '1.50'])}'",
                   lambda: f"try_cast({self.path(scope)} as {dice.choice(['double', 'bigint', 'boolean', 'decimal(9,2)'])}) {dice.choice(['is not null', '> 0', '= 1'])}"]
        if inner and depth < 2 and dice.random() < 0.15:
            return self.subquery_truth(scope, kind)
        return dice.choice(choices)()

    def subquery_truth(self, scope, kind):
        dice = self.dice
        source, more = self.table()
        within = f"where {self.truth(more + scope if dice.random() < 0.5 else more, 1, False)}" if dice.random() < 0.7 else ""
        return self.pick(lambda: f"{dice.choice(['', 'not '])}exists (select 1 from {source} where {self.truth(more, 1, False)} and {self.column(kind, more)} = {self.column(kind, scope)})",
                         lambda: f"{self.value(kind, scope, 1)} {dice.choice(['', 'not '])}in (select {self.column(kind, more)} from {source} {within})",
                         lambda: f"{self.value('number', scope, 1)} {dice.choice(['<', '=', '>='])} (select {dice.choice(['count(*)', 'count(1)', 'count(' + self.column('text', more) + ')'])} from {source} {within})",
                         lambda: f"{self.value(kind, scope, 1)} {dice.choice(['<', '>=', '='])} {dice.choice(['any', 'all'])} (select {self.column(kind, more)} from {source} {within})")

    def table(self):
        """A table under a name of its own, and its scope."""
        table, name = self.dice.choice([*["events"] * 3, "iceberg.people", "iceberg.people"]), self.name()
        scope = [(f"{name}.{column}", kind) for column, kind in COLUMNS[table].items()]
        return f"{table} {name}", scope + [(f"{place}.{field}", kind) for place, one in scope if one == "place" for field, kind in (("level", "number"), ("city", "text"))]

    def source(self, depth):
        """What stands behind FROM, and its scope."""
        dice = self.dice
        what = dice.random()
        if depth > 1 or what < 0.45:
            return self.table()
        if what < 0.6:
            sql, columns = self.statement(depth + 1)
            name = self.name()
            return f"({sql}) {name}", [(f"{name}.{column}", kind) for column, kind in columns]
        if what < 0.67:
            name = self.name()
            parts = [f"select {', '.join(self.value(kind, scope) for kind in ('text', 'number', 'time'))} from {source} {self.where(scope)}" for source, scope in (self.table() for _ in range(2))]
            return f"({dice.choice([' union all ', ' union all ', ' union ', ' intersect ', ' except ', ' except all ']).join(parts)}) {name}(a, b, c)", [(f"{name}.a", "text"), (f"{name}.b", "number"), (f"{name}.c", "time")]
        left, scope = self.table()
        if what < 0.72:
            name = self.name()
            return self.pick(lambda: (f"generate_series(timestamp '2026-03-27', timestamp '2026-03-30', interval '6 hours') {name}(t) left join {left} on time_bucket(interval '6 hours', {self.column('time', scope)}) = {name}.t«::timestamptz¦»", scope + [(f"{name}.t«::timestamptz¦»", "time")]),
                             lambda: (f"{left}, unnest({self.column('list', scope)}::varchar[]) {name}(e)", scope + [(f"{name}.e", "text")]),
                             lambda: (f"{left}, lateral (select {self.value('text', scope)} as a, {self.value('number', scope)} as b) {name}", scope + [(f"{name}.a", "text"), (f"{name}.b", "number")]),
                             lambda: (f"{left} cross join (select count(*) as n from {(other := self.table())[0]} {self.where(other[1])}) {name}", scope + [(f"{name}.n", "number")]),
                             lambda: (f"(values ('u1', 1), ('ü5', null), (null, 3)) {name}(k, n) left join {left} on {name}.k = {self.column('text', scope)}", scope + [(f"{name}.k", "text"), (f"{name}.n", "number")]))
        right, more = self.table() if dice.random() < 0.6 or depth > 0 else self.source(depth + 1)
        kind = dice.choice(["text", "text", "text", "number", "date", "time"])
        on = f"{self.value(kind, scope, 1)} {dice.choice(['=', '=', '=', '=', 'is not distinct from', '<'])} {self.value(kind, more, 1)}"
        if dice.random() < 0.4:
            on += f" and {self.truth(scope + more, 1, False)}"
        how = dice.choice(["join", "join", "left join", "left join", "right join", "full join", "semi join", "anti join"])
        return f"{left} {how} {right} on {on}", scope if how[:4] in ("semi", "anti") else scope + more

    def where(self, scope):
        return f"where {self.truth(scope)}" if self.dice.random() < 0.7 else ""

    def aggregate(self, scope):
        dice = self.dice
        v = lambda kind: self.value(kind, scope, 1)
        filtered = f" filter ({self.truth(scope, 1, False)})" if dice.random() < 0.25 else ""
        sql, kind = self.pick(lambda: ("count(*)", "number"), lambda: ("count(*)", "number"), lambda: ("count(1)", "number"), lambda: (f"count({v(dice.choice(['text', 'double', 'time', 'list']))})", "number"), lambda: (f"count(distinct {v('text')})", "number"),
                              lambda: (f"sum({v('double')})", "double"), lambda: (f"sum({v('number')})", "huge"), lambda: (f"min({v('text')})", "text"), lambda: (f"max({v('time')})", "time"), lambda: (f"avg({v('double')})", "double"),
                              lambda: (f"min({v('time')})", "time"), lambda: (f"sum({v('decimal')})", "decimal"), lambda: (f"bool_or({v('truth')})", "truth"), lambda: (f"max({v('number')})", "number"),
                              lambda: (f"list_sort(list(distinct {v('text')}))", "list"), lambda: (f"median({v('double')})", "double"), lambda: (f"min({v('double')})", "double"), lambda: (f"max({v('double')})", "double"), lambda: (f"quantile_disc({v('number')}, 0.5)", "number"))
        return sql + ("" if sql.startswith("list_sort") else filtered), kind

    def statement(self, depth=0):
        """A statement and its columns with their kinds."""
        return self.pick(self.plain, self.grouped, self.grouped, self.counted, self.windowed, self.windowed if depth == 0 else self.plain)

    def finished(self, sql, kinds):
        """In an order that leaves open only what is the same, or in none."""
        columns = [f"c{i}" for i in range(len(kinds))]
        if self.dice.random() < 0.35:
            order = ", ".join(f"{i + 1}{self.dice.choice(['', ' desc', ' nulls first', ' desc nulls last'])}" for i in range(len(kinds)))
            sql = f"select * from ({sql}) order by {order}"
            if self.dice.random() < 0.8:
                sql += f" limit {self.dice.choice([0, 1, 3, 10, 1000])}" + (f" offset {self.dice.choice([0, 1, 5, 500])}" if self.dice.random() < 0.4 else "")
        return sql, list(zip(columns, kinds))

    def plain(self, depth=0):
        source, scope = self.source(depth)
        kinds = [self.dice.choice(["text", "number", "double", "time", "decimal", "date", "truth", "list"]) for _ in range(self.dice.randint(1, 4))]
        values = ", ".join(f"{self.value(kind, scope)} as c{i}" for i, kind in enumerate(kinds))
        distinct = "distinct " if self.dice.random() < 0.25 else ""
        if self.dice.random() < 0.15:
            with_scalar = f", (select {self.aggregate(scope)[0]} from {(t := self.table())[0]} where {self.truth(t[1], 1, False)} and {self.column('text', t[1])} = {self.column('text', scope)}) as c{len(kinds)}"
            return f"select {distinct}{values}{with_scalar} from {source} {self.where(scope)}", [(f"c{i}", kind) for i, kind in enumerate(kinds)]
        return self.finished(f"select {distinct}{values} from {source} {self.where(scope)}", kinds)

    def grouped(self, depth=0):
        source, scope = self.source(depth)
        kinds = [self.dice.choice(["text", "text", "number", "date", "time", "truth"]) for _ in range(self.dice.randint(1, 3))]
        keys = [self.value(kind, scope) for kind in kinds]
        aggregates = [self.aggregate(scope) for _ in range(self.dice.randint(1, 3))]
        numbers = [str(i + 1) for i in range(len(keys))]
        group = self.pick(lambda: ", ".join(numbers), lambda: ", ".join(numbers), lambda: f"rollup ({', '.join(keys)})", lambda: f"cube ({', '.join(keys)})",
                          lambda: f"grouping sets (({', '.join(keys)}), ({keys[0]}), ())")
        if "(" in group:  # A constant in them is no key.
            group = group if all(key not in sum(CONSTANTS.values(), []) for key in keys) else ", ".join(numbers)
        values = ", ".join([*(f"{key} as c{i}" for i, key in enumerate(keys)), *(f"{one[0]} as c{i + len(keys)}" for i, one in enumerate(aggregates))])
        having = f"having {self.aggregate(scope)[0]} is not null and count(*) > {self.dice.choice([0, 1, 2])}" if self.dice.random() < 0.3 else ""
        return self.finished(f"select {values} from {source} {self.where(scope)} group by {group} {having}", kinds + [one[1] for one in aggregates])

    def counted(self, depth=0):
        """Of all rows, where the optimizer reads no column."""
        source, scope = self.source(depth)
        where = self.where(scope) if self.dice.random() < 0.5 else ""
        counts = [self.dice.choice(["count(*)", "count(*)", "count(1)", "count()", f"count({self.column('text', scope)})", "sum(1)", f"count(*) filter ({self.truth(scope, 1, False)})", "count(distinct 1)", "count(null)"]) for _ in range(self.dice.randint(1, 2))]
        sql = f"select {', '.join(f'{one} as c{i}' for i, one in enumerate(counts))} from {source} {where}"
        if self.dice.random() < 0.2:
            sql += f" having count(*) > {self.dice.choice([0, 10, 1000])}"
        elif self.dice.random() < 0.2:
            sql += " group by grouping sets ((), ())"
        return self.finished(sql, ["number"] * len(counts))

    def windowed(self, _depth=0):
        source, scope = self.table()
        key = scope[0][0]
        total = ", ".join(name for name, kind in scope if kind != "json")
        part = f"partition by {self.value(self.dice.choice(['text', 'date', 'number']), scope, 1)}" if self.dice.random() < 0.7 else ""
        by = self.value(self.dice.choice(["text", "time", "number", "double"]), scope, 1)
        v = lambda kind: self.value(kind, scope, 1)
        called, kind = self.pick(lambda: (f"rank() over ({part} order by {by})", "number"), lambda: (f"dense_rank() over ({part} order by {by} desc)", "number"), lambda: (f"row_number() over ({part} order by {total})", "number"),
                                 lambda: (f"count(*) over ({part})", "number"), lambda: (f"sum({v('double')}) over ({part} order by {by})", "double"), lambda: (f"lag({key}) over ({part} order by {total})", "text"),
                                 lambda: (f"count(*) over ({part} order by {total} rows between 2 preceding and current row)", "number"), lambda: (f"max({v('text')}) over ({part} order by {total} rows between unbounded preceding and 1 preceding)", "text"),
                                 lambda: (f"count(*) over ({part} order by {self.column('time', scope)} range between interval '6 hours' preceding and current row)", "number"),
                                 lambda: (f"first_value({key}) over ({part} order by {total})", "text"), lambda: (f"ntile(3) over ({part} order by {total})", "number"), lambda: (f"count(*) filter ({self.truth(scope, 1, False)}) over ({part})", "number"))
        kinds = [self.dice.choice(["text", "number", "time"]), kind]
        qualify = f"qualify c1 {self.dice.choice(['is not null', 'is null', '= c1'])}" if self.dice.random() < 0.3 else ""
        if self.dice.random() < 0.15:
            one = self.value("text", scope)
            return self.finished(f"select distinct on ({one}) {one} as c0, {key} as c1 from {source} {self.where(scope)} order by {one}, {total}", ["text", "text"])
        return self.finished(f"select {self.value(kinds[0], scope)} as c0, {called} as c1 from {source} {self.where(scope)} {qualify}", kinds)

    def whole(self):
        """A statement, perhaps with CTEs or of several."""
        what = self.dice.random()
        if what < 0.12:
            inner, columns = self.statement(1)
            name, scope = self.name(), [(column, kind) for column, kind in columns]
            mat = self.dice.choice(["", "materialized ", "not materialized "])
            return f"with {name} as {mat}({inner}) select count(*), count({scope[0][0]}) from {name} a where exists (select 1 from {name} b where a.{scope[0][0]} = b.{scope[0][0]}) union all select count(*), 0 from {name}"
        if what < 0.17:
            source, scope = self.table()
            key = self.column("text", scope)
            return f"with recursive r(k, d) as (select {key}, 0 from {source} {self.where(scope)} union select {(t := self.table())[1][0][0]}, d + 1 from r join {t[0]} on {self.column('text', t[1])} = r.k and r.d < 2) select d, count(*), count(distinct k) from r group by d"
        if what < 0.27:
            parts = []
            for _ in range(self.dice.randint(2, 3)):
                source, scope = self.source(1)
                parts.append(f"(select {', '.join(self.value(kind, scope) for kind in ('text', 'number'))} from {source} {self.where(scope)})" if self.dice.random() < 0.6 else f"(select null::varchar, count(*) from {source} {self.where(scope)})")
            return self.dice.choice([" union all ", " union all ", " union ", " except ", " intersect ", " except all ", " intersect all "]).join(parts)
        return self.statement()[0]


class World:
    """A project with events and a plain table, made at random, and the same in DuckDB."""

    def __init__(self, server, seed):
        self.dice, self.server, self.project = random.Random(seed), server, f"any-{seed}"
        self.headers = {"X-Tidemark-Project": self.project}
        self.events, self.people, self.sent = [], [], 0
        self.catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
        self.send(self.dice.randint(1, 30))
        spec = self.dice.choice([PartitionSpec(), PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "tier")), PartitionSpec(PartitionField(1, 1000, BucketTransform(3), "b"), PartitionField(5, 1001, DayTransform(), "d"))])
        schema = Schema(NestedField(1, "user_id", StringType()), NestedField(2, "tier", StringType()), NestedField(3, "years", IntegerType()), NestedField(4, "price", DecimalType(9, 2)), NestedField(5, "born", DateType()), NestedField(6, "tags", ListType(9, StringType(), False)),
                        NestedField(7, "home", StructType(NestedField(10, "floor", IntegerType(), False), NestedField(11, "city", StringType(), False)), False), NestedField(8, "height", FloatType(), False))
        if not self.catalog.namespace_exists(self.project):
            self.catalog.create_namespace(self.project)
        self.table = self.catalog.create_table(f"{self.project}.people", schema, partition_spec=spec)
        self.evolved = self.by_equality = False
        self.append()
        steps = [self.settle, self.settle, self.send_some, self.send_some, self.append, self.append, self.remove_people, self.remove_events, self.evolve_events]
        for _ in range(self.dice.randint(0, 9)):
            self.dice.choice(steps)()
        self.evolve()
        for _ in range(self.dice.randint(0, 3)):
            self.dice.choice(steps)()
        self.oracle = duckdb.connect()
        self.fill()

    def send_some(self):
        self.send(self.dice.choice([1, 2, 10, 30]))

    def send(self, count):
        lines = []
        for _ in range(count):
            dice = self.dice
            n = self.sent
            self.sent += 1
            event = {"event_id": f"e{n}", "event_type": dice.choice(["view", "view", "buy", "a.b"]), "timestamp": (NOON + datetime.timedelta(minutes=dice.randint(-3000, 3000), microseconds=dice.choice([0, 1, 999_999]))).isoformat()}
            for name, choices in {"user_id": [p for p in PEOPLE if p], "country": ["DE", "FR", "PE"]}.items():
                if dice.random() < 0.8:
                    event[name] = dice.choice(choices)
            if dice.random() < 0.7:
                event["value"] = dice.randint(-40, 4000) / 8
            if dice.random() < 0.85:
                event["properties"] = {name: value for name, value in {"n": dice.choice([1, 5, -3, 2**40]), "plan": dice.choice(["pro", "free", "", "true", None]), "cart": {"total": dice.choice([5.0, 19.99, 1.5]), "k": None}, "ok": dice.choice([True, False]),
                                       "mixed": dice.choice([1, "1.50", "x", None, [1], {"a": 1}, True]), "list": dice.choice([[], [1, "b"], ["b"]]), "a b": dice.choice(["q", 7])}.items() if dice.random() < 0.8}
            lines.append(event)
        answer = self.server.post("/v1/events", "\n".join(map(json.dumps, lines)).encode(), {**self.headers, "Content-Type": "application/x-ndjson"})
        assert answer.status == 202, answer.body
        self.events.extend(lines)

    def settle(self):
        self.server.settle()

    def append(self):
        dice = self.dice
        rows = [{"user_id": dice.choice([*PEOPLE, None]), "tier": dice.choice(["gold", "basic", "", None]), "age": dice.choice([None, 0, 7, 42, -1, *([3_000_000_000] if self.evolved else [])]),
                 "price": dice.choice([None, *map(decimal.Decimal, ("1.25", "-1.25", "99.99", "0.00"))]), "born": dice.choice([None, datetime.date(1999, 12, 31), datetime.date(2026, 3, 28)]),
                 "tags": dice.choice([None, [], ["a"], ["b", None, "u1"]]), "seen": dice.choice([None, NOON, NOON + datetime.timedelta(hours=13)]) if self.evolved else None,
                 "home": dice.choice([None, {"level": None, "city": None}, {"level": dice.choice([0, 7, *([2**40] if self.evolved else [])]), "city": dice.choice(["DE", "u1", None])}]), "height": dice.choice([None, 1.5, -0.0, float("nan"), 1000.0, *([0.1] if self.evolved else [])])} for _ in range(dice.randint(1, 6))]
        if not self.evolved:
            for row in rows:
                row["was"] = row["home"] and {"floor": row["home"]["level"], "city": row["home"]["city"]}
        given = [{**row, "home": row.pop("was")} if "was" in row else row for row in rows]
        given = [{("years" if name == "age" and not self.evolved else name): value for name, value in row.items() if self.evolved or name != "seen"} for row in given]
        self.table.append(pyarrow.Table.from_pylist(given, schema=self.table.schema().as_arrow()))
        self.people.extend(rows)

    def evolve(self):
        with self.table.update_schema() as update:
            update.update_column("years", LongType()).rename_column("years", "age").update_column("price", DecimalType(18, 2)).add_column("seen", TimestamptzType()).update_column("height", DoubleType())\
                .update_column(("home", "floor"), LongType()).rename_column(("home", "floor"), "level")
        self.evolved = True

    def remove_people(self):
        self.table.refresh()
        tier = self.dice.choice(["gold", "basic", ""])
        if not self.by_equality and self.dice.random() < 0.5:
            self.table.delete(EqualTo("tier", tier))
        elif not self.table.spec().fields:
            self.by_equality = True  # PyIceberg reads the table no more.
            made = own_commits.equality_file(self.table, f"eq-{self.sent}-{self.dice.random()}", {"tier": [tier]})
            assert own_commits.commit(self.server, self.table, [made]).status == 200
            self.table.refresh()
        else:
            return
        self.people = [row for row in self.people if row["tier"] != tier]

    def remove_events(self):
        self.settle()
        person = self.dice.choice(["u1", "u2", "u3"])
        self.catalog.load_table(f"{self.project}.events").delete(EqualTo("user_id", person))
        self.events = [event for event in self.events if event.get("user_id") != person]

    def evolve_events(self):
        self.settle()
        with self.catalog.load_table(f"{self.project}.events").update_schema() as update:
            update.add_column(f"more{self.dice.getrandbits(30)}", StringType())

    def fill(self):
        made = [{"event_id": e["event_id"], "event_type": e["event_type"], "user_id": e.get("user_id"), "country": e.get("country"), "value": e.get("value"), "timestamp": datetime.datetime.fromisoformat(e["timestamp"]),
                 "properties": json.dumps(e["properties"], separators=(",", ":"), ensure_ascii=False) if "properties" in e else None} for e in self.events]
        kinds = pyarrow.schema([("event_id", pyarrow.string()), ("event_type", pyarrow.string()), ("user_id", pyarrow.string()), ("country", pyarrow.string()), ("value", pyarrow.float64()), ("timestamp", pyarrow.timestamp("us")), ("properties", pyarrow.string())])
        here = pyarrow.Table.from_pylist(made, schema=kinds)  # noqa: F841
        there = pyarrow.Table.from_pylist(self.people, schema=pyarrow.schema([("user_id", pyarrow.string()), ("tier", pyarrow.string()), ("age", pyarrow.int64()), ("price", pyarrow.decimal128(18, 2)), ("born", pyarrow.date32()), ("tags", pyarrow.list_(pyarrow.string())), ("seen", pyarrow.timestamp("us")), ("home", pyarrow.struct([("level", pyarrow.int64()), ("city", pyarrow.string())])), ("height", pyarrow.float64())]))  # noqa: F841
        self.oracle.execute("create schema iceberg; create table events as select * from here; create table iceberg.people as select * from there")

    def ask(self, sql):
        answer = self.server.post("/v1/sql", json.dumps({"query": said(sql, 1)}), {**self.headers, "Accept": "application/vnd.apache.arrow.stream"})
        if answer.status != 200:
            return answer.json()["message"]
        return pyarrow.ipc.open_stream(answer.body).read_all()

    def ask_oracle(self, sql):
        try:
            return self.oracle.execute(said(sql, 2)).to_arrow_table()
        except duckdb.Error as error:
            return str(error)


def comparable(value):
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value + 0.0:.10e}"
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, dict):
        return tuple(map(comparable, value.values()))
    if isinstance(value, list):
        return tuple(map(comparable, value))
    return value


def rows_of(table):
    return sorted((tuple(map(comparable, row)) for row in zip(*(column.to_pylist() for column in table.columns))), key=repr)


def pytest_generate_tests(metafunc):
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("seed")
        metafunc.parametrize("seed", range(first, first + metafunc.config.getoption("worlds")))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Tidemark(tmp_path_factory.mktemp("any") / "data", "--flush-seconds", "86400", "-X", "flush.kept_rows=1") as running:
        yield running


def types_of(table):
    """What lists call their elements, and whose times are UTC's, is each engine's own affair."""
    return [str(kind).replace(", tz=UTC", "").replace("list<item:", "list<l:") for kind in table.schema.types]


def test_any_statement_answers_as_without_files(server, seed):
    world = World(server, seed)
    maker, answered = Maker(world.dice), 0
    for _ in range(STATEMENTS):
        sql = maker.whole()
        ours, theirs = world.ask(sql), world.ask_oracle(sql)
        assert isinstance(ours, str) == isinstance(theirs, str), f"{said(sql, 1)}\n{ours}\n{theirs}"
        if isinstance(theirs, str):
            continue  # Not every statement that dice make is one.
        assert types_of(ours) == types_of(theirs), said(sql, 1)
        assert rows_of(ours) == rows_of(theirs), said(sql, 1)
        answered += bool(theirs.num_rows)
    assert answered > STATEMENTS / 4
