CREATE NAMESPACE IF NOT EXISTS lab;
CREATE TABLE lab.spark (id BIGINT, name STRING) USING iceberg
  TBLPROPERTIES ('write.delete.mode' = 'merge-on-read', 'write.merge.mode' = 'copy-on-write');
INSERT INTO lab.spark SELECT id, concat('n', id) FROM range(100);
ALTER TABLE lab.spark CREATE TAG first;

ALTER TABLE lab.spark ADD COLUMN note STRING;
ALTER TABLE lab.spark ADD PARTITION FIELD bucket(4, id);
INSERT INTO lab.spark SELECT id, concat('n', id), 'late' FROM range(100, 150);
DELETE FROM lab.spark WHERE id % 10 = 0;  -- Position deletes.
SELECT count(*), count(note), sum(id) FROM lab.spark;
-- 135 45 10125

MERGE INTO lab.spark t USING (SELECT id, 'merged' AS note FROM range(145, 155)) s ON t.id = s.id
  WHEN MATCHED THEN UPDATE SET note = s.note
  WHEN NOT MATCHED THEN INSERT (id, name, note) VALUES (s.id, concat('n', s.id), s.note);
ALTER TABLE lab.spark SET TBLPROPERTIES ('write.delete.mode' = 'copy-on-write');
DELETE FROM lab.spark WHERE id >= 150;
ALTER TABLE lab.spark RENAME COLUMN note TO remark;
UPDATE lab.spark SET remark = 'late' WHERE remark = 'merged';
SELECT count(*), count(remark), sum(id) FROM lab.spark;
-- 135 45 10125
SELECT count(*) FROM lab.spark VERSION AS OF 'first';
-- 100
CALL tidemark.system.rewrite_data_files(table => 'lab.spark', options => map('rewrite-all', 'true'));
SELECT count(*), sum(id) FROM lab.spark WHERE id BETWEEN 100 AND 109;
-- 9 945
CREATE VIEW lab.spark_late AS SELECT id FROM lab.spark WHERE remark = 'late';
SELECT count(*) FROM lab.spark_late;
-- 45
