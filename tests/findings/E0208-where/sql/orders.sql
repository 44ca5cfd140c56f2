{{ sink(name="warehouse") }}
SELECT status, count(*) AS orders FROM {{ use_source("orders") }} WHERE count(*) > 1 GROUP BY status
