SELECT id FROM {{ use_source("orders") }} WHERE regexp_like(status, '(paid')
