{{ sink(key=["id"]) }}
SELECT uuid() AS id, status FROM {{ use_source("orders") }}
