{{ sink(name="lake", mode="merge", key=["id"]) }}
SELECT id, amount FROM {{ use_source("orders") }}
