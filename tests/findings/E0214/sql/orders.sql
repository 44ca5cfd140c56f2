SELECT date_trunc('dya', placed_at) AS day, sum(amount) AS amount
FROM {{ use_source("orders") }}
GROUP BY 1
