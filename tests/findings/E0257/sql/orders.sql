{{ sink(name="warehouse") }}
SELECT id, '${REGION}' AS region FROM {{ use_source("orders") }}
