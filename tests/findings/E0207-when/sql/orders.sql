SELECT id, CASE WHEN amount THEN 'paid' ELSE 'open' END AS state FROM {{ use_source("orders") }}
