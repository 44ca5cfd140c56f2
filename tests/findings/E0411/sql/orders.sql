{{ sink(name="warehouse", mode="append") }}
SELECT status, count(*) AS orders FROM {{ use_source("orders") }} GROUP BY status
