SELECT id, (line.price->>'net')::decimal(12,2) AS net, (line.price->>'count')::int AS pieces
FROM (SELECT id, unnest(lines) AS line FROM {{ use_source("orders") }})
