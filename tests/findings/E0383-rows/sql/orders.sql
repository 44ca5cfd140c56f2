WITH RECURSIVE n AS (SELECT id FROM {{ use_source("orders") }} UNION ALL SELECT id + 1 FROM n)
SELECT id FROM n
