SELECT id, placed_at AT TIME ZONE 'Europe/Zurich' AS placed_at FROM {{ use_source("orders") }}
