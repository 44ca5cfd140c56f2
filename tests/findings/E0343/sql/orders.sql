{{ sink(name="warehouse", key=["id"], after="ANALYZE orders; COMMIT") }}
SELECT id, status FROM {{ use_source("orders") }}
