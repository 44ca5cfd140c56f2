-- Sales per day.
{{ sink(name="warehose", table="daily_sales") }}
SELECT date_trunc('day', placed_at) AS day, sum(totl) AS total, status
FROM {{ use_source("orders") }}
GROUP BY date_trunc('day', placed_at)
