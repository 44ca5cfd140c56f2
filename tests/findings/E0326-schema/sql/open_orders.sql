{{ sink(name="warehouse", table="public.orders", mode="replace") }}
SELECT id, amount FROM {{ use_source("orders") }}
