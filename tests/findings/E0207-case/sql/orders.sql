SELECT id, CASE WHEN amount > 100 THEN amount ELSE 'small' END AS size FROM {{ use_source("orders") }}
