{{ sink(name="warehouse") }}
SELECT id, amount * 1.19 FROM {{ use_source("orders") }}
