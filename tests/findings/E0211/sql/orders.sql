{{ sink(name="warehouse") }}
SELECT id, NULL AS note FROM {{ use_source("orders") }}
