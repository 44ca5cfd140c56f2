{{ sink(name="warehouse", table="orders", mode="append") }}
SELECT id, amount FROM {{ use_source("orders") }}
