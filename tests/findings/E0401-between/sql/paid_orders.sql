SELECT id, CASE WHEN id > 5 THEN 1 WHEN id > 5 THEN 2 END AS size
FROM {{ use_source("orders") }}
WHERE id BETWEEN 10 AND 5 OR id IS NULL OR status = status
