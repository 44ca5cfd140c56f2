SELECT id, amount FROM {{ use_source("orders") }} LIMIT 10
