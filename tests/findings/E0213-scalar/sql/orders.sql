{{ sink(name="warehouse") }}
SELECT id, status.name AS status FROM {{ use_source("orders") }}
