{{ sink(name="warehouse", mode="append") }}
SELECT id, name FROM {{ use_source("files") }}
