{{ sink(name="warehouse", mode="merge", key=["id"]) }}
-- Every order; this one is right.
SELECT id, total, placed_at FROM {{ use_source("orders") }}
