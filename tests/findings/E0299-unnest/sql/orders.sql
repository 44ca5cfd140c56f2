SELECT o.id, u.line.sku AS sku
FROM {{ use_source("orders") }} o CROSS JOIN LATERAL unnest(o.lines) AS u(line)
