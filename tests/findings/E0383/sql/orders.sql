WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT id, i FROM n JOIN {{ use_source("orders") }} AS o ON o.id = n.i
