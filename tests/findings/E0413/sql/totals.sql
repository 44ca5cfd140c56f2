{{ sink(name="warehouse", table="totals", key=["status"]) }}
SELECT status, count(*) AS orders FROM {{ use_source("orders") }} GROUP BY status
