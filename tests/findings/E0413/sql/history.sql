{{ sink(name="warehouse", table="history", mode="append") }}
SELECT id, status FROM {{ use_source("orders") }} WHERE amount > 0
