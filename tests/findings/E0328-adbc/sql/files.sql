{{ sink(name="warehouse", key=["id"]) }}
SELECT id, hash FROM {{ use_source("files") }}
