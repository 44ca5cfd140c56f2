{{ sink(name="warehouse", key=["folder", "name"]) }}
SELECT folder, name, hash FROM {{ use_source("files") }}
