SELECT id amount, placed_at FROM {{ use_source("orders") }}
