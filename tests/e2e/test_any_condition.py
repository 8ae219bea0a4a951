"""Conditions made at random give the same rows of a plain table of many small files, whose schema changed in between, as of one table in DuckDB
that has neither files nor bounds: nothing is skipped that matches."""
import decimal
import random

import duckdb
import pyarrow
import pytest

from pyiceberg.catalog import load_catalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import DecimalType, DoubleType, FloatType, IntegerType, LongType, NestedField, StringType, StructType

SCHEMA = Schema(NestedField(1, "a", IntegerType()), NestedField(2, "f", FloatType()), NestedField(3, "d", DecimalType(4, 2)),
                NestedField(4, "s", StructType(NestedField(5, "x", IntegerType()), NestedField(6, "y", StringType()))), NestedField(7, "z", StringType()))
SPECS = {"none": None, "bucket": (1, BucketTransform(3)), "truncated": (1, TruncateTransform(7)), "truncated decimal": (3, TruncateTransform(50)), "decimal": (3, IdentityTransform()),
         "integer": (1, IdentityTransform()), "field": (5, IdentityTransform()), "text": (7, IdentityTransform())}
CONSTANTS = {"b": ["0", "-1", "5", "7", "2147483647", "1099511627776", "-1099511627776", "5.5"], "f": ["1.5", "-1.5", "0", "0.1", "'nan'::double", "'inf'::double", "1.5::float"],
             "d": ["1.25", "-1.25", "99.99", "0", "123456789012345678901234567890.25", "-5000000.5", "1.255"], "s.x": ["1", "-1", "7", "1099511627776"],
             "s.y": ["'a'", "'b'", "''"], "a": ["''", "'q'", "'z'", "'zz'", "repeat('z', 30)"]}
FILES, CONDITIONS = 4, 150


def made_row(dice, names, wide):
    """A row in the schema of the beginning, or in the wider one of the end."""
    number = dice.choice([None, 0, -1, 5, dice.randint(-30, 30), *([2**40, -2**40] if wide else [2**31 - 1, -2**31])])
    floating = dice.choice([None, 1.5, -1.5, 0.0, float("nan"), *([0.1] if wide else [])])
    exact = dice.choice([None, "1.25", "-1.25", "99.99", "0.00", *(["123456789012345678901234567890.25", "-5000000.50"] if wide else [])])
    nested = dice.choice([None, {"x": dice.choice([None, 1, -1, 7, *([2**40] if wide else [])]), "y": dice.choice([None, "a", "b"])}])
    text = dice.choice([None, "", "q", "z" * 30])
    return dict(zip(names, (number, floating, None if exact is None else decimal.Decimal(exact), nested, text)))


def made_condition(dice, depth=0):
    if depth < 2 and dice.random() < 0.35:
        inverse = "not " if dice.random() < 0.2 else ""
        return f"{inverse}({made_condition(dice, depth + 1)} {dice.choice(['and', 'or'])} {made_condition(dice, depth + 1)})"
    column = dice.choice(list(CONSTANTS))
    one, two = dice.choice(CONSTANTS[column]), dice.choice(CONSTANTS[column])
    kind = dice.choice(["null", "in", "between", *["compare"] * 5])
    if kind == "null":
        return f"{column} is {dice.choice(['', 'not '])}null"
    if kind == "in":
        return f"{column} {dice.choice(['', 'not '])}in ({one}, {two})"
    if kind == "between":
        return f"{column} between {one} and {two}"
    return f"{column} {dice.choice(['=', '<>', '<', '<=', '>', '>=', 'is distinct from', 'is distinct from'])} {one}"


@pytest.mark.parametrize("spec", SPECS)
def test_any_condition_finds_what_it_does_without_files(server, spec):
    dice = random.Random(spec)
    catalog = load_catalog("tidemark", type="rest", uri=f"http://127.0.0.1:{server.port}/iceberg")
    of = PartitionSpec(PartitionField(SPECS[spec][0], 1000, SPECS[spec][1], "part")) if SPECS[spec] else PartitionSpec()
    table = catalog.create_table("default.any", SCHEMA, partition_spec=of)
    rows = []

    def append(names, wide):
        for _ in range(FILES):
            added = [made_row(dice, names, wide) for _ in range(dice.randint(1, 4))]
            table.append(pyarrow.Table.from_pylist(added, schema=table.schema().as_arrow()))
            rows.extend(dict(zip(("b", "f", "d", "s", "a"), row.values())) for row in added)
    append("afdsz", wide=False)
    with table.update_schema() as update:
        update.update_column("a", LongType()).update_column("f", DoubleType()).update_column("d", DecimalType(38, 2)).update_column(("s", "x"), LongType())
    for old, new in (("a", "b"), ("z", "a")):  # A name goes on to another column.
        with table.update_schema() as update:
            update.rename_column(old, new)
    append("bfdsa", wide=True)
    ours = pyarrow.Table.from_pylist(rows, schema=table.schema().as_arrow())
    plain = duckdb.connect()
    plain.execute("create table one as select * from ours")
    for _ in range(CONDITIONS):
        condition = made_condition(dice)
        [wanted] = plain.execute(f"select count(*) from one where {condition}").fetchall()
        assert server.rows(f"select count(*) from iceberg.any where {condition}") == [wanted], condition
