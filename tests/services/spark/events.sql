SELECT event_type, count(*) FROM `default`.events GROUP BY event_type ORDER BY event_type;
-- click 200
-- view 100
INSERT INTO `default`.events (event_id, event_type, timestamp, received_at, project_id)
  SELECT concat('s', id), 'spark', timestamp'2026-03-01 00:00:00' + make_dt_interval(0, int(id)), now(), 'default' FROM range(20);
ALTER TABLE `default`.events ADD COLUMN note STRING;
DELETE FROM `default`.events WHERE event_type = 'view';  -- Rewrites files.
ALTER TABLE `default`.events SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read');
DELETE FROM `default`.events WHERE event_id IN ('s3', 'e1');  -- Position deletes.
UPDATE `default`.events SET note = 'seen' WHERE event_id = 's4';
CALL tidemark.system.rewrite_data_files(table => 'default.events', options => map('rewrite-all', 'true'));
SELECT event_type, count(*), count(note) FROM `default`.events GROUP BY event_type ORDER BY event_type;
-- click 199 0
-- spark 19 1
