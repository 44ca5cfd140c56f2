{{ sink(name="lake", key=["id"]) }}
SELECT id, name AS "name of the shop" FROM {{ use_source("shops") }}
