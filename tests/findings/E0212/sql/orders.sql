{{ sink(name="warehouse") }}
SELECT id
FROM {{ use_source("orders") }} AS a
JOIN {{ use_source("orders") }} AS b ON a.id = b.id
