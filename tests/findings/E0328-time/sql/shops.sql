{{ sink(name="lake", key=["id"]) }}
SELECT id, opens, breaks FROM {{ use_source("shops") }}
