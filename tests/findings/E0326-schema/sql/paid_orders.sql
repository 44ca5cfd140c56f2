{{ sink(name="warehouse", table="orders", mode="replace") }}
SELECT id, amount FROM {{ use_source("orders") }}
