from datetime import datetime, timezone

import polars as pl
from pyiceberg.catalog import load_catalog

catalog = load_catalog("tidemark", type="rest", uri="http://127.0.0.1:8080/iceberg", token="tm_...")
events = catalog.load_table("default.events")
counts = pl.scan_iceberg(events).filter(pl.col("event_type").is_in(["click", "view"])).group_by("event_type").len()
assert counts.sort("event_type").collect().rows() == [("click", 200), ("view", 100)]

day = datetime(2026, 3, 1, tzinfo=timezone.utc)
rows = pl.DataFrame({"event_id": [f"l{n}" for n in range(20)]}).with_columns(
    event_type=pl.lit("polars"), timestamp=pl.lit(day), received_at=pl.lit(day), project_id=pl.lit("default"))
rows.write_iceberg(events, mode="append")
events.refresh().delete("event_id == 'l3'")
assert pl.scan_iceberg(events.refresh()).filter(event_type="polars").select(pl.len(), pl.count("log_offset")).collect().row(0) == (19, 0)
