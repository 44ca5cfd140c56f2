-- The orders of this year.
{{ sink(name="warehouse", table="recent_orders") }}
SELECT id, total
FROM {{ use_source("orders") }}
WEHRE placed_at > '2026-01-01'
