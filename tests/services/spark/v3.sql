CREATE TABLE `default`.three (id BIGINT, name STRING) USING iceberg
  TBLPROPERTIES ('format-version' = '3', 'write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read');
INSERT INTO `default`.three SELECT id, concat('n', id) FROM range(100);
INSERT INTO `default`.three SELECT id, concat('n', id) FROM range(100, 150);
DELETE FROM `default`.three WHERE id % 10 = 0;  -- Deletion vectors.
DELETE FROM `default`.three WHERE id = 5;  -- Takes the place of a vector.
UPDATE `default`.three SET name = 'seen' WHERE id IN (1, 101);  -- Rows keep their ids.
SELECT count(*), sum(id), count(DISTINCT _row_id), max(_last_updated_sequence_number) FROM `default`.three;
-- 134 10120 134 5
SELECT DISTINCT content, file_format FROM `default`.three.delete_files;
-- 1 PUFFIN
CALL tidemark.system.rewrite_data_files(table => 'default.three', options => map('rewrite-all', 'true'));
SELECT count(*), sum(id), count(DISTINCT _row_id), max(_last_updated_sequence_number) FROM `default`.three;
-- 134 10120 134 5

CREATE TABLE `default`.raised (id BIGINT, name STRING) USING iceberg
  TBLPROPERTIES ('format-version' = '2', 'write.delete.mode' = 'merge-on-read');
INSERT INTO `default`.raised SELECT id, concat('n', id) FROM range(100);
DELETE FROM `default`.raised WHERE id % 10 = 0;  -- Position deletes.
ALTER TABLE `default`.raised SET TBLPROPERTIES ('format-version' = '3');
INSERT INTO `default`.raised SELECT id, concat('n', id) FROM range(100, 150);
DELETE FROM `default`.raised WHERE id % 10 = 5;  -- Vectors have the position deletes in them.
SELECT count(*), sum(id), count(DISTINCT _row_id) FROM `default`.raised;
-- 125 9600 125
