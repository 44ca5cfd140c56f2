{{ sink(name="warehouse", table="shop.sales.orders") }}
SELECT id, amount FROM {{ use_source("orders") }}
