{{ sink(name="warehouse", table="orders", key=["id"]) }}
SELECT id, amount FROM {{ use_source("orders") }}
