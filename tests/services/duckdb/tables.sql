CREATE SCHEMA IF NOT EXISTS ice.lab;
CREATE TABLE ice.lab.duckdb (id BIGINT, name VARCHAR);
INSERT INTO ice.lab.duckdb SELECT i, 'n' || i FROM range(100) t(i);
-- first:
SELECT snapshot_id FROM iceberg_snapshots(ice.lab.duckdb) ORDER BY sequence_number LIMIT 1;

ALTER TABLE ice.lab.duckdb ADD COLUMN note VARCHAR;
INSERT INTO ice.lab.duckdb SELECT i, 'n' || i, 'late' FROM range(100, 150) t(i);
DELETE FROM ice.lab.duckdb WHERE id % 10 = 0;  -- Position deletes.
UPDATE ice.lab.duckdb SET note = 'seen' WHERE id < 5;
SELECT count(*), count(note), sum(id) FROM ice.lab.duckdb;
-- 135 49 10125
UPDATE ice.lab.duckdb SET note = NULL WHERE note = 'seen';
SELECT count(*), count(note), sum(id) FROM ice.lab.duckdb;
-- 135 45 10125
SELECT count(*), sum(id) FROM ice.lab.duckdb AT (VERSION => :first);
-- 100 4950
