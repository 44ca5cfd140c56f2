{{ sink(name="database", table="networks", mode="replace") }}
-- How much each seismic network has seen.
SELECT
    properties.net      AS network,
    count(*)            AS earthquakes,
    max(properties.mag) AS strongest
FROM {{ use_source("earthquakes") }}
GROUP BY properties.net
