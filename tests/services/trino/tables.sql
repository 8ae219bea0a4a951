CREATE SCHEMA IF NOT EXISTS tidemark.lab;
CREATE TABLE tidemark.lab.trino (id BIGINT, name VARCHAR);
INSERT INTO tidemark.lab.trino SELECT n, 'n' || CAST(n AS VARCHAR) FROM UNNEST(sequence(0, 99)) t(n);
-- first:
SELECT snapshot_id FROM tidemark.lab."trino$snapshots" ORDER BY committed_at DESC LIMIT 1;

ALTER TABLE tidemark.lab.trino ADD COLUMN note VARCHAR;
ALTER TABLE tidemark.lab.trino SET PROPERTIES partitioning = ARRAY['bucket(id, 4)'];
INSERT INTO tidemark.lab.trino SELECT n, 'n' || CAST(n AS VARCHAR), 'late' FROM UNNEST(sequence(100, 149)) t(n);
DELETE FROM tidemark.lab.trino WHERE id % 10 = 0;
SELECT count(*), count(note), sum(id) FROM tidemark.lab.trino;
-- 135 45 10125

MERGE INTO tidemark.lab.trino t USING (SELECT n AS id, 'merged' AS note FROM UNNEST(sequence(145, 154)) u(n)) s ON t.id = s.id
  WHEN MATCHED THEN UPDATE SET note = s.note
  WHEN NOT MATCHED THEN INSERT (id, name, note) VALUES (s.id, 'n' || CAST(s.id AS VARCHAR), s.note);
DELETE FROM tidemark.lab.trino WHERE id >= 150;
ALTER TABLE tidemark.lab.trino RENAME COLUMN note TO remark;
UPDATE tidemark.lab.trino SET remark = 'late' WHERE remark = 'merged';
SELECT count(*), count(remark), sum(id) FROM tidemark.lab.trino;
-- 135 45 10125
SELECT count(*) FROM tidemark.lab.trino FOR VERSION AS OF :first;
-- 100
ALTER TABLE tidemark.lab.trino EXECUTE optimize;
SELECT count(*), sum(id) FROM tidemark.lab.trino WHERE id BETWEEN 100 AND 109;
-- 9 945
CREATE VIEW tidemark.lab.trino_late AS SELECT id FROM tidemark.lab.trino WHERE remark = 'late';
SELECT count(*) FROM tidemark.lab.trino_late;
-- 45
