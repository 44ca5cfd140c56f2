{{ sink(name="lake", table="shops", key=["id"]) }}
SELECT id, name FROM {{ use_source("shops") }}
