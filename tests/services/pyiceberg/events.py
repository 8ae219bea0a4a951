from datetime import datetime, timedelta, timezone

import pyarrow as pa
from pyiceberg.catalog import load_catalog

catalog = load_catalog("tidemark", type="rest", uri="http://127.0.0.1:8080/iceberg", token="tm_...")
events = catalog.load_table("default.events")
assert len(events.scan(row_filter="event_type == 'click'", selected_fields=("event_id",)).to_arrow()) == 200

day = datetime(2026, 3, 1, tzinfo=timezone.utc)
rows = [{"event_id": f"p{n}", "event_type": "python", "timestamp": day + timedelta(hours=n % 5), "received_at": day, "project_id": "default"}
        for n in range(20)]
events.append(pa.Table.from_pylist(rows, schema=events.schema().as_arrow()))  # log_offset stays null.
events.delete("event_id == 'p3'")

fourth = events.scan(row_filter="event_id == 'p4'").to_arrow()
fourth = fourth.set_column(fourth.schema.get_field_index("country"), "country", pa.array(["XX"]))
events.overwrite(fourth, overwrite_filter="event_id == 'p4'")
events.overwrite(events.scan(row_filter="event_type == 'click'").to_arrow(), overwrite_filter="event_type == 'click'")  # In other files.

mine = events.scan(row_filter="event_type == 'python'", selected_fields=("event_id", "country", "log_offset")).to_arrow().to_pylist()
assert len(mine) == 19 and [row["event_id"] for row in mine if row["country"] == "XX"] == ["p4"]
assert all(row["log_offset"] is None for row in mine)
assert len(events.scan(row_filter="event_type == 'click'", selected_fields=("event_id",)).to_arrow()) == 200
