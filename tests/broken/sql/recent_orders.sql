{{ sink(name="warehouse") }}
SELECT id, totl
FROM {{ use_source("orders") }}
WHERE placed_at > now() - INTERVAL '7 days'
