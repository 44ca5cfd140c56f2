{{ sink(name="warehouse", table="orders", key=["placed_at"]) }}
SELECT placed_at, amount FROM {{ use_source("orders") }}
