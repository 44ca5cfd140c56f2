{{ sink(name="warehouse", mode="merge", key=["customer"]) }}
SELECT customer, amount FROM {{ use_source("orders") }}
