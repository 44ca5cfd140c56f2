{{ sink(name="lake", mode="replace", key=["id"]) }}
SELECT id, amount FROM {{ use_source("orders") }}
