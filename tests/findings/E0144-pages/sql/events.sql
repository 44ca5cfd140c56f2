{{ sink(name="warehouse", mode="merge", key=["id"]) }}
SELECT id FROM {{ use_source("events") }}
