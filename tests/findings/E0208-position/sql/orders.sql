SELECT status, count(*) AS orders FROM {{ use_source("orders") }} GROUP BY status ORDER BY 3 LIMIT 5
