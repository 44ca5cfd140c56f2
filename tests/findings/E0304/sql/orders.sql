{{ sink(name="warehouse", mode="merge", key=["id"]) }}
SELECT id AS order_id, amount FROM {{ use_source("orders") }}
