SELECT event_type, count(*) FROM ice."default".events WHERE event_type IN ('click', 'view') GROUP BY event_type ORDER BY event_type;
-- click 200
-- view 100
INSERT INTO ice."default".events (event_id, event_type, timestamp, received_at, project_id)
  SELECT 'd' || n, 'duck', TIMESTAMPTZ '2026-03-01 00:00:00Z' + to_hours(n % 5), now(), 'default' FROM range(20) t(n);
CALL set_iceberg_table_properties(ice."default".events, {'write.delete.mode': 'merge-on-read', 'write.update.mode': 'merge-on-read'});
DELETE FROM ice."default".events WHERE event_id = 'd3';
UPDATE ice."default".events SET country = 'XX' WHERE event_id = 'd4';
SELECT event_type, count(*), count(country) FROM ice."default".events WHERE event_type = 'duck' GROUP BY event_type;
-- duck 19 1
SELECT count(*) FROM ice."default".events WHERE event_type = 'duck' AND log_offset IS NOT NULL;
-- 0
CREATE TABLE ice."default".duckdb_daily AS SELECT event_type, count(*) AS n FROM ice."default".events GROUP BY event_type;
SELECT n FROM ice."default".duckdb_daily WHERE event_type = 'view';
-- 100
