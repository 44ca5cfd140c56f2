{{ sink(name="database", table="earthquakes", mode="merge", key=["id"]) }}
-- Every earthquake, one row each.
SELECT
    id,
    to_timestamp_millis(properties.time) AS time,
    properties.mag                       AS magnitude,
    properties.place                     AS place,
    properties.status                    AS status,
    geometry.coordinates[1]              AS longitude,
    geometry.coordinates[2]              AS latitude,
    geometry.coordinates[3]              AS depth_km
FROM {{ use_source("earthquakes") }}
