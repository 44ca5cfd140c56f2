{{ sink(name="warehouse", key=["id"], mode="insert_new", delete_missing=true) }}
SELECT id, amount FROM {{ use_source("orders") }}
