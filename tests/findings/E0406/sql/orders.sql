SELECT id, amount FROM {{ use_source("orders") }} WHERE id > 2026-01-31
