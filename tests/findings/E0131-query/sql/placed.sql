SELECT id + status AS sum, placed_at FROM {{ use_source("orders") }}
