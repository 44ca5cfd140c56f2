{{ sink(name="warehouse") }}
SELECT status, amount, count(*) AS orders FROM {{ use_source("orders") }} GROUP BY status
