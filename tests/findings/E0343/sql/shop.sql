{{ sink(name="shop", key=["id"], before="CREATE TEMPORARY TABLE t (id int)", after="DELETE FROM t; ALTER TABLE shop ADD INDEX (status)") }}
SELECT id, status FROM {{ use_source("orders") }}
