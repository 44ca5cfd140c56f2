{{ sink(key=["status"]) }}
SELECT status, day, count(*) AS orders FROM {{ use_source("orders") }} GROUP BY status, day
