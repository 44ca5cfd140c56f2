{{ sink(name="warehouse") }}
SELECT id, amount FROM {{ use_source("orders") }}
