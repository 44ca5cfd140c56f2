{{ sink(name="lake", before="DELETE FROM orders", after="ANALYZE orders") }}
SELECT id, status FROM {{ use_source("orders") }}
