import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog import load_catalog
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import StringType

catalog = load_catalog("tidemark", type="rest", uri="http://127.0.0.1:8080/iceberg", token="tm_...")
catalog.create_namespace_if_not_exists("lab")
rows = pa.table({"id": range(100), "name": [f"n{i}" for i in range(100)]})
table = catalog.create_table("lab.pyiceberg", schema=rows.schema)
table.append(rows)
table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, "first").commit()

with table.update_schema() as update:
    update.add_column("remark", StringType())
with table.update_spec() as update:
    update.add_field("id", BucketTransform(4), "id_bucket")
table.append(pa.table({"id": range(100, 150), "name": [f"n{i}" for i in range(100, 150)], "remark": ["late"] * 50}))
table.delete("id in (" + ", ".join(str(i) for i in range(0, 150, 10)) + ")")  # Rewrites files.
with table.update_schema() as update:
    update.rename_column("remark", "note")

found = table.scan().to_arrow()
assert (len(found), pc.count(found["note"]).as_py(), pc.sum(found["id"]).as_py()) == (135, 45, 10125)
few = table.scan(row_filter="id >= 100 and id < 110", selected_fields=("id",)).to_arrow()
assert (len(few), pc.sum(few["id"]).as_py()) == (9, 945)
first = table.scan(snapshot_id=table.snapshot_by_name("first").snapshot_id).to_arrow()
assert (len(first), pc.sum(first["id"]).as_py()) == (100, 4950)
