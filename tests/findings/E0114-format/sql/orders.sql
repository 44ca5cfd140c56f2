{{ sink(name="warehouse", key=["id"]) }}
SELECT id, placed_at FROM {{ use_source("orders") }}
