WITH paid AS (SELECT id FROM {{ use_source("orders") }} WHERE status = 'paid')
SELECT id, amount FROM {{ use_source("orders") }}
