SELECT id, total FROM {{ use_source("orders") }} WHERE total > 1000
