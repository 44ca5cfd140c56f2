SELECT id, row_number() OVER (PARTITION BY status) AS n FROM {{ use_source("orders") }} ORDER BY 'id' LIMIT 5
