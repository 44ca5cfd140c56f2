{{ sink(name="warehouse", mode="merge", key=["day"]) }}
SELECT date_trunc('day', placed_at) AS sales_day, sum(total) AS total
FROM {{ use_source("orders") }}
GROUP BY date_trunc('day', placed_at)
