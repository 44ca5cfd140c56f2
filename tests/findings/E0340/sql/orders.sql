{{ sink(name="lake", key=["id"]) }}
SELECT id, amount FROM {{ use_source("orders") }}
