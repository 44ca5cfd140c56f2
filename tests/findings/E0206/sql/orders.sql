{{ sink(name="warehouse") }}
SELECT id, uper(status) AS status FROM {{ use_source("orders") }}
