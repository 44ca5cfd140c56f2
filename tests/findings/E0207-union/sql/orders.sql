{{ sink(name="warehouse") }}
SELECT id, amount FROM {{ use_source("orders") }} UNION ALL SELECT id FROM {{ use_source("orders") }}
