SELECT id, make_date(2026, 13, 1) AS day FROM {{ use_source("orders") }}
