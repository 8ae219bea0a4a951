import polars as pl
from pyiceberg.catalog import load_catalog
from pyiceberg.types import LongType, NestedField, StringType
from pyiceberg.schema import Schema

catalog = load_catalog("tidemark", type="rest", uri="http://127.0.0.1:8080/iceberg", token="tm_...")
catalog.create_namespace_if_not_exists("lab")
table = catalog.create_table("lab.polars", schema=Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType())))
pl.DataFrame({"id": range(100)}).with_columns(name=pl.format("n{}", "id")).write_iceberg(table, mode="append")
first = table.refresh().current_snapshot().snapshot_id

with table.update_schema() as update:
    update.add_column("note", StringType())
late = pl.DataFrame({"id": range(100, 150)}).with_columns(name=pl.format("n{}", "id"), note=pl.lit("late"))
late.write_iceberg(table.refresh(), mode="append")
table.refresh().delete("id in (" + ", ".join(str(i) for i in range(0, 150, 10)) + ")")

rows = pl.scan_iceberg(table.refresh())
assert rows.select(pl.len(), pl.count("note"), pl.sum("id")).collect().row(0) == (135, 45, 10125)
assert rows.filter(pl.col("id").is_between(100, 109)).select(pl.len(), pl.sum("id")).collect().row(0) == (9, 945)
assert pl.scan_iceberg(table, snapshot_id=first).select(pl.len(), pl.sum("id")).collect().row(0) == (100, 4950)
