{{ sink(name="warehouse", mode="merge", key=["id", "id"]) }}
SELECT id, amount FROM {{ use_source("orders") }}
