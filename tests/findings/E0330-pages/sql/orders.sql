{{ sink(name="warehouse", key=["id"], delete_missing=true) }}
SELECT id, amount FROM {{ use_source("orders") }}
