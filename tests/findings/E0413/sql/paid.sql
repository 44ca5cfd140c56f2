{{ sink(name="warehouse", table="paid", key=["id"]) }}
SELECT id, amount FROM {{ use_source("orders") }} WHERE status = 'paid'
