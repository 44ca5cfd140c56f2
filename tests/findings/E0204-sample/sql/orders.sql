{{ sink(name="warehouse") }}
SELECT id, amont FROM {{ use_source("orders") }}
