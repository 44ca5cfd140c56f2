{{ sink(name="warehouse", mode="replace") }}
SELECT name, count(*) AS updates FROM {{ use_source("repositories") }} GROUP BY name
