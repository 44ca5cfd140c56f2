{{ sink(name="warehouse", table="analytics.orders") }}
SELECT id, amount FROM {{ use_source("orders") }}
