{{ sink(name="warehouse") }}
SELECT id, token FROM {{ use_source("orders") }}
