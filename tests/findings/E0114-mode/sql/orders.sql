{{ sink(name="warehouse", mode="upsert", key=["id"]) }}
SELECT id FROM {{ use_source("orders") }}
