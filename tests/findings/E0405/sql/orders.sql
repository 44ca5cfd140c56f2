SELECT id, to_char(placed_at, 'YYYY-MM-DD') AS day FROM {{ use_source("orders") }}
