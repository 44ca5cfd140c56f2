{{ sink(name="warehouse", mode="merge", key=["id", "sku"]) }}
SELECT id, line.sku AS sku
FROM (SELECT id, unnest(lines) AS line FROM {{ use_source("orders") }})
