SELECT event_type, count(*) FROM tidemark.default.events GROUP BY event_type ORDER BY event_type;
-- click 200
-- view 100
INSERT INTO tidemark.default.events (event_id, event_type, timestamp, received_at, project_id)
  SELECT 't' || CAST(n AS VARCHAR), 'trino', TIMESTAMP '2026-03-01 00:00:00 UTC' + n * INTERVAL '1' HOUR, now(), 'default'
  FROM UNNEST(sequence(0, 19)) t(n);
ALTER TABLE tidemark.default.events ADD COLUMN note VARCHAR;
DELETE FROM tidemark.default.events WHERE event_id IN ('t3', 'e1');
UPDATE tidemark.default.events SET note = 'seen' WHERE event_id = 't4';
ALTER TABLE tidemark.default.events EXECUTE optimize;
SELECT event_type, count(*), count(note) FROM tidemark.default.events GROUP BY event_type ORDER BY event_type;
-- click 199 0
-- trino 19 1
-- view 100 0
