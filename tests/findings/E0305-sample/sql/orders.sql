{{ sink(name="warehouse", key=["id"]) }}
SELECT id, amount FROM {{ use_source("orders") }}
