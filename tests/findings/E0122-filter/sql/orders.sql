{{ sink(name="warehouse") }}
SELECT id FROM {{ use_source("orders") }}
