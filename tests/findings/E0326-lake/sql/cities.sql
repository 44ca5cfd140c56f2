{{ sink(name="lake", table="shops", key=["id"]) }}
SELECT id, city FROM {{ use_source("shops") }}
